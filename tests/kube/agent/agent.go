// Package agent is what runs on every node, servers included: containerd, kubelet, kube-proxy and the pod network.
package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"clustr/kube/balancer"
	"clustr/kube/config"
	"clustr/kube/containerd"
	"clustr/kube/join"
	"clustr/kube/kubeconfig"
	"clustr/kube/layout"
	"clustr/kube/log"
	"clustr/kube/network"
	"clustr/kube/nodes"
	"clustr/kube/notify"
	"clustr/kube/pki"
	"clustr/kube/proc"
	"clustr/kube/token"
	"clustr/kube/version"
)

// Run is `k3s agent` until ctx ends or a child dies.
func Run(ctx context.Context, c *config.Config) error {
	children := proc.NewGroup()
	defer children.Stop(4*time.Second, "containerd")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	started := make(chan error, 1)
	go func() { started <- joinAndStart(ctx, c, children) }()
	for {
		select {
		case err := <-started:
			if err != nil {
				return err
			}
			notify.Ready()
			log.Info("k3s agent is up and running (%s, %s)", version.Version, version.StandIn)
		case err := <-children.Died():
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

func joinAndStart(ctx context.Context, c *config.Config, children *proc.Group) error {
	log.Info("Starting k3s agent %s (%s)", version.Version, version.StandIn)
	servers, err := balancer.Start(ctx, c.ServerURL, c.Dir().Agent("etc", "k3s-agent-load-balancer.json"))
	if err != nil {
		return err
	}
	var cluster join.Cluster
	for {
		cluster, err = register(ctx, c, servers)
		if err == nil {
			break
		}
		if permanent(err) {
			return fmt.Errorf("failed to validate connection to cluster at %s: %w", c.ServerURL, err)
		}
		log.Error("Waiting to retrieve agent configuration; server is not ready: %v", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(3 * time.Second):
		}
	}
	if err := writeKubeconfigs(c, servers.URL()); err != nil {
		return err
	}
	client, _, err := kubeconfig.Client(c.Dir().Agent(ownKubeconfig), "k3s-agent")
	if err != nil {
		return err
	}
	go servers.Follow(ctx, func(ctx context.Context) ([]string, error) { return nodes.APIServers(ctx, client) })
	return Start(ctx, c, cluster, servers.URL(), children)
}

func permanent(err error) bool {
	return join.Permanent(err) || strings.Contains(err.Error(), "token CA hash does not match")
}

// register fetches the cluster's settings and this node's certificates.
func register(ctx context.Context, c *config.Config, servers *balancer.Balancer) (join.Cluster, error) {
	var cluster join.Cluster
	access, err := join.Connect(ctx, servers.URL(), c.Token, token.NodeUser)
	if err != nil {
		return cluster, err
	}
	if err := access.Decode(ctx, join.Settings, &cluster); err != nil {
		return cluster, err
	}
	clientCA, err := access.Get(ctx, join.ClientCA)
	if err != nil {
		return cluster, err
	}
	dir := c.Dir()
	for name, text := range map[string][]byte{"server-ca.crt": access.CA, "client-ca.crt": clientCA} {
		if err := layout.Write(dir.Agent(name), text, 0o644); err != nil {
			return cluster, err
		}
	}
	if err := fetchCertificates(ctx, c, access); err != nil {
		return cluster, err
	}
	return cluster, nil
}

func fetchCertificates(ctx context.Context, c *config.Config, access *join.Access) error {
	password, err := Password()
	if err != nil {
		return err
	}
	for name, path := range map[string]string{
		"serving-kubelet": join.ServingKubelet, "client-kubelet": join.ClientKubelet,
		"client-kube-proxy": join.ClientKubeProxy, "client-k3s-controller": join.ClientAgent,
	} {
		request, err := pki.Request(c.Dir().Agent(name + ".key"))
		if err != nil {
			return err
		}
		certificate, err := access.Sign(ctx, path, c.NodeName, password, c.NodeIP, request)
		if err != nil {
			return err
		}
		if err := layout.Write(c.Dir().Agent(name+".crt"), certificate, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Password is this node's own, made once and kept in /etc/rancher/node/password.
func Password() (string, error) {
	text, err := os.ReadFile(layout.NodePassword)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	password, err := token.Random(16)
	if err != nil {
		return "", err
	}
	return password, layout.Write(layout.NodePassword, []byte(password+"\n"), 0o600)
}

// Start runs the node's components, its certificates being in place, and returns when the Node object is there and the
// kubelet well. api is where the API answers on this node.
func Start(ctx context.Context, c *config.Config, cluster join.Cluster, api string, children *proc.Group) error {
	if err := writeKubeconfigs(c, api); err != nil {
		return err
	}
	if err := containerd.Start(ctx, c, cluster.FlannelBackend == noNetwork, children); err != nil {
		return err
	}
	client, _, err := kubeconfig.Client(c.Dir().Agent(ownKubeconfig), "k3s-agent")
	if err != nil {
		return err
	}
	if cluster.FlannelBackend == noNetwork {
		log.Info("flannel-backend is none: pod networking is left to another CNI plugin")
	} else if err := network.Start(ctx, c, cluster, client); err != nil {
		return err
	}
	kubelet, err := kubelet(c, cluster)
	if err != nil {
		return err
	}
	if err := children.Start(kubelet); err != nil {
		return err
	}
	if !cluster.DisableKubeProxy {
		if err := children.Start(kubeProxy(c, cluster)); err != nil {
			return err
		}
	}
	return waitRegistered(ctx, c)
}

const (
	noNetwork     = "none"
	ownKubeconfig = "k3scontroller.kubeconfig"
)

func writeKubeconfigs(c *config.Config, api string) error {
	dir := c.Dir()
	for name, pair := range map[string]string{
		"kubelet.kubeconfig": "client-kubelet", "kubeproxy.kubeconfig": "client-kube-proxy",
		ownKubeconfig: "client-k3s-controller",
	} {
		if err := kubeconfig.Write(dir.Agent(name), api, dir.Agent("server-ca.crt"), dir.Agent(pair), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func waitRegistered(ctx context.Context, c *config.Config) error {
	client, _, err := kubeconfig.Client(c.Dir().Agent("kubelet.kubeconfig"), "k3s-agent")
	if err != nil {
		return err
	}
	for {
		_, err := client.CoreV1().Nodes().Get(ctx, c.NodeName, metav1.GetOptions{})
		if err == nil && kubeletWell(ctx) {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
	// The kubelet gives labels at the first registration only.
	return nodes.Mark(ctx, client, c.NodeName, c.NodeLabels, nil)
}

func kubeletWell(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:10248/healthz", nil)
	if err != nil {
		return false
	}
	response, err := (&http.Client{Timeout: 2 * time.Second}).Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}
