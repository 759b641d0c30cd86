package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// Reference names an object of the cluster.
type Reference struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}

func (r Reference) String() string { return fmt.Sprintf("%s %s/%s", r.Kind, r.Namespace, r.Name) }

// same compares without the version: an object that moved from v1beta1 to v1 is the same one.
func (r Reference) same(other Reference) bool {
	return group(r.APIVersion) == group(other.APIVersion) && r.Kind == other.Kind && r.Namespace == other.Namespace &&
		r.Name == other.Name
}

func group(apiVersion string) string {
	version, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return apiVersion
	}
	return version.Group
}

// Object is one document of a file.
type Object struct {
	Reference
	Content *unstructured.Unstructured
}

// Parse reads all objects of a file, Lists taken apart.
func Parse(text []byte) ([]Object, error) {
	var all []Object
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		var content map[string]any
		err := documents.Decode(&content)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if len(content) == 0 {
			continue
		}
		found, err := take(&unstructured.Unstructured{Object: content})
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
}

func take(content *unstructured.Unstructured) ([]Object, error) {
	if content.IsList() {
		var all []Object
		err := content.EachListItem(func(item runtime.Object) error {
			inner, ok := item.(*unstructured.Unstructured)
			if !ok {
				return fmt.Errorf("unexpected list item %T", item)
			}
			found, err := take(inner)
			all = append(all, found...)
			return err
		})
		return all, err
	}
	if content.GetKind() == "" || content.GetAPIVersion() == "" || content.GetName() == "" {
		return nil, errors.New("an object needs apiVersion, kind and metadata.name")
	}
	return []Object{{Reference{
		content.GetAPIVersion(), content.GetKind(), content.GetNamespace(), content.GetName(),
	}, content}}, nil
}

// missing are those of before that are not among after.
func missing(before, after []Reference) []Reference {
	var all []Reference
	for _, one := range before {
		if !among(one, after) {
			all = append(all, one)
		}
	}
	return all
}

func union(a, b []Reference) []Reference {
	return append(append([]Reference{}, a...), missing(b, a)...)
}

func among(one Reference, all []Reference) bool {
	for _, other := range all {
		if one.same(other) {
			return true
		}
	}
	return false
}

func reversed(all []Reference) []Reference {
	var back []Reference
	for i := len(all) - 1; i >= 0; i-- {
		back = append(back, all[i])
	}
	return back
}
