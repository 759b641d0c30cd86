// Package config turns the command line, config.yaml with its drop-ins and the environment into one Config, by k3s's
// rules (docs.k3s.io, "Configuration Options").
package config

import (
	"fmt"
	"net"
	"os"
	"strings"

	"clustr/kube/layout"
)

// Role is what this process was started as.
type Role string

// The two roles.
const (
	Server Role = "server"
	Agent  Role = "agent"
)

// Config is what the user asked for.
type Config struct {
	Role       Role
	ConfigFile string
	DataDir    string
	Debug      bool

	Token, TokenFile, AgentToken, AgentTokenFile string
	ServerURL                                    string
	ClusterInit, ClusterReset                    bool

	BindAddress, AdvertiseAddress          string
	HTTPSListenPort                        int
	TLSSAN, Disable                        []string
	ClusterCIDR, ServiceCIDR, ClusterDNS   []string
	ClusterDomain, ServiceNodePortRange    string
	WriteKubeconfig, WriteKubeconfigMode   string
	WriteKubeconfigGroup, DefaultLocalPath string
	FlannelBackend, FlannelIface           string
	SecretsEncryption, EtcdExposeMetrics   bool
	DisableKubeProxy, DisableScheduler     bool
	DatastoreEndpoint                      string

	NodeName, NodeIP                     string
	WithNodeID, ProtectKernelDefaults    bool
	NodeLabels, NodeTaints               []string
	DefaultRuntime, PauseImage           string
	Snapshotter, PrivateRegistry         string
	ResolvConf                           string
	NoDefaultEndpoint                    bool
	Docker, Rootless, DisableAgent       bool
	KubeletArgs, KubeProxyArgs           []string
	APIServerArgs, ControllerManagerArgs []string
	SchedulerArgs, EtcdArgs              []string
}

// Dir is where this node's data lies.
func (c *Config) Dir() layout.Dir { return layout.Dir(c.DataDir) }

// Load reads the command line (without program and role), the files and the environment. The command line wins over
// the files, the files over the environment.
func Load(role Role, args []string) (*Config, error) {
	c := &Config{Role: role}
	set := flags(c)
	if err := set.parseFlags(args); err != nil {
		return nil, err
	}
	if err := set.applyFiles(c.ConfigFile); err != nil {
		return nil, err
	}
	set.applyEnvironment()
	if err := c.resolve(); err != nil {
		return nil, err
	}
	set.sayWhatIsIgnored()
	return c, nil
}

// Help is the text of `k3s server --help` or `k3s agent --help`: one flag a line.
func Help(role Role) string {
	return flags(&Config{Role: role}).help()
}

func (c *Config) resolve() error {
	for _, refused := range []struct {
		on   bool
		flag string
	}{{c.ClusterReset, "cluster-reset"}, {c.Docker, "docker"}, {c.Rootless, "rootless"}, {c.DisableAgent, "disable-agent"}} {
		if refused.on {
			return fmt.Errorf("--%s is not in this build", refused.flag)
		}
	}
	if c.DatastoreEndpoint != "" {
		return fmt.Errorf("--datastore-endpoint is not in this build: sqlite and embedded etcd are")
	}
	c.TLSSAN, c.Disable = splitCommas(c.TLSSAN), splitCommas(c.Disable)
	c.ClusterCIDR, c.ServiceCIDR = splitCommas(c.ClusterCIDR), splitCommas(c.ServiceCIDR)
	c.ClusterDNS = splitCommas(c.ClusterDNS)
	if err := c.readTokens(); err != nil {
		return err
	}
	if c.Role == Agent && c.ServerURL == "" {
		return fmt.Errorf("--server is required")
	}
	if c.Role == Agent && c.Token == "" {
		return fmt.Errorf("--token is required")
	}
	if err := c.resolveNode(); err != nil {
		return err
	}
	return c.resolveNetwork()
}

func (c *Config) readTokens() error {
	for _, pair := range []struct {
		value *string
		file  string
	}{{&c.Token, c.TokenFile}, {&c.AgentToken, c.AgentTokenFile}} {
		if *pair.value != "" || pair.file == "" {
			continue
		}
		text, err := os.ReadFile(pair.file)
		if err != nil {
			return err
		}
		*pair.value = strings.TrimSpace(string(text))
	}
	return nil
}

func (c *Config) resolveNode() error {
	if c.NodeName == "" {
		host, err := os.Hostname()
		if err != nil {
			return err
		}
		c.NodeName = host
	}
	c.NodeName = strings.ToLower(strings.TrimSpace(c.NodeName))
	if c.WithNodeID {
		id, err := nodeID()
		if err != nil {
			return err
		}
		c.NodeName += "-" + id
	}
	if c.NodeIP == "" {
		address, err := outgoingAddress(c.FlannelIface)
		if err != nil {
			return fmt.Errorf("find the address of this node (set node-ip): %w", err)
		}
		c.NodeIP = address
	}
	c.NodeIP = strings.Split(c.NodeIP, ",")[0]
	if net.ParseIP(c.NodeIP) == nil {
		return fmt.Errorf("invalid node-ip: %s", c.NodeIP)
	}
	return nil
}

func (c *Config) resolveNetwork() error {
	if c.AdvertiseAddress == "" {
		c.AdvertiseAddress = c.NodeIP
	}
	for _, cidr := range append(append([]string{}, c.ClusterCIDR...), c.ServiceCIDR...) {
		if _, _, err := net.ParseCIDR(cidr); err != nil {
			return err
		}
	}
	if len(c.ClusterDNS) == 0 {
		address, err := NthAddress(c.ServiceCIDR[0], 10)
		if err != nil {
			return err
		}
		c.ClusterDNS = []string{address}
	}
	return nil
}

// NthAddress is the address at place n of an IPv4 network.
func NthAddress(cidr string, n byte) (string, error) {
	_, network, err := net.ParseCIDR(cidr)
	if err != nil {
		return "", err
	}
	four := network.IP.To4()
	if four == nil {
		return "", fmt.Errorf("%s: only IPv4 is in this build", cidr)
	}
	return net.IPv4(four[0], four[1], four[2], four[3]+n).String(), nil
}

func splitCommas(values []string) []string {
	var all []string
	for _, value := range values {
		for _, part := range strings.Split(value, ",") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}
