package control

import (
	"os"

	"clustr/kube/config"
	"clustr/kube/join"
	"clustr/kube/layout"
	"clustr/kube/pki"
	"clustr/kube/supervisor"
)

// signOwn gives the server's own kubelet what an agent fetches: the authorities and its certificates.
func signOwn(c *config.Config) error {
	dir := c.Dir()
	for _, name := range []string{"server-ca.crt", "client-ca.crt"} {
		text, err := os.ReadFile(dir.TLS(name))
		if err != nil {
			return err
		}
		if err := layout.Write(dir.Agent(name), text, 0o644); err != nil {
			return err
		}
	}
	for name, path := range map[string]string{
		"serving-kubelet": join.ServingKubelet, "client-kubelet": join.ClientKubelet,
		"client-kube-proxy": join.ClientKubeProxy, "client-k3s-controller": join.ClientAgent,
	} {
		ca, leaf := supervisor.NodeLeaf(path, c.NodeName, c.NodeIP)
		authority, err := pki.LoadAuthority(dir.TLS(ca))
		if err != nil {
			return err
		}
		if err := authority.Ensure(dir.Agent(name), leaf); err != nil {
			return err
		}
	}
	return nil
}
