package containerd

import (
	"bytes"
	_ "embed"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"

	"golang.org/x/sys/unix"

	"clustr/kube/config"
	"clustr/kube/layout"
	"clustr/kube/log"
)

//go:embed config.toml.tmpl
var baseTemplate string

// values is what config.toml.tmpl and a site's own template see.
type values struct {
	Root, State, Socket   string
	BinDir, ConfDir       string // empty: containerd's own defaults, for another CNI plugin
	Imports, Certificates string
	PauseImage            string
	Snapshotter           string
	DefaultRuntime        string
	SystemdCgroup         bool
	LacksOOMScore         bool
	Runtimes              []runtime
	Auths                 []auth
}

type runtime struct{ Name, Binary string }

// writeConfig renders agent/etc/containerd/config.toml, from config-v3.toml.tmpl or config.toml.tmpl beside it where a
// site has put one; the base is there for it as template "base".
func writeConfig(c *config.Config, foreignNetwork bool) (string, error) {
	dir := c.Dir()
	home := dir.Agent("etc", "containerd")
	v := values{
		Root: dir.Agent("containerd"), State: layout.ContainerdState, Socket: layout.ContainerdSocket,
		Imports: filepath.Join(home, "config-v3.toml.d", "*.toml"), Certificates: filepath.Join(home, "certs.d"),
		PauseImage: c.PauseImage, Snapshotter: c.Snapshotter, DefaultRuntime: c.DefaultRuntime,
		SystemdCgroup: systemdCgroup(), LacksOOMScore: !has(unix.CAP_SYS_RESOURCE), Runtimes: findRuntimes(),
	}
	if !foreignNetwork {
		v.BinDir, v.ConfDir = dir.Bin(), dir.Agent("etc", "cni", "net.d")
	}
	registries, err := readRegistries(c.PrivateRegistry)
	if err != nil {
		return "", err
	}
	v.Auths = registries.auths()
	text, err := render(home, v)
	if err != nil {
		return "", err
	}
	path := filepath.Join(home, "config.toml")
	return path, layout.Write(path, text, 0o600)
}

func render(home string, v values) ([]byte, error) {
	root, err := template.New("base").Parse(baseTemplate)
	if err != nil {
		return nil, err
	}
	chosen := root
	for _, name := range []string{"config-v3.toml.tmpl", "config.toml.tmpl"} {
		text, err := os.ReadFile(filepath.Join(home, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		log.Info("Using containerd template at %s", filepath.Join(home, name))
		if chosen, err = root.New(name).Parse(string(text)); err != nil {
			return nil, err
		}
		break
	}
	var text bytes.Buffer
	err = chosen.Execute(&text, v)
	return text.Bytes(), err
}

// has says whether this process may use a capability: without CAP_SYS_RESOURCE runc cannot lower a container's
// oom_score_adj and fails.
func has(capability uint) bool {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return true
	}
	for _, line := range strings.Split(string(text), "\n") {
		if hex, found := strings.CutPrefix(line, "CapEff:"); found {
			mask, err := strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
			return err != nil || mask&(1<<capability) != 0
		}
	}
	return true
}

func systemdCgroup() bool {
	var fs unix.Statfs_t
	return unix.Statfs("/sys/fs/cgroup", &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC && os.Getenv("INVOCATION_ID") != ""
}

// findRuntimes looks for other runtimes as k3s does: the toolkit's own folder before the search path.
func findRuntimes() []runtime {
	search := append([]string{"/usr/local/nvidia/toolkit"}, filepath.SplitList(os.Getenv("PATH"))...)
	search = append(search, "/usr/bin", "/usr/local/bin")
	var found []runtime
	for _, r := range []runtime{
		{"crun", "crun"}, {"nvidia", "nvidia-container-runtime"},
		{"nvidia-experimental", "nvidia-container-runtime-experimental"}, {"nvidia-cdi", "nvidia-container-runtime.cdi"},
	} {
		for _, folder := range search {
			path := filepath.Join(folder, r.Binary)
			if _, err := exec.LookPath(path); err == nil {
				log.Info("Found %s container runtime at %s", r.Name, path)
				found = append(found, runtime{r.Name, path})
				break
			}
		}
	}
	return found
}
