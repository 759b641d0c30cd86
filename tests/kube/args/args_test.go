package args

import (
	"reflect"
	"testing"
)

func TestUsersFlagReplacesOurs(t *testing.T) {
	found := Merge([]string{"--a=1", "--b=2"}, []string{"b=3", "--c=4", "c=5"})
	if wanted := []string{"--a=1", "--b=3", "--c=4", "--c=5"}; !reflect.DeepEqual(found, wanted) {
		t.Errorf("%v, wanted %v", found, wanted)
	}
}
