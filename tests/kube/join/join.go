// Package join is what a node and its server say to each other on the supervisor's port before the node is one of the
// cluster: the paths, the messages, and the joining side.
package join

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"clustr/kube/token"
)

// Paths on the supervisor's port.
const (
	CACerts    = "/cacerts"
	Ping       = "/ping"
	Ready      = "/v1-k3s/readyz"
	Settings   = "/v1-k3s/config"
	APIServers = "/v1-k3s/apiservers"
	Bootstrap  = "/v1-k3s/server-bootstrap"
	EtcdInfo   = "/db/info"
	ClientCA   = "/v1-k3s/client-ca.crt"

	ServingKubelet  = "/v1-k3s/serving-kubelet.crt"
	ClientKubelet   = "/v1-k3s/client-kubelet.crt"
	ClientKubeProxy = "/v1-k3s/client-kube-proxy.crt"
	ClientAgent     = "/v1-k3s/client-k3s-controller.crt"
)

// Headers that name the node in a request for its certificates.
const (
	NodeNameHeader     = "K3s-Node-Name"
	NodePasswordHeader = "K3s-Node-Password"
	NodeIPHeader       = "K3s-Node-IP"
)

// Cluster is what an agent learns of the cluster.
type Cluster struct {
	ClusterCIDR      string
	ServiceCIDR      string
	ClusterDNS       []string
	ClusterDomain    string
	FlannelBackend   string
	DisableKubeProxy bool
}

// Files are the cluster's authorities and keys, by their place below server/.
type Files map[string][]byte

// Peers are the client URLs of the etcd members; empty where the datastore is not etcd.
type Peers struct{ Endpoints []string }

// Refused is an answer of the server that more tries will not change.
type Refused struct {
	Path   string
	Status int
	Reason string
}

func (r *Refused) Error() string {
	return fmt.Sprintf("%s: %d %s: %s", r.Path, r.Status, http.StatusText(r.Status), r.Reason)
}

// Access is a server that this node trusts by its token.
type Access struct {
	URL   string
	CA    []byte
	token token.Token
	http  *http.Client
}

// Connect asks base (https://host:port) for its CA and believes it if the token names it, or names none. user is whom a
// short token speaks for.
func Connect(ctx context.Context, base, text, user string) (*Access, error) {
	parsed, err := url.Parse(base)
	if err != nil || parsed.Scheme != "https" {
		return nil, fmt.Errorf("only https:// URLs are supported, invalid scheme: %s", base)
	}
	t, err := token.Parse(text, user)
	if err != nil {
		return nil, err
	}
	blind := client(&tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) // the token's hash vouches for it
	ca, err := (&Access{URL: strings.TrimRight(base, "/"), http: blind}).Get(ctx, CACerts)
	if err != nil {
		return nil, fmt.Errorf("failed to get CA certs: %w", err)
	}
	if err := t.VerifyCA(ca); err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("failed to get CA certs: %s%s holds no certificate", base, CACerts)
	}
	trusting := client(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
	return &Access{URL: strings.TrimRight(base, "/"), CA: ca, token: t, http: trusting}, nil
}

func client(tls *tls.Config) *http.Client {
	return &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{TLSClientConfig: tls, DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment},
	}
}

// Via is the same access through another address: the certificate is still checked against the CA.
func (a *Access) Via(base string) *Access {
	other := *a
	other.URL = base
	return &other
}

// Get fetches path. A refusal that will stay is a *Refused.
func (a *Access) Get(ctx context.Context, path string) ([]byte, error) {
	return a.do(ctx, http.MethodGet, path, nil, nil)
}

// Decode fetches path into value.
func (a *Access) Decode(ctx context.Context, path string, value any) error {
	text, err := a.Get(ctx, path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, value)
}

// Sign sends a signing request for a certificate of the node and gives the certificate.
func (a *Access) Sign(ctx context.Context, path string, node, password, address string, request []byte) ([]byte, error) {
	headers := map[string]string{NodeNameHeader: node, NodePasswordHeader: password, NodeIPHeader: address}
	return a.do(ctx, http.MethodPost, path, headers, request)
}

func (a *Access) do(ctx context.Context, method, path string, headers map[string]string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, a.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	if a.token.Secret != "" {
		request.SetBasicAuth(a.token.User, a.token.Secret)
	}
	response, err := a.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 8<<20))
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return text, nil
	}
	reason := strings.TrimSpace(string(text))
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, &Refused{a.URL + path, response.StatusCode, reason}
	}
	return nil, fmt.Errorf("%s: %s: %s", a.URL+path, response.Status, reason)
}

// Permanent says whether err stays as it is however often one tries.
func Permanent(err error) bool {
	var refused *Refused
	return errors.As(err, &refused) && refused.Status == http.StatusUnauthorized
}
