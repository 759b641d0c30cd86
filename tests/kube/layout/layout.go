// Package layout knows where everything lies below the data folder, as k3s lays it out.
package layout

import (
	"os"
	"path/filepath"
)

// Fixed places outside the data folder.
const (
	DefaultDataDir   = "/var/lib/rancher/k3s"
	ConfigFile       = "/etc/rancher/k3s/config.yaml"
	RegistriesFile   = "/etc/rancher/k3s/registries.yaml"
	Kubeconfig       = "/etc/rancher/k3s/k3s.yaml"
	NodePassword     = "/etc/rancher/node/password"
	NodeID           = "/etc/rancher/node/id"
	ContainerdState  = "/run/k3s/containerd"
	ContainerdSocket = "/run/k3s/containerd/containerd.sock"
)

// Dir is the data folder of this node.
type Dir string

// Server is a place below server/.
func (d Dir) Server(parts ...string) string {
	return filepath.Join(append([]string{string(d), "server"}, parts...)...)
}

// TLS is a place below server/tls/.
func (d Dir) TLS(parts ...string) string {
	return d.Server(append([]string{"tls"}, parts...)...)
}

// Cred is a place below server/cred/.
func (d Dir) Cred(parts ...string) string {
	return d.Server(append([]string{"cred"}, parts...)...)
}

// Agent is a place below agent/.
func (d Dir) Agent(parts ...string) string {
	return filepath.Join(append([]string{string(d), "agent"}, parts...)...)
}

// Bin is a place below data/current/bin/, where the programs that came inside the binary lie.
func (d Dir) Bin(parts ...string) string {
	return filepath.Join(append([]string{string(d), "data", "current", "bin"}, parts...)...)
}

// CrictlConfig tells crictl where this node's containerd answers.
func (d Dir) CrictlConfig() string { return d.Agent("etc", "crictl.yaml") }

// Images is where the images that came inside the binary lie.
func (d Dir) Images() string {
	return filepath.Join(string(d), "data", "current", "images")
}

// Path is the search path for children: our programs first, then the machine's own, then our iptables where the
// machine has none.
func (d Dir) Path() string {
	return d.Bin() + ":" + os.Getenv("PATH") + ":/usr/sbin:/sbin:" + d.Bin("aux")
}

// HasEtcd says whether an etcd member lives here.
func (d Dir) HasEtcd() bool { return exists(d.Server("db", "etcd", "member")) }

// HasSQLite says whether a sqlite database lives here.
func (d Dir) HasSQLite() bool { return exists(d.Server("db", "state.db")) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Write puts data at path by rename, with its folders, so that no reader sees half a file. mode is the file's.
func Write(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	if _, err = temporary.Write(data); err == nil {
		err = temporary.Chmod(mode)
	}
	if closed := temporary.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
