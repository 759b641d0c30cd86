// Package etcd runs this server's member of the embedded etcd and changes its membership.
package etcd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"sigs.k8s.io/yaml"

	"clustr/kube/config"
	"clustr/kube/layout"
	"clustr/kube/proc"
	"clustr/kube/token"
)

const (
	clientPort  = "2379"
	peerPort    = "2380"
	metricsPort = "2381"
	httpPort    = "2382"
	// LocalEndpoint is where this server's member answers.
	LocalEndpoint = "https://127.0.0.1:" + clientPort
	// ChildName is the member's name among the children.
	ChildName = "etcd"
)

// Name is this member's name, made once: the node's name and a suffix, so that an emptied disk is another member.
func Name(c *config.Config) (string, error) {
	path := c.Dir().Server("db", "etcd", "name")
	if text, err := os.ReadFile(path); err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	suffix, err := token.Random(4)
	if err != nil {
		return "", err
	}
	name := c.NodeName + "-" + suffix
	return name, layout.Write(path, []byte(name), 0o600)
}

// PeerURL is where the member on address talks to its peers.
func PeerURL(address string) string { return "https://" + net.JoinHostPort(address, peerPort) }

// ClientURL is where the member on address serves.
func ClientURL(address string) string { return "https://" + net.JoinHostPort(address, clientPort) }

// Child writes the member's configuration and gives the child to start. peers are all members as `name=url`; joining
// says that the cluster exists already.
func Child(c *config.Config, name string, peers []string, joining bool) (proc.Child, error) {
	settings := settings(c, name)
	settings["initial-cluster"] = strings.Join(peers, ",")
	settings["initial-cluster-state"] = "new"
	if joining {
		settings["initial-cluster-state"] = "existing"
	}
	for _, argument := range c.EtcdArgs {
		key, value, _ := strings.Cut(argument, "=")
		settings[key] = typed(value)
	}
	text, err := yaml.Marshal(settings)
	if err != nil {
		return proc.Child{}, err
	}
	path := c.Dir().Server("db", "etcd", "config")
	if err := layout.Write(path, text, 0o600); err != nil {
		return proc.Child{}, err
	}
	return proc.Child{Name: ChildName, Args: []string{"--config-file=" + path}}, nil
}

func settings(c *config.Config, name string) map[string]any {
	dir := c.Dir()
	security := func(leaf, ca string) map[string]any {
		return map[string]any{
			"cert-file": dir.TLS("etcd", leaf+".crt"), "key-file": dir.TLS("etcd", leaf+".key"),
			"client-cert-auth": true, "trusted-ca-file": dir.TLS("etcd", ca+".crt"),
		}
	}
	metrics := "http://127.0.0.1:" + metricsPort
	if c.EtcdExposeMetrics {
		metrics += ",http://" + net.JoinHostPort(c.NodeIP, metricsPort)
	}
	return map[string]any{
		"name":                        name,
		"data-dir":                    dir.Server("db", "etcd"),
		"listen-client-urls":          LocalEndpoint + "," + ClientURL(c.NodeIP),
		"listen-client-http-urls":     "https://127.0.0.1:" + httpPort,
		"advertise-client-urls":       ClientURL(c.NodeIP),
		"listen-peer-urls":            "https://127.0.0.1:" + peerPort + "," + PeerURL(c.NodeIP),
		"initial-advertise-peer-urls": PeerURL(c.NodeIP),
		"listen-metrics-urls":         metrics,
		"client-transport-security":   security("server-client", "server-ca"),
		"peer-transport-security":     security("peer-server-client", "peer-ca"),
		"heartbeat-interval":          500,
		"election-timeout":            5000,
		"snapshot-count":              10000,
		"log-level":                   "warn",
		"logger":                      "zap",
		"log-outputs":                 []string{"stderr"},
	}
}

func typed(value string) any {
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		return n
	}
	if b, err := strconv.ParseBool(value); err == nil {
		return b
	}
	return value
}

// Client speaks to the members at endpoints with this server's client certificate.
func Client(dir layout.Dir, endpoints ...string) (*clientv3.Client, error) {
	pair, err := tls.LoadX509KeyPair(dir.TLS("etcd", "client.crt"), dir.TLS("etcd", "client.key"))
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(dir.TLS("etcd", "server-ca.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return clientv3.New(clientv3.Config{
		Endpoints:   endpoints,
		TLS:         &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: pool, MinVersion: tls.VersionTLS12},
		DialTimeout: 5 * time.Second,
		Logger:      zap.NewNop(),
	})
}

// WaitHealthy returns when the local member answers a read that needs the quorum.
func WaitHealthy(ctx context.Context, dir layout.Dir) error {
	client, err := Client(dir, LocalEndpoint)
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		_, err := client.Get(attempt, "health")
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("etcd: %w", err)
		case <-time.After(500 * time.Millisecond):
		}
	}
}
