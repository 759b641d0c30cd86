package control

import (
	"os"
	"strconv"

	"clustr/kube/config"
	"clustr/kube/kubeconfig"
	"clustr/kube/layout"
	"clustr/kube/pki"
	"clustr/kube/supervisor"
)

type authorities struct{ server, client, requestHeader, etcdServer, etcdPeer *pki.Authority }

func makeAuthorities(dir layout.Dir) (*authorities, error) {
	var a authorities
	for _, wanted := range []struct {
		into *(*pki.Authority)
		path string
		name string
	}{
		{&a.server, dir.TLS("server-ca"), "k3s-server-ca"},
		{&a.client, dir.TLS("client-ca"), "k3s-client-ca"},
		{&a.requestHeader, dir.TLS("request-header-ca"), "k3s-request-header-ca"},
		{&a.etcdServer, dir.TLS("etcd", "server-ca"), "etcd-server-ca"},
		{&a.etcdPeer, dir.TLS("etcd", "peer-ca"), "etcd-peer-ca"},
	} {
		authority, err := pki.NewAuthority(wanted.path, wanted.name)
		if err != nil {
			return nil, err
		}
		*wanted.into = authority
	}
	if err := pki.NewRSAKey(dir.TLS("service.key")); err != nil {
		return nil, err
	}
	if _, err := os.Stat(dir.TLS("service.current.key")); err == nil {
		return &a, nil
	}
	text, err := os.ReadFile(dir.TLS("service.key"))
	if err != nil {
		return nil, err
	}
	return &a, layout.Write(dir.TLS("service.current.key"), text, 0o600)
}

// certificates makes every leaf and kubeconfig of a server.
func certificates(c *config.Config) error {
	dir := c.Dir()
	a, err := makeAuthorities(dir)
	if err != nil {
		return err
	}
	first, err := config.NthAddress(c.ServiceCIDR[0], 1)
	if err != nil {
		return err
	}
	domain := c.ClusterDomain
	names := distinct(append([]string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + domain, "localhost",
		c.NodeName, "127.0.0.1", supervisor.APIServerAddress, first, c.NodeIP, c.AdvertiseAddress,
	}, c.TLSSAN...))
	member := []string{"localhost", "127.0.0.1", c.NodeIP, c.NodeName}
	// A member is a client of the others, and its gateway one of itself.
	server, peer := pki.Serving("etcd-server", member...), pki.Serving("etcd-peer", member...)
	server.Usages = append(server.Usages, pki.Client("").Usages...)
	peer.Usages = append(peer.Usages, pki.Client("").Usages...)
	for _, wanted := range []struct {
		by   *pki.Authority
		path string
		leaf pki.Leaf
	}{
		{a.server, "serving-kube-apiserver", pki.Serving("k3s", names...)},
		{a.client, "client-admin", pki.Client("system:admin", "system:masters")},
		{a.client, "client-supervisor", pki.Client("system:k3s-supervisor", "system:masters")},
		{a.client, "client-controller", pki.Client("system:kube-controller-manager")},
		{a.client, "client-scheduler", pki.Client("system:kube-scheduler")},
		{a.client, "client-kube-apiserver", pki.Client("system:apiserver", "system:masters")},
		{a.requestHeader, "client-auth-proxy", pki.Client("system:auth-proxy")},
		{a.etcdServer, "etcd/server-client", server},
		{a.etcdServer, "etcd/client", pki.Client("etcd-client")},
		{a.etcdPeer, "etcd/peer-server-client", peer},
	} {
		if err := wanted.by.Ensure(dir.TLS(wanted.path), wanted.leaf); err != nil {
			return err
		}
	}
	return kubeconfigs(c)
}

func kubeconfigs(c *config.Config) error {
	dir := c.Dir()
	ca := dir.TLS("server-ca.crt")
	for name, pair := range map[string]string{
		"controller": "client-controller", "scheduler": "client-scheduler", "supervisor": "client-supervisor",
		"admin": "client-admin",
	} {
		if err := kubeconfig.Write(dir.Cred(name+".kubeconfig"), supervisor.APIServerURL(c.HTTPSListenPort), ca, dir.TLS(pair), 0o600); err != nil {
			return err
		}
	}
	return writeUserKubeconfig(c, ca)
}

func writeUserKubeconfig(c *config.Config, ca string) error {
	mode, err := strconv.ParseUint(c.WriteKubeconfigMode, 8, 32)
	if err != nil {
		return err
	}
	if err := os.MkdirAll("/etc/rancher/k3s", 0o755); err != nil {
		return err
	}
	server := "https://127.0.0.1:" + strconv.Itoa(c.HTTPSListenPort)
	err = kubeconfig.Write(c.WriteKubeconfig, server, ca, c.Dir().TLS("client-admin"), os.FileMode(mode))
	if err != nil || c.WriteKubeconfigGroup == "" {
		return err
	}
	return changeGroup(c.WriteKubeconfig, c.WriteKubeconfigGroup)
}

func distinct(names []string) []string {
	seen := map[string]bool{}
	var all []string
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			all = append(all, name)
		}
	}
	return all
}
