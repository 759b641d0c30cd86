package images

import (
	"fmt"
	"os"
	"path/filepath"

	"clustr/kube/layout"
)

// stamp remembers which state of an archive was imported last: importing is dear, and restarts are many.
type stamp struct{ path, text string }

func stampOf(dir layout.Dir, archive string) (stamp, error) {
	info, err := os.Stat(archive)
	if err != nil {
		return stamp{}, err
	}
	text := fmt.Sprintf("%s %d %d\n", archive, info.Size(), info.ModTime().UnixNano())
	return stamp{dir.Agent("imported", filepath.Base(archive)), text}, nil
}

func (s stamp) holds() bool {
	text, err := os.ReadFile(s.path)
	return err == nil && string(text) == s.text
}

func (s stamp) write() error { return layout.Write(s.path, []byte(s.text), 0o600) }
