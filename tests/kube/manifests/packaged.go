package manifests

import (
	"embed"
	"errors"
	"os"
	"path"
	"strings"

	"clustr/kube/config"
	"clustr/kube/layout"
	"clustr/kube/log"
)

//go:embed packaged/*.yaml
var packaged embed.FS

// notHere are the components that k3s packages and this build has not.
var notHere = []string{"traefik", "servicelb", "metrics-server"}

// writePackaged lays the packaged files into server/manifests/, as k3s does at each start; disabled ones are removed.
func writePackaged(c *config.Config, disabled map[string]bool) error {
	for _, name := range notHere {
		if !disabled[name] {
			log.Warn("%s is not in this build", name)
		}
	}
	storage := c.DefaultLocalPath
	if storage == "" {
		storage = path.Join(c.DataDir, "storage")
	}
	values := strings.NewReplacer("%{CLUSTER_DNS}%", c.ClusterDNS[0], "%{CLUSTER_DOMAIN}%", c.ClusterDomain,
		"%{DEFAULT_LOCAL_STORAGE_PATH}%", storage)
	entries, err := packaged.ReadDir("packaged")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		place := c.Dir().Server("manifests", entry.Name())
		if disabled[nameOf(entry.Name())] {
			if err := os.Remove(place); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
			continue
		}
		if _, err := os.Stat(place + ".skip"); err == nil {
			continue
		}
		text, err := packaged.ReadFile("packaged/" + entry.Name())
		if err != nil {
			return err
		}
		if err := layout.Write(place, []byte(values.Replace(string(text))), 0o600); err != nil {
			return err
		}
	}
	return nil
}
