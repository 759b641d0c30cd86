// Package images imports the image archives that lie on the node: those that came inside the binary and those in
// agent/images/, pinned, so that no clean-up takes away what cannot be pulled again.
package images

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"

	"github.com/klauspost/compress/zstd"

	"clustr/kube/layout"
	"clustr/kube/log"
)

// Import imports every archive whose images are not there yet. An archive that cannot be read is logged and left out,
// as k3s does.
func Import(ctx context.Context, dir layout.Dir) error {
	archives, err := find(dir.Images(), dir.Agent("images"))
	if err != nil {
		return err
	}
	present, err := listed(ctx, dir)
	if err != nil {
		return err
	}
	for _, path := range archives {
		if err := importOne(ctx, dir, path, present); err != nil {
			log.Error("Unable to import %s: %v", path, err)
		}
	}
	return nil
}

func find(folders ...string) ([]string, error) {
	var all []string
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			name := entry.Name()
			if strings.HasSuffix(name, ".tar") || strings.HasSuffix(name, ".tar.gz") || strings.HasSuffix(name, ".tgz") ||
				strings.HasSuffix(name, ".tar.zst") {
				all = append(all, filepath.Join(folder, name))
			}
		}
	}
	sort.Strings(all)
	return all, nil
}

func importOne(ctx context.Context, dir layout.Dir, path string, present map[string]bool) error {
	names, err := names(path)
	if err != nil {
		return err
	}
	stamp, err := stampOf(dir, path)
	if err != nil {
		return err
	}
	if stamp.holds() && all(names, present) {
		return nil
	}
	content, err := open(path)
	if err != nil {
		return err
	}
	defer content.Close()
	importing := ctr(ctx, dir, "images", "import", "--local", "--label", "io.cri-containerd.image=managed",
		"--label", "io.cri-containerd.pinned=pinned", "-")
	importing.Stdin = content
	if output, err := importing.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(output)))
	}
	log.Info("Imported images from %s: %s", path, strings.Join(names, " "))
	return stamp.write()
}

func all(names []string, present map[string]bool) bool {
	for _, name := range names {
		if !present[name] {
			return false
		}
	}
	return true
}

func ctr(ctx context.Context, dir layout.Dir, args ...string) *exec.Cmd {
	args = append([]string{"--address", layout.ContainerdSocket, "--namespace", "k8s.io"}, args...)
	return exec.CommandContext(ctx, dir.Bin("ctr"), args...)
}

func listed(ctx context.Context, dir layout.Dir) (map[string]bool, error) {
	output, err := ctr(ctx, dir, "images", "list", "--quiet").Output()
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	present := map[string]bool{}
	for _, name := range strings.Fields(string(output)) {
		present[name] = true
	}
	return present, nil
}

// open gives an archive's plain tar.
func open(path string) (io.ReadCloser, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	switch {
	case strings.HasSuffix(path, ".zst"):
		plain, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return plain.IOReadCloser(), nil
	case strings.HasSuffix(path, "gz"):
		return gzip.NewReader(file)
	default:
		return file, nil
	}
}

// names are the images in an archive of docker's or of the OCI's layout, as containerd will list them.
func names(path string) ([]string, error) {
	content, err := open(path)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	for files := tar.NewReader(content); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("no image in it")
		}
		if err != nil {
			return nil, err
		}
		switch filepath.Clean(header.Name) {
		case "manifest.json":
			return dockerNames(files)
		case "index.json":
			return ociNames(files)
		}
	}
}

func dockerNames(text io.Reader) ([]string, error) {
	var manifest []struct{ RepoTags []string }
	if err := json.NewDecoder(text).Decode(&manifest); err != nil {
		return nil, err
	}
	var all []string
	for _, image := range manifest {
		for _, tag := range image.RepoTags {
			all = append(all, FullName(tag))
		}
	}
	return all, nil
}

func ociNames(text io.Reader) ([]string, error) {
	var index struct {
		Manifests []struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"manifests"`
	}
	if err := json.NewDecoder(text).Decode(&index); err != nil {
		return nil, err
	}
	var all []string
	for _, image := range index.Manifests {
		if name := image.Annotations["io.containerd.image.name"]; name != "" {
			all = append(all, name)
		}
	}
	return all, nil
}

// FullName is an image's name with its registry: `busybox:lab` is `docker.io/library/busybox:lab`.
func FullName(name string) string {
	first, rest, hasSlash := strings.Cut(name, "/")
	if hasSlash && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return name
	}
	if hasSlash && rest != "" {
		return "docker.io/" + name
	}
	return "docker.io/library/" + name
}
