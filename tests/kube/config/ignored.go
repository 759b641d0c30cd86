package config

import "github.com/spf13/pflag"

// What k3s knows and this build takes without effect; a name that ends in `=` takes a value.
var (
	everywhere = []string{
		"v=", "vmodule=", "log=", "alsologtostderr", "node-external-ip=", "node-internal-dns=", "node-external-dns=",
		"image-credential-provider-bin-dir=", "image-credential-provider-config=", "container-runtime-endpoint=",
		"image-service-endpoint=", "nonroot-devices", "flannel-conf=", "flannel-cni-conf=", "vpn-auth=", "vpn-auth-file=",
		"enable-pprof", "prefer-bundled-bin", "selinux", "lb-server-port=", "system-default-registry=",
		"disable-apiserver-lb",
	}
	serverOnly = []string{
		"advertise-port=", "tls-san-security", "flannel-ipv6-masq", "flannel-external-ip", "egress-selector-mode=",
		"servicelb-namespace=", "helm-job-image=", "cluster-reset-restore-path=", "kube-cloud-controller-manager-arg=",
		"kine-tls", "datastore-cafile=", "datastore-certfile=", "datastore-keyfile=", "etcd-disable-snapshots",
		"etcd-snapshot-name=", "etcd-snapshot-schedule-cron=", "etcd-snapshot-retention=",
		"etcd-snapshot-reconcile-interval=", "etcd-snapshot-dir=", "etcd-snapshot-compress", "etcd-s3",
		"etcd-s3-endpoint=", "etcd-s3-endpoint-ca=", "etcd-s3-skip-ssl-verify", "etcd-s3-access-key=",
		"etcd-s3-secret-key=", "etcd-s3-session-token=", "etcd-s3-bucket=", "etcd-s3-bucket-lookup-type=",
		"etcd-s3-region=", "etcd-s3-folder=", "etcd-s3-proxy=", "etcd-s3-config-secret=", "etcd-s3-insecure",
		"etcd-s3-timeout=", "etcd-s3-retention=", "disable-cloud-controller", "disable-network-policy",
		"disable-helm-controller", "embedded-registry", "supervisor-metrics", "secrets-encryption-provider=",
	}
)

func doNothing(s *flagSet, names []string) {
	for _, name := range names {
		value := &switchOr{isSwitch: true}
		if last := len(name) - 1; name[last] == '=' {
			name, value.isSwitch = name[:last], false
		}
		f := s.VarPF(value, name, "", "")
		f.Annotations = map[string][]string{ignored: {"true"}}
		if value.isSwitch {
			f.NoOptDefVal = "true"
		}
	}
}

var _ pflag.Value = (*switchOr)(nil)
