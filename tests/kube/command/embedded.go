// Package command holds the tools that `k3s` is as well: kubectl, crictl, ctr and token.
package command

import (
	"os"
	"syscall"

	"clustr/kube/layout"
	"clustr/kube/payload"
)

func dataDir() layout.Dir {
	if dir := os.Getenv("K3S_DATA_DIR"); dir != "" {
		return layout.Dir(dir)
	}
	return layout.DefaultDataDir
}

// PrepareKubectl points kubectl at the cluster of this server unless the user named another.
func PrepareKubectl() {
	if os.Getenv("KUBECONFIG") != "" {
		return
	}
	if _, err := os.Stat(layout.Kubeconfig); err == nil {
		_ = os.Setenv("KUBECONFIG", layout.Kubeconfig)
	}
}

// Embedded becomes crictl or ctr, set up for this node's containerd.
func Embedded(name string, args []string) error {
	dir := dataDir()
	program := dir.Bin(name)
	if _, err := os.Stat(program); err != nil {
		if err := payload.Unpack(string(dir)); err != nil {
			return err
		}
	}
	environment := os.Environ()
	for key, value := range map[string]string{
		"CONTAINERD_ADDRESS": layout.ContainerdSocket, "CONTAINERD_NAMESPACE": "k8s.io",
		"CRI_CONFIG_FILE": dir.CrictlConfig(),
	} {
		if os.Getenv(key) == "" {
			environment = append(environment, key+"="+value)
		}
	}
	return syscall.Exec(program, append([]string{name}, args...), environment)
}
