package config

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"clustr/kube/layout"
	"clustr/kube/log"
)

// ErrHelp is returned by Load for --help.
var ErrHelp = pflag.ErrHelp

const (
	environment = "environment" // annotation: the variable that sets the flag
	ignored     = "ignored"     // annotation: taken, and said to do nothing
)

type flagSet struct{ *pflag.FlagSet }

func (s *flagSet) parseFlags(args []string) error {
	s.Usage = func() {}
	if err := s.FlagSet.Parse(args); err != nil {
		return err
	}
	if rest := s.Args(); len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q", rest[0])
	}
	return nil
}

func (s *flagSet) applyEnvironment() {
	s.VisitAll(func(f *pflag.Flag) {
		for _, name := range f.Annotations[environment] {
			if value := os.Getenv(name); value != "" && !f.Changed {
				if err := s.Set(f.Name, value); err != nil {
					log.Warn("%s: %v", name, err)
				}
			}
		}
	})
}

func (s *flagSet) sayWhatIsIgnored() {
	s.Visit(func(f *pflag.Flag) {
		if f.Annotations[ignored] != nil && f.Value.String() != f.DefValue {
			log.Warn("--%s is taken and does nothing in this build", f.Name)
		}
	})
}

func (s *flagSet) help() string {
	var text strings.Builder
	fmt.Fprintf(&text, "OPTIONS:\n")
	s.VisitAll(func(f *pflag.Flag) {
		left := "--" + f.Name
		value := ""
		if f.Value.Type() != "bool" {
			value = " value"
		}
		left += value
		if f.Shorthand != "" {
			left += ", -" + f.Shorthand + value
		}
		usage := f.Usage
		if f.DefValue != "" && f.DefValue != "[]" && f.DefValue != "false" {
			usage += fmt.Sprintf(" (default: %s)", f.DefValue)
		}
		if f.Annotations[ignored] != nil {
			usage += " (does nothing in this build)"
		}
		for _, name := range f.Annotations[environment] {
			usage += " [$" + name + "]"
		}
		fmt.Fprintf(&text, "   %-48s %s\n", left, strings.TrimSpace(usage))
	})
	return text.String()
}

// flags binds every flag of c's role to its field.
func flags(c *Config) *flagSet {
	s := &flagSet{pflag.NewFlagSet(string(c.Role), pflag.ContinueOnError)}
	s.SortFlags = false
	s.SetOutput(devNull{})
	shared(s, c)
	node(s, c)
	if c.Role == Server {
		cluster(s, c)
		datastore(s, c)
		doNothing(s, serverOnly)
	} else {
		// An agent learns these from its server.
		c.ClusterCIDR, c.ServiceCIDR, c.ClusterDomain = []string{"10.42.0.0/16"}, []string{"10.43.0.0/16"}, "cluster.local"
	}
	doNothing(s, everywhere)
	return s
}

func shared(s *flagSet, c *Config) {
	s.StringVarP(&c.ConfigFile, "config", "c", layout.ConfigFile, "(config) Load configuration from FILE")
	s.BoolVar(&c.Debug, "debug", false, "(logging) Turn on debug logs")
	s.StringVarP(&c.DataDir, "data-dir", "d", layout.DefaultDataDir, "(data) Folder to hold state")
	s.StringVarP(&c.Token, "token", "t", "", "(cluster) Shared secret used to join a server or agent to a cluster")
	s.StringVar(&c.TokenFile, "token-file", "", "(cluster) File containing the token")
	s.StringVarP(&c.ServerURL, "server", "s", "", "(cluster) Server to connect to, used to join a cluster")
	s.env("config", "K3S_CONFIG_FILE")
	s.env("debug", "K3S_DEBUG")
	s.env("data-dir", "K3S_DATA_DIR")
	s.env("token", "K3S_TOKEN")
	s.env("token-file", "K3S_TOKEN_FILE")
	s.env("server", "K3S_URL")
	// The file must be known before the files are read.
	if file := os.Getenv("K3S_CONFIG_FILE"); file != "" {
		c.ConfigFile = file
	}
}

func node(s *flagSet, c *Config) {
	s.StringVar(&c.NodeName, "node-name", "", "(agent/node) Node name")
	s.BoolVar(&c.WithNodeID, "with-node-id", false, "(agent/node) Append id to node name")
	s.StringArrayVar(&c.NodeLabels, "node-label", nil, "(agent/node) Registering and starting kubelet with set of labels")
	s.StringArrayVar(&c.NodeTaints, "node-taint", nil, "(agent/node) Registering kubelet with set of taints")
	s.StringVarP(&c.NodeIP, "node-ip", "i", "", "(agent/networking) IPv4 address to advertise for node")
	s.StringVar(&c.ResolvConf, "resolv-conf", "", "(agent/networking) Kubelet resolv.conf file")
	s.StringVar(&c.FlannelIface, "flannel-iface", "", "(agent/networking) Interface whose address the node has, without node-ip")
	s.StringVar(&c.DefaultRuntime, "default-runtime", "", "(agent/runtime) Set the default runtime in containerd")
	s.StringVar(&c.PauseImage, "pause-image", "docker.io/rancher/mirrored-pause:3.6", "(agent/runtime) Pause image for containerd")
	s.StringVar(&c.Snapshotter, "snapshotter", "overlayfs", "(agent/runtime) Containerd snapshotter")
	s.StringVar(&c.PrivateRegistry, "private-registry", layout.RegistriesFile, "(agent/runtime) Private registry configuration file")
	s.BoolVar(&c.NoDefaultEndpoint, "disable-default-registry-endpoint", false, "(agent/containerd) No fallback to the registry itself where a mirror is given")
	s.StringArrayVar(&c.KubeletArgs, "kubelet-arg", nil, "(agent/flags) Customized flag for kubelet process")
	s.StringArrayVar(&c.KubeProxyArgs, "kube-proxy-arg", nil, "(agent/flags) Customized flag for kube-proxy process")
	s.BoolVar(&c.ProtectKernelDefaults, "protect-kernel-defaults", false, "(agent/node) Kernel tuning behavior: error if kernel tunables differ from kubelet defaults")
	s.BoolVar(&c.Docker, "docker", false, "(agent/runtime) Use cri-dockerd (refused in this build)")
	s.BoolVar(&c.Rootless, "rootless", false, "(experimental) Run rootless (refused in this build)")
	s.BoolVar(&c.DisableAgent, "disable-agent", false, "(agent) Run no kubelet (refused in this build)")
	s.env("node-name", "K3S_NODE_NAME")
	s.env("resolv-conf", "K3S_RESOLV_CONF")
}

func cluster(s *flagSet, c *Config) {
	s.StringVar(&c.BindAddress, "bind-address", "0.0.0.0", "(listener) Address that the supervisor listens on")
	s.IntVar(&c.HTTPSListenPort, "https-listen-port", 6443, "(listener) HTTPS listen port")
	s.StringVar(&c.AdvertiseAddress, "advertise-address", "", "(listener) Address that the API server advertises")
	s.StringArrayVar(&c.TLSSAN, "tls-san", nil, "(listener) Add additional hostnames or addresses as Subject Alternative Names on the server TLS cert")
	s.StringArrayVar(&c.ClusterCIDR, "cluster-cidr", []string{"10.42.0.0/16"}, "(networking) IPv4 network for pods")
	s.StringArrayVar(&c.ServiceCIDR, "service-cidr", []string{"10.43.0.0/16"}, "(networking) IPv4 network for services")
	s.StringVar(&c.ServiceNodePortRange, "service-node-port-range", "30000-32767", "(networking) Port range to reserve for NodePort services")
	s.StringArrayVar(&c.ClusterDNS, "cluster-dns", nil, "(networking) IPv4 address of coredns, in service-cidr")
	s.StringVar(&c.ClusterDomain, "cluster-domain", "cluster.local", "(networking) Cluster domain")
	s.StringVar(&c.FlannelBackend, "flannel-backend", "vxlan", "(networking) none: no pod networking; anything else: host routes between nodes in this build")
	s.StringVarP(&c.WriteKubeconfig, "write-kubeconfig", "o", layout.Kubeconfig, "(client) Write kubeconfig for admin client to this file")
	s.StringVar(&c.WriteKubeconfigMode, "write-kubeconfig-mode", "0600", "(client) Write kubeconfig with this mode")
	s.StringVar(&c.WriteKubeconfigGroup, "write-kubeconfig-group", "", "(client) Write kubeconfig with this group")
	s.StringVar(&c.AgentToken, "agent-token", "", "(cluster) Shared secret used to join agents to the cluster, but not servers")
	s.StringVar(&c.AgentTokenFile, "agent-token-file", "", "(cluster) File containing the agent secret")
	s.StringArrayVar(&c.Disable, "disable", nil, "(components) Do not deploy packaged components and delete any deployed components (valid items: coredns, servicelb, traefik, local-storage, metrics-server, runtimes)")
	s.BoolVar(&c.DisableScheduler, "disable-scheduler", false, "(components) Disable Kubernetes default scheduler")
	s.BoolVar(&c.DisableKubeProxy, "disable-kube-proxy", false, "(components) Disable running kube-proxy")
	s.StringVar(&c.DefaultLocalPath, "default-local-storage-path", "", "(storage) Default local storage path for local provisioner storage class")
	s.BoolVar(&c.SecretsEncryption, "secrets-encryption", false, "Enable secret encryption at rest")
	s.StringArrayVar(&c.APIServerArgs, "kube-apiserver-arg", nil, "(flags) Customized flag for kube-apiserver process")
	s.StringArrayVar(&c.ControllerManagerArgs, "kube-controller-manager-arg", nil, "(flags) Customized flag for kube-controller-manager process")
	s.StringArrayVar(&c.SchedulerArgs, "kube-scheduler-arg", nil, "(flags) Customized flag for kube-scheduler process")
	s.env("agent-token", "K3S_AGENT_TOKEN")
	s.env("agent-token-file", "K3S_AGENT_TOKEN_FILE")
	s.env("write-kubeconfig", "K3S_KUBECONFIG_OUTPUT")
	s.env("write-kubeconfig-mode", "K3S_KUBECONFIG_MODE")
	s.env("write-kubeconfig-group", "K3S_KUBECONFIG_GROUP")
}

func datastore(s *flagSet, c *Config) {
	s.BoolVar(&c.ClusterInit, "cluster-init", false, "(cluster) Initialize a new cluster using embedded etcd")
	s.BoolVar(&c.ClusterReset, "cluster-reset", false, "(cluster) Forget all peers (refused in this build)")
	s.StringArrayVar(&c.EtcdArgs, "etcd-arg", nil, "(flags) Customized flag for etcd process")
	s.BoolVar(&c.EtcdExposeMetrics, "etcd-expose-metrics", false, "(db) Expose etcd metrics to client interface")
	s.StringVar(&c.DatastoreEndpoint, "datastore-endpoint", "", "(db) Data source (refused in this build)")
	s.env("cluster-init", "K3S_CLUSTER_INIT")
	s.env("datastore-endpoint", "K3S_DATASTORE_ENDPOINT")
}

func (s *flagSet) env(flag, variable string) {
	if err := s.SetAnnotation(flag, environment, []string{variable}); err != nil {
		panic(err)
	}
}

// switchOr is a flag that takes a value, and no value where it is a switch.
type switchOr struct {
	text     string
	isSwitch bool
}

func (v *switchOr) String() string { return v.text }

func (v *switchOr) Set(text string) error {
	if v.isSwitch {
		if _, err := strconv.ParseBool(text); err != nil {
			return errors.New("must be true or false")
		}
		if text == "false" {
			text = ""
		}
	}
	v.text = text
	return nil
}

func (v *switchOr) Type() string {
	if v.isSwitch {
		return "bool"
	}
	return "string"
}

type devNull struct{}

func (devNull) Write(p []byte) (int, error) { return len(p), nil }
