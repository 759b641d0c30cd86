package token

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"clustr/kube/layout"
)

// Secrets are the two shared secrets of a cluster; Agent is empty where agents join with the server's.
type Secrets struct {
	Server string
	Agent  string
}

// ForAgents is the secret that agents show.
func (s Secrets) ForAgents() string {
	if s.Agent != "" {
		return s.Agent
	}
	return s.Server
}

// ErrOtherToken is the refusal of a server whose data was made with another token.
var ErrOtherToken = errors.New("bootstrap data already found and encrypted with different token")

// Settle gives the cluster's secrets: those kept in server/cred/passwd, else the wanted ones, else new ones; and keeps
// them. A wanted secret that differs from the kept one is refused, as k3s refuses it.
func Settle(dir layout.Dir, wanted Secrets) (Secrets, error) {
	kept, err := Read(dir)
	switch {
	case err == nil && wanted.Server != "" && wanted.Server != kept.Server:
		return Secrets{}, ErrOtherToken
	case err == nil && wanted.Server == "":
		wanted.Server = kept.Server
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return Secrets{}, err
	}
	if wanted.Server == "" {
		if wanted.Server, err = Random(16); err != nil {
			return Secrets{}, err
		}
	}
	return wanted, Keep(dir, wanted)
}

// Read gives the secrets that this server keeps.
func Read(dir layout.Dir) (Secrets, error) {
	file, err := os.Open(dir.Cred("passwd"))
	if err != nil {
		return Secrets{}, err
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return Secrets{}, fmt.Errorf("%s: %w", file.Name(), err)
	}
	var s Secrets
	for _, row := range rows {
		switch row[1] {
		case ServerUser:
			s.Server = row[0]
		case NodeUser:
			s.Agent = row[0]
		}
	}
	if s.Agent == s.Server {
		s.Agent = ""
	}
	return s, nil
}

// Keep writes the secrets to server/cred/passwd, mode 0600.
func Keep(dir layout.Dir, s Secrets) error {
	var text strings.Builder
	rows := csv.NewWriter(&text)
	_ = rows.Write([]string{s.ForAgents(), NodeUser, NodeUser, "k3s:agent"})
	_ = rows.Write([]string{s.Server, ServerUser, ServerUser, "k3s:server"})
	rows.Flush()
	return layout.Write(dir.Cred("passwd"), []byte(text.String()), 0o600)
}

// WriteFiles puts the tokens where people look for them: server/token, node-token as a link to it, and agent-token, a
// file of its own only where agents have a secret of their own.
func WriteFiles(dir layout.Dir, ca []byte, s Secrets) error {
	file := dir.Server("token")
	if err := layout.Write(file, []byte(Format(ca, ServerUser, s.Server)+"\n"), 0o600); err != nil {
		return err
	}
	if err := link(dir.Server("node-token"), file); err != nil {
		return err
	}
	agent := dir.Server("agent-token")
	if s.Agent == "" {
		return link(agent, file)
	}
	return layout.Write(agent, []byte(Format(ca, NodeUser, s.Agent)+"\n"), 0o600)
}

func link(path, target string) error {
	if now, err := os.Readlink(path); err == nil && now == target {
		return nil
	}
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.Symlink(target, path)
}
