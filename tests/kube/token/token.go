// Package token reads and writes k3s's join tokens: `K10<sha256 of the CA>::<user>:<secret>`, the short form that is the
// secret alone, and bootstrap tokens `K10<sha256>::<id>.<secret>` (docs.k3s.io, "token").
package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// The users of a token.
const (
	ServerUser = "server"
	NodeUser   = "node"
)

const prefix = "K10"

var bootstrapForm = regexp.MustCompile(`^[a-z0-9]{6}\.[a-z0-9]{16}$`)

// Token is what a joining node shows.
type Token struct {
	CAHash string // hex; empty in the short form: the CA is believed as it comes
	User   string
	Secret string // for a bootstrap token the whole `id.secret`
}

// Parse reads any form. user is whom the short form speaks for.
func Parse(text, user string) (Token, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Token{}, errors.New("token must not be empty")
	}
	t := Token{User: user, Secret: text}
	if rest, long := strings.CutPrefix(text, prefix); long {
		hash, credentials, found := strings.Cut(rest, "::")
		if !found || len(hash) != 2*sha256.Size {
			return Token{}, errors.New("invalid token format")
		}
		t.CAHash, t.Secret = hash, credentials
		if name, secret, found := strings.Cut(credentials, ":"); found {
			t.User, t.Secret = name, secret
		}
	}
	if t.Secret == "" {
		return Token{}, errors.New("invalid token format")
	}
	return t, nil
}

// IsBootstrap says whether the secret is a short-lived `id.secret`.
func (t Token) IsBootstrap() bool { return bootstrapForm.MatchString(t.Secret) }

// VerifyCA compares the CA that a server showed with the one that the token names.
func (t Token) VerifyCA(ca []byte) error {
	if t.CAHash == "" {
		return nil
	}
	if hash := Hash(ca); hash != t.CAHash {
		return fmt.Errorf("token CA hash does not match the Cluster CA certificate hash: %s != %s", t.CAHash, hash)
	}
	return nil
}

// Hash is the sha256 of a CA as tokens carry it: of the file's bytes.
func Hash(ca []byte) string {
	sum := sha256.Sum256(ca)
	return hex.EncodeToString(sum[:])
}

// Format is the long form.
func Format(ca []byte, user, secret string) string {
	return prefix + Hash(ca) + "::" + user + ":" + secret
}

// FormatBootstrap is the long form of a bootstrap token.
func FormatBootstrap(ca []byte, secret string) string {
	return prefix + Hash(ca) + "::" + secret
}

// Random is n random bytes as hex.
func Random(n int) (string, error) {
	random := make([]byte, n)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	return hex.EncodeToString(random), nil
}
