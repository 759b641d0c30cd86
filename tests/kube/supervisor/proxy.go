package supervisor

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"clustr/kube/config"
)

// APIServerAddress is where the API server itself listens. It has the supervisor's port, since that is the port it
// advertises for the kubernetes Service and it takes no other for that; the kernel gives the connection to the socket
// with the more exact address, both being bound with SO_REUSEPORT.
const APIServerAddress = "127.0.0.2"

// APIServerURL is how this server's own components reach its API server.
func APIServerURL(port int) string {
	return "https://" + net.JoinHostPort(APIServerAddress, strconv.Itoa(port))
}

const identity = "X-Remote-"

// apiProxy hands requests to the API server. A client that showed a certificate of the cluster is named to it in the
// X-Remote headers of the authenticating proxy (kubernetes.io, "Authenticating Proxy"); everyone else brings a token.
func apiProxy(c *config.Config) (http.Handler, error) {
	dir := c.Dir()
	named, err := toAPIServer(c, true)
	if err != nil {
		return nil, err
	}
	plain, err := toAPIServer(c, false)
	if err != nil {
		return nil, err
	}
	clientCA, err := os.ReadFile(dir.TLS("client-ca.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(clientCA)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			if strings.HasPrefix(name, identity) {
				r.Header.Del(name)
			}
		}
		subject := verifiedSubject(r, pool)
		if subject == nil {
			plain.ServeHTTP(w, r)
			return
		}
		r.Header.Set(identity+"User", subject.Subject.CommonName)
		for _, organization := range subject.Subject.Organization {
			r.Header.Add(identity+"Group", organization)
		}
		named.ServeHTTP(w, r)
	}), nil
}

func verifiedSubject(r *http.Request, pool *x509.CertPool) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil
	}
	intermediates := x509.NewCertPool()
	for _, certificate := range r.TLS.PeerCertificates[1:] {
		intermediates.AddCert(certificate)
	}
	leaf := r.TLS.PeerCertificates[0]
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: pool, Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil
	}
	return leaf
}

func toAPIServer(c *config.Config, asProxy bool) (http.Handler, error) {
	dir := c.Dir()
	ca, err := os.ReadFile(dir.TLS("server-ca.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	settings := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	if asProxy {
		pair, err := tls.LoadX509KeyPair(dir.TLS("client-auth-proxy.crt"), dir.TLS("client-auth-proxy.key"))
		if err != nil {
			return nil, err
		}
		settings.Certificates = []tls.Certificate{pair}
	}
	modern := &http.Transport{TLSClientConfig: settings.Clone(), ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute}
	// An upgrade (exec, port-forward) needs HTTP/1.1.
	upgrades := &http.Transport{TLSClientConfig: settings.Clone(), TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}
	target, err := url.Parse(APIServerURL(c.HTTPSListenPort))
	if err != nil {
		return nil, err
	}
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Host = p.In.Host
			p.SetXForwarded()
		},
		Transport:     byUpgrade{modern, upgrades},
		FlushInterval: -1,
		ErrorLog:      quiet(),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "apiserver not ready: "+err.Error(), http.StatusServiceUnavailable)
		},
	}, nil
}

type byUpgrade struct{ modern, upgrades *http.Transport }

func (t byUpgrade) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Upgrade") != "" {
		return t.upgrades.RoundTrip(r)
	}
	return t.modern.RoundTrip(r)
}
