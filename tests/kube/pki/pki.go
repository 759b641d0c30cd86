// Package pki makes and keeps the cluster's certificates: authorities for ten years, leaves for one, as k3s does.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"slices"
	"time"

	"clustr/kube/layout"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 365 * 24 * time.Hour
	renewBefore   = 90 * 24 * time.Hour
)

// Authority signs certificates.
type Authority struct {
	Cert *x509.Certificate
	PEM  []byte
	key  crypto.Signer
}

// Leaf says what a certificate must be.
type Leaf struct {
	CommonName    string
	Organizations []string
	Names         []string // DNS names and addresses
	Usages        []x509.ExtKeyUsage
}

// Client is a leaf for a client of the API server.
func Client(name string, organizations ...string) Leaf {
	return Leaf{name, organizations, nil, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
}

// Serving is a leaf for a server that answers under names.
func Serving(name string, names ...string) Leaf {
	return Leaf{name, nil, names, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
}

// NewAuthority makes an authority at path.crt and path.key unless one is there, and loads it.
func NewAuthority(path, name string) (*Authority, error) {
	if _, err := os.Stat(path + ".key"); os.IsNotExist(err) {
		if err := writeAuthority(path, name); err != nil {
			return nil, err
		}
	}
	return LoadAuthority(path)
}

// LoadAuthority reads path.crt and path.key.
func LoadAuthority(path string) (*Authority, error) {
	text, err := os.ReadFile(path + ".crt")
	if err != nil {
		return nil, err
	}
	cert, err := parseCertificate(text)
	if err != nil {
		return nil, fmt.Errorf("%s.crt: %w", path, err)
	}
	key, err := loadKey(path + ".key")
	if err != nil {
		return nil, err
	}
	return &Authority{cert, text, key}, nil
}

func writeAuthority(path, name string) error {
	key, err := NewKey(path + ".key")
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: fmt.Sprintf("%s@%d", name, time.Now().Unix())},
		NotAfter:              time.Now().Add(authorityLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	text, err := sign(template, template, key.Public(), key)
	if err != nil {
		return err
	}
	return layout.Write(path+".crt", text, 0o644)
}

// NewKey makes an elliptic key at path, mode 0600.
func NewKey(path string) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	return key, layout.Write(path, text, 0o600)
}

// NewRSAKey makes an RSA key at path unless one is there: service accounts are signed with one, as k3s does.
func NewRSAKey(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return layout.Write(path, text, 0o600)
}

// Ensure keeps path.crt and path.key as leaf says: made where missing, made anew where another authority signed them,
// where they say something else, or within 90 days of their end.
func (a *Authority) Ensure(path string, leaf Leaf) error {
	if a.holds(path, leaf) {
		return nil
	}
	key, err := NewKey(path + ".key")
	if err != nil {
		return err
	}
	text, err := a.Sign(key.Public(), leaf)
	if err != nil {
		return err
	}
	return layout.Write(path+".crt", text, 0o644)
}

func (a *Authority) holds(path string, leaf Leaf) bool {
	text, err := os.ReadFile(path + ".crt")
	if err != nil {
		return false
	}
	cert, err := parseCertificate(text)
	if err != nil || cert.CheckSignatureFrom(a.Cert) != nil || time.Until(cert.NotAfter) < renewBefore {
		return false
	}
	key, err := loadKey(path + ".key")
	if err != nil || !cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool }).Equal(key.Public()) {
		return false
	}
	return cert.Subject.CommonName == leaf.CommonName && equal(cert.Subject.Organization, leaf.Organizations) &&
		equal(namesOf(cert), leaf.Names) && slices.Equal(cert.ExtKeyUsage, leaf.Usages)
}

func namesOf(cert *x509.Certificate) []string {
	names := append([]string{}, cert.DNSNames...)
	for _, address := range cert.IPAddresses {
		names = append(names, address.String())
	}
	return names
}

// equal compares without order.
func equal(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// Sign gives a certificate for key with the authority's own behind it.
func (a *Authority) Sign(key crypto.PublicKey, leaf Leaf) ([]byte, error) {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: leaf.CommonName, Organization: leaf.Organizations},
		NotAfter:    time.Now().Add(leafLife),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: leaf.Usages,
	}
	for _, name := range leaf.Names {
		if address := net.ParseIP(name); address != nil {
			template.IPAddresses = append(template.IPAddresses, address)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	text, err := sign(template, a.Cert, key, a.key)
	return append(text, a.PEM...), err
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 62))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// Request is a signing request for the key at path, which is made where it is missing.
func Request(path string) ([]byte, error) {
	key, err := loadKey(path)
	if errors.Is(err, os.ErrNotExist) {
		key, err = NewKey(path)
	}
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), nil
}

// RequestedKey is the key that a signing request is for, its signature checked.
func RequestedKey(text []byte) (crypto.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no signing request")
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, err
	}
	return request.PublicKey, request.CheckSignature()
}

func parseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}

func loadKey(path string) (crypto.Signer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: no key", path)
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s: not a signing key", path)
	}
	return signer, nil
}
