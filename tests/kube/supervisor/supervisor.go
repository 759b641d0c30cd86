// Package supervisor listens on port 6443: the join for nodes, and the API server behind it.
package supervisor

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/kubernetes"

	"clustr/kube/config"
	"clustr/kube/etcd"
	"clustr/kube/join"
	"clustr/kube/layout"
	"clustr/kube/log"
	"clustr/kube/nodes"
	"clustr/kube/token"
)

// Supervisor serves one server's port 6443.
type Supervisor struct {
	config  *config.Config
	secrets token.Secrets
	hasEtcd bool
	client  atomic.Pointer[kubernetes.Clientset] // nil until the API server is ready
	api     http.Handler
}

// Start listens and serves until ctx ends.
func Start(ctx context.Context, c *config.Config, secrets token.Secrets, hasEtcd bool) (*Supervisor, error) {
	api, err := apiProxy(c)
	if err != nil {
		return nil, err
	}
	s := &Supervisor{config: c, secrets: secrets, hasEtcd: hasEtcd, api: api}
	tlsConfig, err := servingTLS(c.Dir())
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort(c.BindAddress, strconv.Itoa(c.HTTPSListenPort))
	listener, err := (&net.ListenConfig{Control: sharePort}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: s.routes(), TLSConfig: tlsConfig, ErrorLog: quiet()}
	go func() {
		if err := server.ServeTLS(notForAPIServer{listener}, "", ""); !errors.Is(err, http.ErrServerClosed) {
			log.Error("supervisor: %v", err)
		}
	}()
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	log.Info("Supervisor listens on %s", address)
	return s, nil
}

// APIReady tells the supervisor that the API server answers: node passwords and bootstrap tokens can be looked up.
func (s *Supervisor) APIReady(client *kubernetes.Clientset) { s.client.Store(client) }

func sharePort(_, _ string, connection syscall.RawConn) error {
	var failed error
	err := connection.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	return errors.Join(err, failed)
}

// notForAPIServer drops connections to the API server's own address, which come here while it does not listen: proxied,
// they would come here again and again.
type notForAPIServer struct{ net.Listener }

func (l notForAPIServer) Accept() (net.Conn, error) {
	for {
		connection, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		host, _, err := net.SplitHostPort(connection.LocalAddr().String())
		if err == nil && host != APIServerAddress {
			return connection, nil
		}
		_ = connection.Close()
	}
}

func quiet() *stdlog.Logger { return stdlog.New(io.Discard, "", 0) }

// servingTLS asks every client for a certificate and demands none: who shows one of ours is proxied under its name.
func servingTLS(dir layout.Dir) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(dir.TLS("serving-kube-apiserver.crt"), dir.TLS("serving-kube-apiserver.key"))
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(dir.TLS("client-ca.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientAuth:   tls.RequestClientCert,
		ClientCAs:    pool,
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
	}, nil
}

func (s *Supervisor) routes() http.Handler {
	dir := s.config.Dir()
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+join.Ping, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "pong") })
	mux.Handle("GET "+join.CACerts, file(dir.TLS("server-ca.crt")))
	mux.Handle("GET "+join.Ready, s.forNodes(http.HandlerFunc(s.ready)))
	mux.Handle("GET "+join.ClientCA, s.forNodes(file(dir.TLS("client-ca.crt"))))
	mux.Handle("GET "+join.Settings, s.forNodes(http.HandlerFunc(s.settings)))
	mux.Handle("GET "+join.APIServers, s.forNodes(http.HandlerFunc(s.apiServers)))
	for _, path := range []string{join.ServingKubelet, join.ClientKubelet, join.ClientKubeProxy, join.ClientAgent} {
		mux.Handle("POST "+path, s.forNodes(http.HandlerFunc(s.sign)))
	}
	mux.Handle("GET "+join.Bootstrap, s.forServers(http.HandlerFunc(s.bootstrap)))
	mux.Handle("GET "+join.EtcdInfo, s.forServers(http.HandlerFunc(s.peers)))
	mux.HandleFunc("/v1-k3s/", http.NotFound)
	mux.Handle("/", s.api)
	return mux
}

func file(path string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		text, err := os.ReadFile(path)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(text)
	})
}

func (s *Supervisor) forServers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user == token.ServerUser && same(password, s.secrets.Server) {
			next.ServeHTTP(w, r)
			return
		}
		http.Error(w, "not authorized", http.StatusUnauthorized)
	})
}

func (s *Supervisor) forNodes(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		switch {
		case user == token.ServerUser && same(password, s.secrets.Server),
			user == token.NodeUser && same(password, s.secrets.ForAgents()),
			s.isBootstrapToken(r.Context(), password):
			next.ServeHTTP(w, r)
		default:
			http.Error(w, "not authorized", http.StatusUnauthorized)
		}
	})
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (s *Supervisor) isBootstrapToken(ctx context.Context, secret string) bool {
	client := s.client.Load()
	return client != nil && nodes.BootstrapTokenHolds(ctx, client, secret)
}

func (s *Supervisor) ready(w http.ResponseWriter, _ *http.Request) {
	if s.client.Load() == nil {
		http.Error(w, "apiserver not ready", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprint(w, "ok")
}

func (s *Supervisor) settings(w http.ResponseWriter, _ *http.Request) {
	answer(w, ClusterOf(s.config))
}

// ClusterOf is what agents learn of the cluster.
func ClusterOf(c *config.Config) join.Cluster {
	return join.Cluster{
		ClusterCIDR: c.ClusterCIDR[0], ServiceCIDR: c.ServiceCIDR[0], ClusterDNS: c.ClusterDNS,
		ClusterDomain: c.ClusterDomain, FlannelBackend: c.FlannelBackend, DisableKubeProxy: c.DisableKubeProxy,
	}
}

func (s *Supervisor) apiServers(w http.ResponseWriter, r *http.Request) {
	client := s.client.Load()
	if client == nil {
		http.Error(w, "apiserver not ready", http.StatusServiceUnavailable)
		return
	}
	addresses, err := nodes.APIServers(r.Context(), client)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	answer(w, addresses)
}

func (s *Supervisor) bootstrap(w http.ResponseWriter, _ *http.Request) {
	files, err := SharedFiles(s.config.Dir())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, files)
}

func (s *Supervisor) peers(w http.ResponseWriter, r *http.Request) {
	if !s.hasEtcd {
		answer(w, join.Peers{})
		return
	}
	endpoints, err := etcd.Endpoints(r.Context(), s.config.Dir())
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	answer(w, join.Peers{Endpoints: endpoints})
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		log.Warn("supervisor: %v", err)
	}
}

func nodeOf(r *http.Request) (name, password, address string) {
	return strings.ToLower(r.Header.Get(join.NodeNameHeader)), r.Header.Get(join.NodePasswordHeader),
		r.Header.Get(join.NodeIPHeader)
}
