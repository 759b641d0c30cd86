// Package control is `k3s server`: the datastore, the control plane over it, the supervisor in front of it, and the
// server's own kubelet.
package control

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"clustr/kube/agent"
	"clustr/kube/config"
	"clustr/kube/etcd"
	"clustr/kube/join"
	"clustr/kube/kubeconfig"
	"clustr/kube/log"
	"clustr/kube/manifests"
	"clustr/kube/nodes"
	"clustr/kube/notify"
	"clustr/kube/proc"
	"clustr/kube/supervisor"
	"clustr/kube/token"
	"clustr/kube/version"
)

// Run is a server until ctx ends or a child dies.
func Run(ctx context.Context, c *config.Config) error {
	children := proc.NewGroup()
	// The datastore goes last, the API server before it: what stops needs both.
	defer children.Stop(4*time.Second, "kube-apiserver", "containerd", "kine", etcd.ChildName)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	started := make(chan error, 1)
	go func() { started <- start(ctx, c, children) }()
	for {
		select {
		case err := <-started:
			if err != nil {
				return err
			}
			notify.Ready()
			log.Info("k3s is up and running (%s, %s)", version.Version, version.StandIn)
		case err := <-children.Died():
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

func start(ctx context.Context, c *config.Config, children *proc.Group) error {
	log.Info("Starting k3s %s (%s)", version.Version, version.StandIn)
	store, err := chooseDatastore(ctx, c)
	if err != nil {
		return err
	}
	secrets, err := prepare(c, store)
	if err != nil {
		return err
	}
	watch, err := supervisor.Start(ctx, c, secrets, store.etcd)
	if err != nil {
		return err
	}
	if err := store.start(ctx, c, children); err != nil {
		return err
	}
	if err := children.Start(apiServer(c, store.etcd)); err != nil {
		return err
	}
	client, rest, err := kubeconfig.Client(c.Dir().Cred("supervisor.kubeconfig"), "k3s-supervisor")
	if err != nil {
		return err
	}
	if err := waitForAPI(ctx, client); err != nil {
		return err
	}
	log.Info("Kube API server is now running")
	watch.APIReady(client)
	if err := children.Start(controllerManager(c, store.etcd)); err != nil {
		return err
	}
	if !c.DisableScheduler {
		if err := children.Start(scheduler(c, store.etcd)); err != nil {
			return err
		}
	}
	return startNode(ctx, c, store, children, client, rest)
}

// startNode brings up what lives on the API: the manifests, the server's own kubelet, and its labels.
func startNode(ctx context.Context, c *config.Config, store *datastore, children *proc.Group, client *kubernetes.Clientset, rest *rest.Config) error {
	if err := manifests.Start(ctx, c, rest); err != nil {
		return err
	}
	var removeMember func(context.Context, string) error
	if store.etcd {
		removeMember = func(ctx context.Context, name string) error { return etcd.Remove(ctx, c.Dir(), name) }
	}
	nodes.Forget(ctx, client, removeMember)
	password, err := agent.Password()
	if err != nil {
		return err
	}
	if err := nodes.EnsurePassword(ctx, client, c.NodeName, password); err != nil {
		return err
	}
	if err := signOwn(c); err != nil {
		return err
	}
	if err := agent.Start(ctx, c, supervisor.ClusterOf(c), supervisor.APIServerURL(c.HTTPSListenPort), children); err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	labels := []string{nodes.ControlPlaneLabel + "=true"}
	if store.etcd {
		labels = append(labels, nodes.EtcdLabel+"=true")
	}
	return nodes.Mark(ctx, client, c.NodeName, labels, nodes.Annotations(host, c.NodeIP, store.member))
}

// prepare settles the secrets and writes all that lies on disk before anything runs.
func prepare(c *config.Config, store *datastore) (token.Secrets, error) {
	wanted := token.Secrets{Agent: c.AgentToken}
	if c.Token != "" {
		parsed, err := token.Parse(c.Token, token.ServerUser)
		if err != nil {
			return wanted, err
		}
		wanted.Server = parsed.Secret
	}
	secrets, err := token.Settle(c.Dir(), wanted)
	if err != nil {
		return secrets, err
	}
	if err := encryptionConfig(c); err != nil {
		return secrets, err
	}
	if err := certificates(c); err != nil {
		return secrets, err
	}
	ca, err := os.ReadFile(c.Dir().TLS("server-ca.crt"))
	if err != nil {
		return secrets, err
	}
	if store.etcd {
		if store.member, err = etcd.Name(c); err != nil {
			return secrets, err
		}
	}
	return secrets, token.WriteFiles(c.Dir(), ca, secrets)
}

func waitForAPI(ctx context.Context, client *kubernetes.Clientset) error {
	log.Info("Waiting for API server to become available")
	for tries := 1; ; tries++ {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		_, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(attempt)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
		if tries%30 == 0 {
			log.Info("Still waiting for API server: %v", err)
		}
	}
}

// joinCluster fetches the cluster's authorities and keys from the server that c names, once.
func joinCluster(ctx context.Context, c *config.Config) (*join.Access, error) {
	access, err := join.Connect(ctx, c.ServerURL, c.Token, token.ServerUser)
	if err != nil {
		return nil, fmt.Errorf("failed to validate token: %w", err)
	}
	var files join.Files
	if err := access.Decode(ctx, join.Bootstrap, &files); err != nil {
		return nil, fmt.Errorf("failed to retrieve bootstrap data: %w", err)
	}
	var theirs join.Cluster
	if err := access.Decode(ctx, join.Settings, &theirs); err != nil {
		return nil, err
	}
	if ours := supervisor.ClusterOf(c); !reflect.DeepEqual(ours, theirs) {
		return nil, fmt.Errorf("critical configuration value mismatch between servers: here %+v, there %+v", ours, theirs)
	}
	return access, supervisor.KeepSharedFiles(c.Dir(), files)
}

var errMigrate = errors.New("sqlite data found: moving it to embedded etcd is not in this build")
