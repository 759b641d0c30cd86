package control

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"clustr/kube/config"
	"clustr/kube/etcd"
	"clustr/kube/join"
	"clustr/kube/log"
	"clustr/kube/proc"
	"clustr/kube/token"
)

// datastore is where this server's cluster is kept.
type datastore struct {
	etcd   bool
	member string       // this server's etcd member
	access *join.Access // the server to join; nil: none
}

// chooseDatastore decides by what lies on disk first: data is never thrown away. Then a server to join, cluster-init,
// and sqlite.
func chooseDatastore(ctx context.Context, c *config.Config) (*datastore, error) {
	dir := c.Dir()
	wantsEtcd := c.ClusterInit || c.ServerURL != ""
	switch {
	case dir.HasEtcd():
		return &datastore{etcd: true}, nil
	case dir.HasSQLite() && wantsEtcd:
		return nil, errMigrate
	case c.ServerURL != "":
		if c.Token == "" {
			return nil, fmt.Errorf("--token is required to join a cluster")
		}
		access, err := joinCluster(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("preparing server: failed to bootstrap cluster data: %w", err)
		}
		return &datastore{etcd: true, access: access}, nil
	default:
		return &datastore{etcd: c.ClusterInit}, nil
	}
}

func (d *datastore) start(ctx context.Context, c *config.Config, children *proc.Group) error {
	switch {
	case !d.etcd:
		return startSQLite(ctx, c, children)
	case d.access != nil:
		return d.join(ctx, c, children)
	}
	child, err := etcd.Child(c, d.member, []string{d.member + "=" + etcd.PeerURL(c.NodeIP)}, false)
	if err != nil {
		return err
	}
	if err := children.Start(child); err != nil {
		return err
	}
	go finishJoin(ctx, c)
	return etcd.WaitHealthy(ctx, c.Dir())
}

func (d *datastore) join(ctx context.Context, c *config.Config, children *proc.Group) error {
	endpoints, err := peersOf(ctx, d.access)
	if err != nil {
		return err
	}
	peers, err := etcd.Add(ctx, c, d.member, endpoints)
	if err != nil {
		return err
	}
	child, err := etcd.Child(c, d.member, peers, true)
	if err != nil {
		return err
	}
	if err := children.Start(child); err != nil {
		return err
	}
	if err := etcd.Promote(ctx, c, endpoints); err != nil {
		return err
	}
	return etcd.WaitHealthy(ctx, c.Dir())
}

func peersOf(ctx context.Context, access *join.Access) ([]string, error) {
	var peers join.Peers
	if err := access.Decode(ctx, join.EtcdInfo, &peers); err != nil {
		return nil, fmt.Errorf("failed to get etcd members: %w", err)
	}
	if len(peers.Endpoints) == 0 {
		return nil, fmt.Errorf("%s has no embedded etcd: start its first server with cluster-init", access.URL)
	}
	return peers.Endpoints, nil
}

// finishJoin promotes a member that was stopped before its join was through. It asks the server that c names, since a
// learner cannot ask itself; where none is named, or none answers, there is nothing to finish.
func finishJoin(ctx context.Context, c *config.Config) {
	if c.ServerURL == "" || c.Token == "" {
		return
	}
	access, err := join.Connect(ctx, c.ServerURL, c.Token, token.ServerUser)
	if err != nil {
		return
	}
	endpoints, err := peersOf(ctx, access)
	if err != nil {
		return
	}
	limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := etcd.Promote(limited, c, endpoints); err != nil {
		log.Warn("%v", err)
	}
}

func startSQLite(ctx context.Context, c *config.Config, children *proc.Group) error {
	if err := os.MkdirAll(c.Dir().Server("db"), 0o700); err != nil {
		return err
	}
	socket := c.Dir().Server(sqliteSocket)
	_ = os.Remove(socket)
	if err := children.Start(kine(c)); err != nil {
		return err
	}
	for {
		if connection, err := net.Dial("unix", socket); err == nil {
			return connection.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
