package control

import (
	"os"
	"os/user"
	"strconv"
	"strings"

	"clustr/kube/args"
	"clustr/kube/component"
	"clustr/kube/config"
	"clustr/kube/etcd"
	"clustr/kube/proc"
	"clustr/kube/supervisor"
)

const (
	sqliteSocket = "kine.sock"
	// as kine itself has them where no path is given
	sqliteParameters = "?_journal_mode=WAL&_busy_timeout=30000&_synchronous=NORMAL&_txlock=immediate&cache=shared"
)

// kine is the child that speaks etcd's protocol over sqlite.
func kine(c *config.Config) proc.Child {
	dir := c.Dir()
	return proc.Child{
		Name: "kine", Path: dir.Bin("kine"),
		Args: []string{
			"--endpoint=sqlite://" + dir.Server("db", "state.db") + sqliteParameters,
			"--listen-address=unix://" + dir.Server(sqliteSocket),
			"--metrics-bind-address=0",
		},
	}
}

func apiServer(c *config.Config, useEtcd bool) proc.Child {
	dir := c.Dir()
	issuer := "https://kubernetes.default.svc." + c.ClusterDomain
	ours := []string{
		"--advertise-address=" + c.AdvertiseAddress,
		"--allow-privileged=true",
		"--anonymous-auth=false",
		"--api-audiences=" + issuer + ",k3s",
		"--authorization-mode=Node,RBAC",
		"--bind-address=" + supervisor.APIServerAddress,
		"--cert-dir=" + dir.TLS("temporary-certs"),
		"--client-ca-file=" + dir.TLS("client-ca.crt"),
		"--enable-admission-plugins=NodeRestriction",
		"--enable-aggregator-routing=true",
		"--enable-bootstrap-token-auth=true",
		"--kubelet-certificate-authority=" + dir.TLS("server-ca.crt"),
		"--kubelet-client-certificate=" + dir.TLS("client-kube-apiserver.crt"),
		"--kubelet-client-key=" + dir.TLS("client-kube-apiserver.key"),
		"--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
		"--profiling=false",
		"--proxy-client-cert-file=" + dir.TLS("client-auth-proxy.crt"),
		"--proxy-client-key-file=" + dir.TLS("client-auth-proxy.key"),
		"--requestheader-allowed-names=system:auth-proxy",
		"--requestheader-client-ca-file=" + dir.TLS("request-header-ca.crt"),
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-username-headers=X-Remote-User",
		"--permit-port-sharing=true",
		"--secure-port=" + strconv.Itoa(c.HTTPSListenPort),
		"--service-account-issuer=" + issuer,
		"--service-account-key-file=" + dir.TLS("service.key"),
		"--service-account-signing-key-file=" + dir.TLS("service.current.key"),
		"--service-cluster-ip-range=" + strings.Join(c.ServiceCIDR, ","),
		"--service-node-port-range=" + c.ServiceNodePortRange,
		"--storage-backend=etcd3",
		"--tls-cert-file=" + dir.TLS("serving-kube-apiserver.crt"),
		"--tls-private-key-file=" + dir.TLS("serving-kube-apiserver.key"),
		"--watch-cache=true",
	}
	if useEtcd {
		ours = append(ours, "--etcd-servers="+etcd.LocalEndpoint, "--etcd-cafile="+dir.TLS("etcd", "server-ca.crt"),
			"--etcd-certfile="+dir.TLS("etcd", "client.crt"), "--etcd-keyfile="+dir.TLS("etcd", "client.key"))
	} else {
		ours = append(ours, "--etcd-servers=unix://"+dir.Server(sqliteSocket))
	}
	if c.SecretsEncryption {
		ours = append(ours, "--encryption-provider-config="+dir.Cred("encryption-config.json"))
	}
	return proc.Child{Name: component.APIServer, Args: args.Merge(ours, c.APIServerArgs)}
}

func controllerManager(c *config.Config, useEtcd bool) proc.Child {
	dir := c.Dir()
	kubeconfig := dir.Cred("controller.kubeconfig")
	ours := []string{
		"--allocate-node-cidrs=true",
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1",
		"--cluster-cidr=" + strings.Join(c.ClusterCIDR, ","),
		"--cluster-signing-kube-apiserver-client-cert-file=" + dir.TLS("client-ca.crt"),
		"--cluster-signing-kube-apiserver-client-key-file=" + dir.TLS("client-ca.key"),
		"--cluster-signing-kubelet-client-cert-file=" + dir.TLS("client-ca.crt"),
		"--cluster-signing-kubelet-client-key-file=" + dir.TLS("client-ca.key"),
		"--cluster-signing-kubelet-serving-cert-file=" + dir.TLS("server-ca.crt"),
		"--cluster-signing-kubelet-serving-key-file=" + dir.TLS("server-ca.key"),
		"--cluster-signing-legacy-unknown-cert-file=" + dir.TLS("server-ca.crt"),
		"--cluster-signing-legacy-unknown-key-file=" + dir.TLS("server-ca.key"),
		"--controllers=*,tokencleaner",
		"--kubeconfig=" + kubeconfig,
		"--profiling=false",
		"--root-ca-file=" + dir.TLS("server-ca.crt"),
		"--secure-port=10257",
		"--service-account-private-key-file=" + dir.TLS("service.current.key"),
		"--service-cluster-ip-range=" + strings.Join(c.ServiceCIDR, ","),
		"--use-service-account-credentials=true",
	}
	ours = append(ours, election(useEtcd)...)
	return proc.Child{Name: component.ControllerManager, Args: args.Merge(ours, c.ControllerManagerArgs)}
}

func scheduler(c *config.Config, useEtcd bool) proc.Child {
	kubeconfig := c.Dir().Cred("scheduler.kubeconfig")
	ours := []string{
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1",
		"--kubeconfig=" + kubeconfig,
		"--profiling=false",
		"--secure-port=10259",
	}
	ours = append(ours, election(useEtcd)...)
	return proc.Child{Name: component.Scheduler, Args: args.Merge(ours, c.SchedulerArgs)}
}

// election is needed among several servers alone; it asks less often than the default, to spare small machines.
func election(several bool) []string {
	if !several {
		return []string{"--leader-elect=false"}
	}
	return []string{
		"--leader-elect=true", "--leader-elect-lease-duration=30s", "--leader-elect-renew-deadline=20s",
		"--leader-elect-retry-period=5s",
	}
}

func changeGroup(path, group string) error {
	found, err := user.LookupGroup(group)
	if err != nil {
		return err
	}
	id, err := strconv.Atoi(found.Gid)
	if err != nil {
		return err
	}
	return os.Chown(path, -1, id)
}
