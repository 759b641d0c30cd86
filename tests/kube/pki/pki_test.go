package pki

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestLeafIsKeptUntilItMustChange(t *testing.T) {
	folder := t.TempDir()
	a, err := NewAuthority(filepath.Join(folder, "ca"), "test-ca")
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewAuthority(filepath.Join(folder, "other"), "other-ca")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "leaf")
	ensure := func(by *Authority, leaf Leaf) []byte {
		if err := by.Ensure(path, leaf); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path + ".crt")
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	first := ensure(a, Serving("x", "a.example", "10.0.0.1"))
	if !bytes.Equal(first, ensure(a, Serving("x", "10.0.0.1", "a.example"))) {
		t.Error("the same names in another order made a new certificate")
	}
	second := ensure(a, Serving("x", "a.example", "10.0.0.2"))
	if bytes.Equal(first, second) {
		t.Error("a new address made no new certificate")
	}
	usage := Serving("x", "a.example", "10.0.0.2")
	usage.Usages = append(usage.Usages, Client("").Usages...)
	third := ensure(a, usage)
	if bytes.Equal(second, third) {
		t.Error("another usage made no new certificate")
	}
	if bytes.Equal(third, ensure(other, usage)) {
		t.Error("another authority made no new certificate")
	}
	if info, err := os.Stat(path + ".key"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key has mode %v (%v)", info.Mode(), err)
	}
}

func TestRequestIsSignedForItsKeyAlone(t *testing.T) {
	request, err := Request(filepath.Join(t.TempDir(), "node.key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := RequestedKey(request); err != nil {
		t.Error(err)
	}
	if _, err := RequestedKey([]byte("nothing")); err == nil {
		t.Error("nothing was taken for a request")
	}
}
