package supervisor

import (
	"errors"
	"io"
	"net/http"

	"clustr/kube/join"
	"clustr/kube/log"
	"clustr/kube/nodes"
	"clustr/kube/pki"
)

// sign gives a node one of its certificates, once its password is known to be its own.
func (s *Supervisor) sign(w http.ResponseWriter, r *http.Request) {
	name, password, address := nodeOf(r)
	if name == "" || password == "" {
		http.Error(w, "node name and password are required", http.StatusBadRequest)
		return
	}
	client := s.client.Load()
	if client == nil {
		http.Error(w, "apiserver not ready", http.StatusServiceUnavailable)
		return
	}
	if err := nodes.EnsurePassword(r.Context(), client, name, password); err != nil {
		status := http.StatusServiceUnavailable
		if errors.Is(err, nodes.ErrPassword) {
			log.Warn("%s: %v", name, err)
			status = http.StatusForbidden
		}
		http.Error(w, err.Error(), status)
		return
	}
	request, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	key, err := pki.RequestedKey(request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ca, leaf := NodeLeaf(r.URL.Path, name, address)
	authority, err := pki.LoadAuthority(s.config.Dir().TLS(ca))
	if err == nil {
		request, err = authority.Sign(key, leaf)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(request)
}

// NodeLeaf is the certificate that path stands for, and the authority that signs it.
func NodeLeaf(path, name, address string) (authority string, leaf pki.Leaf) {
	switch path {
	case join.ServingKubelet:
		return "server-ca", pki.Serving(name, name, "localhost", "127.0.0.1", address)
	case join.ClientKubelet:
		return "client-ca", pki.Client("system:node:"+name, "system:nodes")
	case join.ClientKubeProxy:
		return "client-ca", pki.Client("system:kube-proxy")
	default:
		return "client-ca", pki.Client("system:k3s-controller")
	}
}
