package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDropInsReplaceAndAppend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	write(t, path, "node-label: [a=1]\ntls-san: [one]\ntoken: first\nwrite-kubeconfig-mode: 0644\n")
	write(t, path+".d/20-b.yml", "node-label+: [b=2, c=3]\ntoken: second\n")
	write(t, path+".d/10-a.yaml", "tls-san: two\nnode-label+: x=0\n")
	write(t, path+".d/notes.txt", "token: never\n")
	c, err := Load(Server, []string{"--config", path, "--node-ip", "10.0.0.1", "--node-name", "n"})
	if err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []struct{ found, wanted any }{
		{c.NodeLabels, []string{"a=1", "x=0", "b=2", "c=3"}},
		{c.TLSSAN, []string{"two"}},
		{c.Token, "second"},
		{c.WriteKubeconfigMode, "0644"},
	} {
		if !reflect.DeepEqual(wanted.found, wanted.wanted) {
			t.Errorf("found %v, wanted %v", wanted.found, wanted.wanted)
		}
	}
}

func TestCommandLineWinsOverFilesAndFilesOverEnvironment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	write(t, path, "node-name: from-file\ntoken: from-file\n")
	t.Setenv("K3S_TOKEN", "from-environment")
	t.Setenv("K3S_URL", "https://from-environment:6443")
	c, err := Load(Agent, []string{"-c", path, "--node-name=from-line", "--node-ip=10.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	if c.NodeName != "from-line" || c.Token != "from-file" || c.ServerURL != "https://from-environment:6443" {
		t.Errorf("name %q, token %q, server %q", c.NodeName, c.Token, c.ServerURL)
	}
}

func TestUnknownKeyIsSkippedAndOthersStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	write(t, path, "no-such-flag: 1\nnode-name: n\ndisable: [traefik, 'servicelb,metrics-server']\n")
	c, err := Load(Server, []string{"-c", path, "--node-ip=10.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	if wanted := []string{"traefik", "servicelb", "metrics-server"}; !reflect.DeepEqual(c.Disable, wanted) {
		t.Errorf("disable %v, wanted %v", c.Disable, wanted)
	}
}

func TestWrongFilesAreErrors(t *testing.T) {
	for text, part := range map[string]string{
		"- a\n":                            "keys and values are expected",
		"node-label: {a: b}\n":             "a value or a list is expected",
		"cluster-init: maybe\n":            "cluster-init",
		"node-ip: nowhere\n":               "invalid node-ip",
		"datastore-endpoint: mysql://db\n": "not in this build",
		"rootless: true\n":                 "not in this build",
	} {
		path := filepath.Join(t.TempDir(), "config.yaml")
		write(t, path, text)
		_, err := Load(Server, []string{"-c", path, "--node-name=n"})
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q: error %v, wanted one with %q", text, err, part)
		}
	}
}

func TestTokenFileIsRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, "secret\n")
	c, err := Load(Server, []string{"-c", "/nonexistent", "--token-file", file, "--node-ip=10.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Token != "secret" {
		t.Errorf("token %q", c.Token)
	}
}

func TestHelpHasOneFlagALine(t *testing.T) {
	server, agent := Help(Server), Help(Agent)
	for _, flag := range []string{"--cluster-init", "--node-label value", "--etcd-snapshot-retention value", "--server value, -s value"} {
		if !strings.Contains(server, "   "+flag) {
			t.Errorf("k3s server --help lacks %s", flag)
		}
	}
	if strings.Contains(agent, "--cluster-init") || !strings.Contains(agent, "   --node-taint value") {
		t.Error("k3s agent --help has the wrong flags")
	}
}

func TestClusterDNSIsTheTenthAddress(t *testing.T) {
	c, err := Load(Server, []string{"-c", "/nonexistent", "--service-cidr=10.99.0.0/16", "--node-ip=10.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	if wanted := []string{"10.99.0.10"}; !reflect.DeepEqual(c.ClusterDNS, wanted) {
		t.Errorf("cluster-dns %v, wanted %v", c.ClusterDNS, wanted)
	}
}
