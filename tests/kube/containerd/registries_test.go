package containerd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clustr/kube/config"
)

const registriesFile = `
mirrors:
  docker.io:
    endpoint: ["https://mirror.example:5000"]
  "*":
    endpoint: ["http://any.example/v2"]
configs:
  mirror.example:5000:
    auth: {username: u, password: p}
    tls: {ca_file: /ca.pem, insecure_skip_verify: true}
`

func TestRegistriesBecomeHostsFiles(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "registries.yaml")
	if err := os.WriteFile(file, []byte(registriesFile), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &config.Config{DataDir: folder, PrivateRegistry: file}
	if err := writeRegistries(c); err != nil {
		t.Fatal(err)
	}
	home := c.Dir().Agent("etc", "containerd", "certs.d")
	for name, parts := range map[string][]string{
		"docker.io": {
			`server = "https://registry-1.docker.io/v2"`, `[host."https://mirror.example:5000/v2"]`, `ca = ["/ca.pem"]`, "skip_verify = true",
		},
		"_default":            {`[host."http://any.example/v2"]`},
		"mirror.example:5000": {`server = "https://mirror.example:5000/v2"`},
	} {
		text, err := os.ReadFile(filepath.Join(home, name, "hosts.toml"))
		if err != nil {
			t.Error(err)
		}
		for _, part := range parts {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s lacks %s:\n%s", name, part, text)
			}
		}
	}
}

func TestSitesTemplateSeesTheBase(t *testing.T) {
	home := t.TempDir()
	v := values{Root: "/root", Auths: []auth{{Host: "h", Password: "p"}}, Runtimes: []runtime{{"nvidia", "/usr/bin/nvidia"}}}
	plain, err := render(home, v)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"version = 3", "runtimes.'nvidia'", `password = "p"`} {
		if !strings.Contains(string(plain), part) {
			t.Errorf("the configuration lacks %s:\n%s", part, plain)
		}
	}
	template := "{{ template \"base\" . }}\n# the site's own\n"
	if err := os.WriteFile(filepath.Join(home, "config-v3.toml.tmpl"), []byte(template), 0o600); err != nil {
		t.Fatal(err)
	}
	own, err := render(home, v)
	if err != nil || string(own) != string(plain)+"\n# the site's own\n" {
		t.Errorf("%v:\n%s", err, own)
	}
}
