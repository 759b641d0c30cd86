package manifests

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"clustr/kube/log"
)

//go:embed crds/*.yaml
var definitions embed.FS

const (
	manager           = "deploy@k3s"
	objectsAnnotation = "k3s.cattle.io/objects"
	helmGroup         = "helm.cattle.io"
)

var addons = schema.GroupVersionResource{Group: "k3s.cattle.io", Version: "v1", Resource: "addons"}

// client is the cluster behind an API server. What was applied for a file is kept in an Addon object of the file's name.
type client struct {
	dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
}

func newClient(config *rest.Config) (*client, error) {
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	found, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	return &client{objects, restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(found))}, nil
}

// define creates the custom resources that people use with k3s and waits until the API knows them.
func (c *client) define(ctx context.Context) error {
	entries, err := definitions.ReadDir("crds")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		text, err := definitions.ReadFile("crds/" + entry.Name())
		if err != nil {
			return err
		}
		objects, err := Parse(text)
		if err != nil {
			return err
		}
		for _, object := range objects {
			if err := c.Apply(ctx, object); err != nil {
				return err
			}
		}
	}
	for {
		_, err := c.dynamic.Resource(addons).List(ctx, metav1.ListOptions{Limit: 1})
		if err == nil {
			c.mapper.Reset()
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (c *client) Apply(ctx context.Context, o Object) error {
	resource, err := c.resource(o.Reference)
	if err != nil {
		return err
	}
	if group(o.APIVersion) == helmGroup {
		log.Warn("%s is accepted and not carried out: this build has no helm controller", o.Reference)
	}
	_, err = resource.Apply(ctx, o.Name, o.Content, metav1.ApplyOptions{FieldManager: manager, Force: true})
	return err
}

func (c *client) Delete(ctx context.Context, r Reference) error {
	resource, err := c.resource(r)
	if meta.IsNoMatchError(err) {
		return nil
	}
	if err != nil {
		return err
	}
	background := metav1.DeletePropagationBackground
	err = resource.Delete(ctx, r.Name, metav1.DeleteOptions{PropagationPolicy: &background})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func (c *client) resource(r Reference) (dynamic.ResourceInterface, error) {
	version, err := schema.ParseGroupVersion(r.APIVersion)
	if err != nil {
		return nil, err
	}
	mapping, err := c.mapper.RESTMapping(schema.GroupKind{Group: version.Group, Kind: r.Kind}, version.Version)
	if err != nil {
		c.mapper.Reset()
		return nil, err
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return c.dynamic.Resource(mapping.Resource), nil
	}
	namespace := r.Namespace
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	return c.dynamic.Resource(mapping.Resource).Namespace(namespace), nil
}

func (c *client) addons() dynamic.ResourceInterface {
	return c.dynamic.Resource(addons).Namespace(metav1.NamespaceSystem)
}

func (c *client) Applied(ctx context.Context, name string) (Record, error) {
	addon, err := c.addons().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return Record{}, nil
	}
	if err != nil {
		return Record{}, err
	}
	var r Record
	r.Source, _, _ = unstructured.NestedString(addon.Object, "spec", "source")
	r.Checksum, _, _ = unstructured.NestedString(addon.Object, "spec", "checksum")
	if text := addon.GetAnnotations()[objectsAnnotation]; text != "" {
		if err := json.Unmarshal([]byte(text), &r.Objects); err != nil {
			return Record{}, fmt.Errorf("addon %s: %w", name, err)
		}
	}
	return r, nil
}

func (c *client) Record(ctx context.Context, name string, r Record) error {
	objects, err := json.Marshal(r.Objects)
	if err != nil {
		return err
	}
	addon := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": addons.GroupVersion().String(), "kind": "Addon",
		"metadata": map[string]any{
			"name": name, "namespace": metav1.NamespaceSystem,
			"annotations": map[string]any{objectsAnnotation: string(objects)},
		},
		"spec": map[string]any{"source": r.Source, "checksum": strings.TrimSpace(r.Checksum)},
	}}
	_, err = c.addons().Apply(ctx, name, addon, metav1.ApplyOptions{FieldManager: manager, Force: true})
	return err
}

func (c *client) Forget(ctx context.Context, name string) error {
	err := c.addons().Delete(ctx, name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
