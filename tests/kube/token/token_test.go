package token

import (
	"errors"
	"os"
	"strings"
	"testing"

	"clustr/kube/layout"
)

var ca = []byte("a certificate")

func TestLongFormNamesTheCA(t *testing.T) {
	parsed, err := Parse(Format(ca, ServerUser, "s3:cret"), NodeUser)
	if err != nil {
		t.Fatal(err)
	}
	if parsed.User != ServerUser || parsed.Secret != "s3:cret" {
		t.Errorf("user %q, secret %q", parsed.User, parsed.Secret)
	}
	if err := parsed.VerifyCA(ca); err != nil {
		t.Error(err)
	}
	if err := parsed.VerifyCA([]byte("another")); err == nil || !strings.Contains(err.Error(), "does not match") {
		t.Errorf("another CA gave %v", err)
	}
}

func TestShortFormBelievesAnyCAAndSpeaksForTheUser(t *testing.T) {
	parsed, err := Parse(" secret\n", NodeUser)
	if err != nil {
		t.Fatal(err)
	}
	if parsed.User != NodeUser || parsed.Secret != "secret" || parsed.VerifyCA([]byte("any")) != nil {
		t.Errorf("%+v", parsed)
	}
}

func TestBootstrapForm(t *testing.T) {
	parsed, err := Parse(FormatBootstrap(ca, "abcdef.0123456789abcdef"), NodeUser)
	if err != nil {
		t.Fatal(err)
	}
	if !parsed.IsBootstrap() || parsed.VerifyCA(ca) != nil {
		t.Errorf("%+v", parsed)
	}
}

func TestWrongFormsAreRefused(t *testing.T) {
	for _, text := range []string{"", "K10short::server:x", "K10" + strings.Repeat("a", 64), Format(ca, ServerUser, "")} {
		if _, err := Parse(text, NodeUser); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestSecretsAreKeptAndAnotherIsRefused(t *testing.T) {
	dir := layout.Dir(t.TempDir())
	made, err := Settle(dir, Secrets{})
	if err != nil || len(made.Server) != 32 {
		t.Fatalf("%+v %v", made, err)
	}
	again, err := Settle(dir, Secrets{})
	if err != nil || again != made {
		t.Errorf("kept %+v, later %+v (%v)", made, again, err)
	}
	if _, err := Settle(dir, Secrets{Server: "another"}); !errors.Is(err, ErrOtherToken) {
		t.Errorf("another token gave %v", err)
	}
}

func TestTokenFiles(t *testing.T) {
	dir := layout.Dir(t.TempDir())
	if err := WriteFiles(dir, ca, Secrets{Server: "s"}); err != nil {
		t.Fatal(err)
	}
	if target, err := os.Readlink(dir.Server("agent-token")); err != nil || target != dir.Server("token") {
		t.Errorf("agent-token points at %q (%v)", target, err)
	}
	if err := WriteFiles(dir, ca, Secrets{Server: "s", Agent: "a"}); err != nil {
		t.Fatal(err)
	}
	for name, wanted := range map[string]string{
		"token": Format(ca, ServerUser, "s"), "node-token": Format(ca, ServerUser, "s"), "agent-token": Format(ca, NodeUser, "a"),
	} {
		text, err := os.ReadFile(dir.Server(name))
		if err != nil || string(text) != wanted+"\n" {
			t.Errorf("%s holds %q (%v), wanted %q", name, text, err, wanted)
		}
		if info, err := os.Stat(dir.Server(name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v (%v)", name, info.Mode(), err)
		}
	}
}
