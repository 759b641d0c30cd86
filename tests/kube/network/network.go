// Package network gives pods their network: a bridge on each node by the CNI plugins, a host route to every other
// node's pods, and masquerading for what leaves the cluster. It is what flannel's host-gw backend does.
package network

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"clustr/kube/config"
	"clustr/kube/join"
	"clustr/kube/layout"
	"clustr/kube/log"
)

const (
	bridge = "cni0"
	// every is how often routes and rules are put right even when no Node changed.
	every = 30 * time.Second
)

// Start keeps the network of this node until ctx ends.
func Start(ctx context.Context, c *config.Config, cluster join.Cluster, client kubernetes.Interface) error {
	factory := informers.NewSharedInformerFactory(client, 0)
	nodes := factory.Core().V1().Nodes()
	changed := make(chan struct{}, 1)
	poke := func(any) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	_, err := nodes.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: poke, DeleteFunc: poke,
		UpdateFunc: func(before, after any) {
			if key(before) != key(after) {
				poke(after)
			}
		},
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	go func() {
		factory.WaitForCacheSync(ctx.Done())
		for {
			if err := settle(ctx, c, cluster, nodes.Lister()); err != nil {
				log.Warn("pod network: %v", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-changed:
			case <-time.After(every):
			}
		}
	}()
	return nil
}

func key(object any) string {
	node, ok := object.(*corev1.Node)
	if !ok {
		return ""
	}
	return node.Spec.PodCIDR + " " + internalIP(node)
}

func internalIP(node *corev1.Node) string {
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			return address.Address
		}
	}
	return ""
}

func settle(ctx context.Context, c *config.Config, cluster join.Cluster, lister listers.NodeLister) error {
	nodes, err := lister.List(labels.Everything())
	if err != nil {
		return err
	}
	wanted := map[string]string{} // pod network: the address of its node
	for _, node := range nodes {
		if node.Spec.PodCIDR == "" {
			continue
		}
		if node.Name != c.NodeName {
			if address := internalIP(node); address != "" {
				wanted[node.Spec.PodCIDR] = address
			}
			continue
		}
		if err := writePlugins(c.Dir(), node.Spec.PodCIDR); err != nil {
			return err
		}
	}
	if err := setRoutes(wanted, cluster.ClusterCIDR); err != nil {
		return err
	}
	return setRules(ctx, c.Dir(), cluster.ClusterCIDR)
}

// writePlugins tells containerd how a pod gets its address: the node is ready from then on.
func writePlugins(dir layout.Dir, podCIDR string) error {
	text, err := json.MarshalIndent(map[string]any{
		"name": "cbr0", "cniVersion": "1.0.0",
		"plugins": []any{
			map[string]any{
				"type": "bridge", "bridge": bridge, "isGateway": true, "isDefaultGateway": true, "hairpinMode": true,
				"ipam": map[string]any{"type": "host-local", "subnet": podCIDR},
			},
			map[string]any{"type": "portmap", "capabilities": map[string]bool{"portMappings": true}},
		},
	}, "", "  ")
	if err != nil {
		return err
	}
	return layout.Write(dir.Agent("etc", "cni", "net.d", "10-k3s.conflist"), text, 0o600)
}

// setRules keeps pods' addresses inside the cluster and masquerades what goes out of it, and lets pods' traffic through
// where a firewall drops what is forwarded.
func setRules(ctx context.Context, dir layout.Dir, clusterCIDR string) error {
	const comment = "k3s pod network"
	for _, rule := range [][]string{
		{"-t", "nat", "POSTROUTING", "-s", clusterCIDR, "!", "-d", clusterCIDR, "-m", "comment", "--comment", comment, "-j", "MASQUERADE"},
		{"-t", "filter", "FORWARD", "-s", clusterCIDR, "-m", "comment", "--comment", comment, "-j", "ACCEPT"},
		{"-t", "filter", "FORWARD", "-d", clusterCIDR, "-m", "comment", "--comment", comment, "-j", "ACCEPT"},
	} {
		if iptables(ctx, dir, "-C", rule) == nil {
			continue
		}
		if err := iptables(ctx, dir, "-A", rule); err != nil {
			return err
		}
	}
	return nil
}

func iptables(ctx context.Context, dir layout.Dir, action string, rule []string) error {
	line := append([]string{"PATH=" + dir.Path(), "iptables", "-w", "10", rule[0], rule[1], action}, rule[2:]...)
	output, err := exec.CommandContext(ctx, "/usr/bin/env", line...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("iptables %s %s: %w: %s", action, strings.Join(rule, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}
