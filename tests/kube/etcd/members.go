package etcd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"clustr/kube/config"
	"clustr/kube/layout"
	"clustr/kube/log"
)

// ErrDuplicate refuses a server whose name or address another member has: its old membership must be removed first.
var ErrDuplicate = errors.New("etcd cluster join failed: duplicate node name found, please use a unique name for this node")

// Add makes this server a learner of the cluster behind endpoints and gives all peers as `name=url`. A membership that
// an earlier try added and never used is taken up again.
func Add(ctx context.Context, c *config.Config, name string, endpoints []string) ([]string, error) {
	client, err := Client(c.Dir(), endpoints...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	for {
		peers, err := add(ctx, client, c, name)
		if err == nil || !waitsForOther(err) {
			return peers, err
		}
		log.Info("Waiting for other members to finish joining etcd cluster: %v", err)
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(2 * time.Second):
		}
	}
}

func waitsForOther(err error) bool {
	return errors.Is(err, rpctypes.ErrTooManyLearners) || errors.Is(err, rpctypes.ErrUnhealthy) ||
		errors.Is(err, rpctypes.ErrMemberNotEnoughStarted)
}

func add(ctx context.Context, client *clientv3.Client, c *config.Config, name string) ([]string, error) {
	attempt, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	list, err := client.MemberList(attempt)
	if err != nil {
		return nil, fmt.Errorf("etcd cluster join failed: %w", err)
	}
	var peers []string
	present := false
	for _, member := range list.Members {
		started := member.Name != ""
		own := hostOf(member.PeerURLs) == c.NodeIP
		switch {
		case own && (!started || member.Name == name):
			present = true
			continue
		case own, strings.HasPrefix(member.Name, c.NodeName+"-") && len(member.Name) == len(name):
			return nil, ErrDuplicate
		case started:
			peers = append(peers, member.Name+"="+member.PeerURLs[0])
		}
	}
	if !present {
		log.Info("Adding member %s=%s to etcd cluster", name, PeerURL(c.NodeIP))
		if _, err := client.MemberAddAsLearner(attempt, []string{PeerURL(c.NodeIP)}); err != nil {
			return nil, err
		}
	}
	return append(peers, name+"="+PeerURL(c.NodeIP)), nil
}

func hostOf(urls []string) string {
	if len(urls) == 0 {
		return ""
	}
	parsed, err := url.Parse(urls[0])
	if err != nil {
		return ""
	}
	return parsed.Hostname()
}

// Promote makes this server's learner a voter as soon as it has caught up.
func Promote(ctx context.Context, c *config.Config, endpoints []string) error {
	client, err := Client(c.Dir(), endpoints...)
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		done, err := promote(ctx, client, c.NodeIP)
		if done {
			return nil
		}
		if err != nil {
			log.Info("Learner is not ready to become a voter: %v", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("promote etcd learner: %w", err)
		case <-time.After(time.Second):
		}
	}
}

func promote(ctx context.Context, client *clientv3.Client, address string) (bool, error) {
	attempt, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	list, err := client.MemberList(attempt)
	if err != nil {
		return false, err
	}
	member := memberAt(list.Members, address)
	if member == nil || !member.IsLearner {
		return member != nil, nil
	}
	_, err = client.MemberPromote(attempt, member.ID)
	return err == nil, err
}

func memberAt(members []*etcdserverpb.Member, address string) *etcdserverpb.Member {
	for _, member := range members {
		if hostOf(member.PeerURLs) == address {
			return member
		}
	}
	return nil
}

// Endpoints are the client URLs of all started members, as the local member knows them.
func Endpoints(ctx context.Context, dir layout.Dir) ([]string, error) {
	client, err := Client(dir, LocalEndpoint)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	list, err := client.MemberList(ctx)
	if err != nil {
		return nil, err
	}
	var endpoints []string
	for _, member := range list.Members {
		if !member.IsLearner {
			endpoints = append(endpoints, member.ClientURLs...)
		}
	}
	return endpoints, nil
}

// Remove takes the member called name out of the cluster; one that is not there is no error.
func Remove(ctx context.Context, dir layout.Dir, name string) error {
	client, err := Client(dir, LocalEndpoint)
	if err != nil {
		return err
	}
	defer client.Close()
	list, err := client.MemberList(ctx)
	if err != nil {
		return err
	}
	for _, member := range list.Members {
		if member.Name != name {
			continue
		}
		log.Info("Removing member %s from etcd cluster", name)
		if _, err := client.MemberRemove(ctx, member.ID); err != nil && !errors.Is(err, rpctypes.ErrMemberNotFound) {
			return err
		}
	}
	return nil
}
