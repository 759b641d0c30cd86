// Package containerd runs the node's containerd: its configuration, the registries, and the images that lie on the node.
package containerd

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"clustr/kube/config"
	"clustr/kube/images"
	"clustr/kube/layout"
	"clustr/kube/log"
	"clustr/kube/proc"
)

// ChildName is containerd's name among the children.
const ChildName = "containerd"

// Start writes the configuration, runs containerd and imports the node's images. foreignNetwork says that another CNI
// plugin than ours is to be looked for in the usual places.
func Start(ctx context.Context, c *config.Config, foreignNetwork bool, children *proc.Group) error {
	dir := c.Dir()
	path, err := writeConfig(c, foreignNetwork)
	if err != nil {
		return err
	}
	if err := writeRegistries(c); err != nil {
		return err
	}
	for _, folder := range []string{dir.Agent("containerd"), dir.Agent("images"), dir.Agent("etc", "cni", "net.d"), layout.ContainerdState} {
		if err := os.MkdirAll(folder, 0o711); err != nil {
			return err
		}
	}
	crictl := "runtime-endpoint: unix://" + layout.ContainerdSocket + "\n"
	if err := layout.Write(dir.CrictlConfig(), []byte(crictl), 0o644); err != nil {
		return err
	}
	logFile, err := os.OpenFile(dir.Agent("containerd", "containerd.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	log.Info("Logging containerd to %s", logFile.Name())
	err = children.Start(proc.Child{
		Name: ChildName, Path: dir.Bin("containerd"), Args: []string{"-c", path},
		Env: []string{"PATH=" + dir.Path()}, Out: logFile,
	})
	if err != nil {
		return err
	}
	if err := waitForSocket(ctx); err != nil {
		return err
	}
	return images.Import(ctx, dir)
}

func waitForSocket(ctx context.Context) error {
	limit := time.Now().Add(time.Minute)
	for time.Now().Before(limit) {
		if connection, err := net.Dial("unix", layout.ContainerdSocket); err == nil {
			return connection.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("containerd did not answer within a minute: see %s", filepath.Join("agent", "containerd", "containerd.log"))
}
