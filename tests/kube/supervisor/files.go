package supervisor

import (
	"errors"
	"os"

	"clustr/kube/join"
	"clustr/kube/layout"
)

// shared are the files, below server/, that all servers of a cluster have in common.
func shared() []string {
	var names []string
	for _, authority := range []string{"server-ca", "client-ca", "request-header-ca", "etcd/server-ca", "etcd/peer-ca"} {
		names = append(names, "tls/"+authority+".crt", "tls/"+authority+".key")
	}
	return append(names, "tls/service.key", "tls/service.current.key", "cred/passwd", "cred/encryption-config.json")
}

// SharedFiles reads what a joining server needs.
func SharedFiles(dir layout.Dir) (join.Files, error) {
	files := join.Files{}
	for _, name := range shared() {
		text, err := os.ReadFile(dir.Server(name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		files[name] = text
	}
	return files, nil
}

// KeepSharedFiles writes what the first server gave; names that are none of the shared ones are left out.
func KeepSharedFiles(dir layout.Dir, files join.Files) error {
	for _, name := range shared() {
		text, given := files[name]
		if !given {
			continue
		}
		if err := layout.Write(dir.Server(name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}
