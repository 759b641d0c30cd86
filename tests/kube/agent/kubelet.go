package agent

import (
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"sigs.k8s.io/yaml"

	"clustr/kube/args"
	"clustr/kube/component"
	"clustr/kube/config"
	"clustr/kube/join"
	"clustr/kube/layout"
	"clustr/kube/proc"
)

// kubelet writes the node's defaults to agent/etc/kubelet.conf.d/, where a site may lay its own beside them, and gives
// the child.
func kubelet(c *config.Config, cluster join.Cluster) (proc.Child, error) {
	dir := c.Dir()
	text, err := yaml.Marshal(kubeletDefaults(c, cluster))
	if err != nil {
		return proc.Child{}, err
	}
	drops := dir.Agent("etc", "kubelet.conf.d")
	if err := layout.Write(drops+"/00-k3s-defaults.conf", text, 0o600); err != nil {
		return proc.Child{}, err
	}
	for _, folder := range []string{dir.Agent("pod-manifests"), "/var/lib/kubelet"} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return proc.Child{}, err
		}
	}
	ours := []string{
		"--cert-dir=" + dir.Agent("pki"),
		"--config-dir=" + drops,
		"--hostname-override=" + c.NodeName,
		"--kubeconfig=" + dir.Agent("kubelet.kubeconfig"),
		"--node-ip=" + c.NodeIP,
		"--node-labels=" + strings.Join(c.NodeLabels, ","),
	}
	if len(c.NodeTaints) > 0 {
		ours = append(ours, "--register-with-taints="+strings.Join(c.NodeTaints, ","))
	}
	return proc.Child{
		Name: component.Kubelet, Args: args.Merge(ours, c.KubeletArgs), Env: []string{"PATH=" + dir.Path()},
	}, nil
}

func kubeletDefaults(c *config.Config, cluster join.Cluster) map[string]any {
	dir := c.Dir()
	return map[string]any{
		"apiVersion": "kubelet.config.k8s.io/v1beta1",
		"kind":       "KubeletConfiguration",
		"address":    "0.0.0.0",
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false},
			"webhook":   map[string]any{"enabled": true, "cacheTTL": "2m0s"},
			"x509":      map[string]any{"clientCAFile": dir.Agent("client-ca.crt")},
		},
		"authorization":            map[string]any{"mode": "Webhook"},
		"cgroupDriver":             cgroupDriver(),
		"clusterDNS":               cluster.ClusterDNS,
		"clusterDomain":            cluster.ClusterDomain,
		"containerRuntimeEndpoint": "unix://" + layout.ContainerdSocket,
		"evictionHard":             map[string]string{"imagefs.available": "5%", "nodefs.available": "5%"},
		"evictionMinimumReclaim":   map[string]string{"imagefs.available": "10%", "nodefs.available": "10%"},
		"failSwapOn":               false,
		"healthzBindAddress":       "127.0.0.1",
		"protectKernelDefaults":    c.ProtectKernelDefaults,
		"resolvConf":               resolvConf(c),
		"serializeImagePulls":      false,
		"staticPodPath":            dir.Agent("pod-manifests"),
		"syncFrequency":            "1m0s",
		"tlsCertFile":              dir.Agent("serving-kubelet.crt"),
		"tlsPrivateKeyFile":        dir.Agent("serving-kubelet.key"),
		"volumePluginDir":          "/var/lib/kubelet/volumeplugins",
	}
}

// cgroupDriver is systemd's where this process is a systemd unit on a machine with cgroup v2 alone, as with k3s.
func cgroupDriver() string {
	var fs unix.Statfs_t
	v2 := unix.Statfs("/sys/fs/cgroup", &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC
	if v2 && os.Getenv("INVOCATION_ID") != "" {
		return "systemd"
	}
	return "cgroupfs"
}

// resolvConf is a file whose name servers pods can reach: one that names the loopback address alone (systemd-resolved)
// is passed over, as k3s passes it over.
func resolvConf(c *config.Config) string {
	if c.ResolvConf != "" {
		return c.ResolvConf
	}
	for _, path := range []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"} {
		text, err := os.ReadFile(path)
		if err == nil && hasReachableServer(string(text)) {
			return path
		}
	}
	return "/etc/resolv.conf"
}

func hasReachableServer(text string) bool {
	for _, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) > 1 && fields[0] == "nameserver" {
			if address := net.ParseIP(fields[1]); address != nil && !address.IsLoopback() {
				return true
			}
		}
	}
	return false
}

func kubeProxy(c *config.Config, cluster join.Cluster) proc.Child {
	dir := c.Dir()
	ours := []string{
		"--cluster-cidr=" + cluster.ClusterCIDR,
		"--conntrack-max-per-core=0",
		"--conntrack-tcp-timeout-close-wait=0s",
		"--conntrack-tcp-timeout-established=0s",
		"--healthz-bind-address=127.0.0.1",
		"--hostname-override=" + c.NodeName,
		"--kubeconfig=" + dir.Agent("kubeproxy.kubeconfig"),
		"--proxy-mode=iptables",
	}
	return proc.Child{
		Name: component.KubeProxy, Args: args.Merge(ours, c.KubeProxyArgs), Env: []string{"PATH=" + dir.Path()},
	}
}
