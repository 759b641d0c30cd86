// Package manifests applies what lies in server/manifests/, as k3s does: every file looked at each 15 seconds, an object
// that left a file deleted, the objects of a deleted file left alone, `<file>.skip` honoured, packaged files written
// first and `disable`d ones taken away.
package manifests

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"clustr/kube/config"
	"clustr/kube/log"
)

const every = 15 * time.Second

// cluster is where files are applied to.
type cluster interface {
	// Apply makes o as its file says.
	Apply(ctx context.Context, o Object) error
	// Delete takes r away; one that is gone already is no error.
	Delete(ctx context.Context, r Reference) error
	// Applied is what was recorded for the file; none: the zero record.
	Applied(ctx context.Context, name string) (Record, error)
	// Record keeps what was applied, so that a later start knows what to prune.
	Record(ctx context.Context, name string, r Record) error
	// Forget drops the record.
	Forget(ctx context.Context, name string) error
}

// Record is what is known of a file that was applied.
type Record struct {
	Source   string
	Checksum string
	Objects  []Reference
}

// Deployer applies the files of one server.
type Deployer struct {
	folder   string
	disabled map[string]bool
	cluster  cluster
	done     map[string]time.Time // file: its time when this process looked at it
	started  bool                 // the first scan, which applies every file, is over
}

// Start writes the packaged files, creates the definitions they need and applies files until ctx ends.
func Start(ctx context.Context, c *config.Config, rest *rest.Config) error {
	client, err := newClient(rest)
	if err != nil {
		return err
	}
	d := newDeployer(c.Dir().Server("manifests"), c.Disable, client)
	if err := client.define(ctx); err != nil {
		return fmt.Errorf("create k3s's custom resource definitions: %w", err)
	}
	if err := writePackaged(c, d.disabled); err != nil {
		return err
	}
	go func() {
		d.takeAway(ctx)
		for {
			d.Scan(ctx)
			select {
			case <-ctx.Done():
				return
			case <-time.After(every):
			}
		}
	}()
	return nil
}

func newDeployer(folder string, disable []string, to cluster) *Deployer {
	d := &Deployer{folder: folder, disabled: map[string]bool{}, cluster: to, done: map[string]time.Time{}}
	for _, name := range disable {
		d.disabled[name] = true
	}
	return d
}

// takeAway deletes the objects of disabled packaged components.
func (d *Deployer) takeAway(ctx context.Context) {
	for name := range d.disabled {
		record, err := d.cluster.Applied(ctx, name)
		if err != nil || record.Source == "" {
			continue
		}
		log.Info("Removing disabled component %s", name)
		for _, object := range reversed(record.Objects) {
			if err := d.cluster.Delete(ctx, object); err != nil {
				log.Error("delete %s: %v", object, err)
			}
		}
		if err := d.cluster.Forget(ctx, name); err != nil {
			log.Error("%v", err)
		}
	}
}

// Scan applies every file that changed since it was last applied. A file that fails is tried again at the next scan.
func (d *Deployer) Scan(ctx context.Context) {
	files, err := d.files()
	if err != nil {
		log.Error("Failed to process config: %v", err)
		return
	}
	for _, path := range files {
		if err := d.deploy(ctx, path); err != nil && ctx.Err() == nil {
			log.Error("Failed to process config: failed to process %s: %v", path, err)
		}
	}
	d.started = true
}

func (d *Deployer) files() ([]string, error) {
	var all []string
	err := filepath.WalkDir(d.folder, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if path != d.folder && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if _, err := os.Stat(path + ".skip"); err == nil {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		switch filepath.Ext(path) {
		case ".yaml", ".yml", ".json":
			if !entry.IsDir() && !d.disabled[nameOf(path)] {
				all = append(all, path)
			}
		}
		return nil
	})
	sort.Strings(all)
	return all, err
}

// nameOf is the name that a file's record bears.
func nameOf(path string) string {
	name := filepath.Base(path)
	name = strings.ToLower(strings.TrimSuffix(name, filepath.Ext(name)))
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '-'
	}, name), "-.")
}

// deploy applies a file as k3s does: each at its first scan, later those whose time changed and whose checksum is not the
// Addon's. A file that comes back as it was is passed over, as long as its Addon is there (pkg/deploy/controller.go).
func (d *Deployer) deploy(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if looked, known := d.done[path]; known && looked.Equal(info.ModTime()) {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	checksum := hex.EncodeToString(sum[:])
	objects, err := Parse(text)
	if err != nil {
		return err
	}
	name := nameOf(path)
	before, err := d.cluster.Applied(ctx, name)
	if err != nil {
		return err
	}
	if d.started && before.Checksum == checksum {
		d.done[path] = info.ModTime()
		return nil
	}
	var failed []error
	after := Record{Source: path, Checksum: checksum}
	for _, object := range objects {
		if err := d.cluster.Apply(ctx, object); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", object.Reference, err))
		}
		after.Objects = append(after.Objects, object.Reference)
	}
	if len(failed) > 0 {
		// What is there may be the old file's or the new one's: both are remembered, and nothing is pruned.
		before.Source, before.Objects = path, union(before.Objects, after.Objects)
		return errors.Join(append(failed, d.cluster.Record(ctx, name, before))...)
	}
	for _, gone := range reversed(missing(before.Objects, after.Objects)) {
		log.Info("Deleting %s: it left %s", gone, path)
		if err := d.cluster.Delete(ctx, gone); err != nil {
			return err
		}
	}
	if err := d.cluster.Record(ctx, name, after); err != nil {
		return err
	}
	if before.Checksum != checksum {
		log.Info("Applied %s", path)
	}
	d.done[path] = info.ModTime()
	return nil
}
