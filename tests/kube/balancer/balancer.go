// Package balancer lets an agent reach whichever server is up: a listener on the loopback address that hands each
// connection to a server, as k3s's agent load balancer does.
package balancer

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/url"
	"os"
	"sort"
	"sync"
	"time"

	"clustr/kube/layout"
	"clustr/kube/log"
)

const (
	listenAddress = "127.0.0.1:6444"
	dialTimeout   = 2 * time.Second
	followEvery   = 10 * time.Second
)

// Balancer knows the servers.
type Balancer struct {
	path string // where the servers are kept over a restart

	mu       sync.Mutex
	fallback string // the server of the configuration
	servers  []string
	open     map[net.Conn]string // connections by their server
}

// Start listens. serverURL is the configured server; path keeps what is learnt of the others.
func Start(ctx context.Context, serverURL, path string) (*Balancer, error) {
	parsed, err := url.Parse(serverURL)
	if err != nil {
		return nil, err
	}
	host := parsed.Host
	if parsed.Port() == "" {
		host = net.JoinHostPort(parsed.Hostname(), "443")
	}
	b := &Balancer{path: path, fallback: host, servers: []string{host}, open: map[net.Conn]string{}}
	b.recall()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listenAddress)
	if err != nil {
		return nil, err
	}
	go func() {
		<-ctx.Done()
		_ = listener.Close()
	}()
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go b.serve(connection)
		}
	}()
	log.Info("Running load balancer %s -> %v", listenAddress, b.servers)
	return b, nil
}

// URL is where this node reaches the cluster.
func (b *Balancer) URL() string { return "https://" + listenAddress }

type kept struct{ ServerAddresses []string }

func (b *Balancer) recall() {
	text, err := os.ReadFile(b.path)
	if err != nil {
		return
	}
	var k kept
	if err := json.Unmarshal(text, &k); err == nil && len(k.ServerAddresses) > 0 {
		b.servers = k.ServerAddresses
	}
}

// Follow asks again and again which servers there are.
func (b *Balancer) Follow(ctx context.Context, ask func(context.Context) ([]string, error)) {
	for {
		if servers, err := ask(ctx); err == nil && len(servers) > 0 {
			b.Set(servers)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(followEvery):
		}
	}
}

// Set replaces the servers. Connections to one that left are cut, so that their owners come again.
func (b *Balancer) Set(servers []string) {
	sort.Strings(servers)
	b.mu.Lock()
	defer b.mu.Unlock()
	if same(b.servers, servers) {
		return
	}
	log.Info("Updated load balancer server addresses -> %v", servers)
	// The one that works stays the first.
	current := b.servers[0]
	for i, server := range servers {
		if server == current {
			servers[0], servers[i] = servers[i], servers[0]
		}
	}
	b.servers = servers
	for connection, server := range b.open {
		if !contains(servers, server) {
			_ = connection.Close()
		}
	}
	text, err := json.Marshal(kept{servers})
	if err == nil {
		err = layout.Write(b.path, text, 0o600)
	}
	if err != nil {
		log.Warn("keep load balancer servers: %v", err)
	}
}

func same(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for _, server := range a {
		if !contains(b, server) {
			return false
		}
	}
	return true
}

func contains(all []string, one string) bool {
	for _, item := range all {
		if item == one {
			return true
		}
	}
	return false
}

func (b *Balancer) serve(client net.Conn) {
	defer client.Close()
	server, address := b.dial()
	if server == nil {
		return
	}
	defer server.Close()
	b.mu.Lock()
	b.open[client] = address
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		delete(b.open, client)
		b.mu.Unlock()
	}()
	done := make(chan struct{}, 2)
	pipe := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		done <- struct{}{}
	}
	go pipe(server, client)
	go pipe(client, server)
	<-done
}

// dial reaches the first server that answers and remembers it as the first to try; the configured one is tried last.
func (b *Balancer) dial() (net.Conn, string) {
	b.mu.Lock()
	servers := append([]string{}, b.servers...)
	b.mu.Unlock()
	if !contains(servers, b.fallback) {
		servers = append(servers, b.fallback)
	}
	for i, server := range servers {
		connection, err := net.DialTimeout("tcp", server, dialTimeout)
		if err != nil {
			log.Warn("Server %s is not reached: %v", server, err)
			continue
		}
		if i > 0 {
			b.prefer(server)
		}
		return connection, server
	}
	return nil, ""
}

func (b *Balancer) prefer(server string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.servers {
		if b.servers[i] == server {
			b.servers[0], b.servers[i] = b.servers[i], b.servers[0]
		}
	}
}
