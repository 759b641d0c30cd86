package manifests

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"testing"
	"time"
)

// fake is a cluster of names.
type fake struct {
	objects map[string]bool
	records map[string]Record
	refuse  string
}

func newFake() *fake { return &fake{map[string]bool{}, map[string]Record{}, ""} }

func (m *fake) Apply(_ context.Context, o Object) error {
	if o.Name == m.refuse {
		return errors.New("refused")
	}
	m.objects[o.Name] = true
	return nil
}

func (m *fake) Delete(_ context.Context, r Reference) error {
	delete(m.objects, r.Name)
	return nil
}

func (m *fake) Applied(_ context.Context, name string) (Record, error) { return m.records[name], nil }

func (m *fake) Record(_ context.Context, name string, r Record) error {
	m.records[name] = r
	return nil
}

func (m *fake) Forget(_ context.Context, name string) error {
	delete(m.records, name)
	return nil
}

func (m *fake) names() []string {
	names := []string{}
	for name := range m.objects {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func configMap(names ...string) string {
	text := ""
	for _, name := range names {
		text += "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\n"
	}
	return text
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, m *fake, wanted ...string) {
	t.Helper()
	if wanted == nil {
		wanted = []string{}
	}
	if found := m.names(); !reflect.DeepEqual(found, wanted) {
		t.Errorf("the cluster holds %v, wanted %v", found, wanted)
	}
}

func TestObjectThatLeftAFileIsDeletedAndADeletedFileDeletesNothing(t *testing.T) {
	folder, m := t.TempDir(), newFake()
	d := newDeployer(folder, nil, m)
	put(t, folder+"/app.yaml", configMap("a", "b"))
	d.Scan(t.Context())
	expect(t, m, "a", "b")
	put(t, folder+"/app.yaml", configMap("b"))
	// Another start of the server prunes as well.
	newDeployer(folder, nil, m).Scan(t.Context())
	expect(t, m, "b")
	if err := os.Remove(folder + "/app.yaml"); err != nil {
		t.Fatal(err)
	}
	d.Scan(t.Context())
	expect(t, m, "b")
}

func TestFileThatComesBackAsItWasIsPassedOverWhileItsAddonIsThere(t *testing.T) {
	folder, m := t.TempDir(), newFake()
	d := newDeployer(folder, nil, m)
	path := folder + "/app.yaml"
	put(t, path, configMap("a"))
	d.Scan(t.Context())
	comesBack := func(wanted ...string) {
		t.Helper()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		d.Scan(t.Context())
		put(t, path, configMap("a"))
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		d.Scan(t.Context())
		expect(t, m, wanted...)
	}
	if err := m.Delete(t.Context(), Reference{"v1", "ConfigMap", "", "a"}); err != nil {
		t.Fatal(err)
	}
	expect(t, m)
	comesBack()
	if err := m.Forget(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	comesBack("a")
}

func TestSkipIsHonouredForFilesAndFolders(t *testing.T) {
	folder, m := t.TempDir(), newFake()
	put(t, folder+"/one.yaml", configMap("one"))
	put(t, folder+"/one.yaml.skip", "")
	put(t, folder+"/sub/two.yaml", configMap("two"))
	put(t, folder+"/other/three.yml", configMap("three"))
	put(t, folder+"/other.skip", "")
	newDeployer(folder, nil, m).Scan(t.Context())
	expect(t, m, "two")
}

func TestDisabledComponentIsTakenAway(t *testing.T) {
	folder, m := t.TempDir(), newFake()
	put(t, folder+"/metrics-server.yaml", configMap("metrics"))
	put(t, folder+"/coredns.yaml", configMap("dns"))
	newDeployer(folder, nil, m).Scan(t.Context())
	expect(t, m, "dns", "metrics")
	d := newDeployer(folder, []string{"metrics-server"}, m)
	d.takeAway(t.Context())
	d.Scan(t.Context())
	expect(t, m, "dns")
}

func TestFileThatFailedIsTriedAgainAndPrunesNothingMeanwhile(t *testing.T) {
	folder, m := t.TempDir(), newFake()
	d := newDeployer(folder, nil, m)
	put(t, folder+"/app.yaml", configMap("a", "b"))
	d.Scan(t.Context())
	m.refuse = "c"
	put(t, folder+"/app.yaml", configMap("b", "c"))
	d.Scan(t.Context())
	expect(t, m, "a", "b")
	m.refuse = ""
	d.Scan(t.Context())
	expect(t, m, "b", "c")
}

func TestObjectThatMovedToAnotherVersionIsNotDeleted(t *testing.T) {
	before := []Reference{{"policy/v1beta1", "PodDisruptionBudget", "x", "p"}}
	after := []Reference{{"policy/v1", "PodDisruptionBudget", "x", "p"}}
	if gone := missing(before, after); gone != nil {
		t.Errorf("%v would be deleted", gone)
	}
}

func TestListsAreTakenApartAndNamelessObjectsRefused(t *testing.T) {
	objects, err := Parse([]byte(`{"apiVersion":"v1","kind":"List","items":[
		{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}},
		{"apiVersion":"v1","kind":"Secret","metadata":{"name":"b"}}]}`))
	if err != nil || len(objects) != 2 || objects[1].Kind != "Secret" {
		t.Errorf("%v %v", objects, err)
	}
	if _, err := Parse([]byte("kind: ConfigMap\napiVersion: v1\n")); err == nil {
		t.Error("an object without a name was taken")
	}
}
