package config

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"

	"clustr/kube/log"
)

// entry is one key of the merged files with its values as written.
type entry struct {
	key    string
	values []string
}

// applyFiles merges path and its path.d drop-ins into the flags that the command line did not set. An unknown key is
// logged and left out.
func (s *flagSet) applyFiles(path string) error {
	entries, err := mergeFiles(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		f := s.Lookup(e.key)
		if f == nil {
			log.Warn("Unknown flag --%s found in %s, skipping\n", e.key, filepath.Base(path))
			continue
		}
		if f.Changed {
			continue
		}
		for _, value := range e.values {
			if err := s.Set(e.key, value); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
	}
	return nil
}

// mergeFiles reads path, then path.d/*.yaml and *.yml in alphabetical order: the last value of a key replaces, `key+`
// appends. A missing file is an empty one.
func mergeFiles(path string) ([]entry, error) {
	files := []string{path}
	found, err := os.ReadDir(path + ".d")
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	for _, file := range found {
		if extension := filepath.Ext(file.Name()); !file.IsDir() && (extension == ".yaml" || extension == ".yml") {
			files = append(files, filepath.Join(path+".d", file.Name()))
		}
	}
	sort.Strings(files[1:])
	var merged []entry
	for _, file := range files {
		text, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if merged, err = merge(merged, text); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return merged, nil
}

func merge(merged []entry, text []byte) ([]entry, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	if len(document.Content) == 0 || document.Content[0].Tag == "!!null" {
		return merged, nil
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: keys and values are expected", root.Line)
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, appends := strings.CutSuffix(root.Content[i].Value, "+")
		values, err := texts(root.Content[i+1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		merged = put(merged, entry{key, values}, appends)
	}
	return merged, nil
}

func put(merged []entry, e entry, appends bool) []entry {
	for i := range merged {
		if merged[i].key != e.key {
			continue
		}
		if appends {
			e.values = append(append([]string{}, merged[i].values...), e.values...)
		}
		merged[i] = e
		return merged
	}
	return append(merged, e)
}

// texts are the values of a scalar or a list of scalars, as written: `0600` stays `0600`.
func texts(node *yaml.Node) ([]string, error) {
	if node.Kind == yaml.AliasNode {
		return texts(node.Alias)
	}
	switch node.Kind {
	case yaml.ScalarNode:
		if node.Tag == "!!null" {
			return nil, nil
		}
		return []string{node.Value}, nil
	case yaml.SequenceNode:
		var all []string
		for _, item := range node.Content {
			if item.Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("line %d: a list of plain values is expected", item.Line)
			}
			all = append(all, item.Value)
		}
		return all, nil
	default:
		return nil, fmt.Errorf("line %d: a value or a list is expected", node.Line)
	}
}
