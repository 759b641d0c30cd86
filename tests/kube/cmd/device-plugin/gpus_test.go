package main

import "testing"

const listed = `GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-11111111-2222-3333-4444-555555555555)
  MIG 1g.10gb     Device  0: (UUID: MIG-aaaaaaaa-2222-3333-4444-555555555555)
  MIG 1g.10gb     Device  1: (UUID: MIG-bbbbbbbb-2222-3333-4444-555555555555)
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-66666666-2222-3333-4444-555555555555)
`

func TestResources(t *testing.T) {
	for _, each := range []struct {
		settings settings
		wanted   map[string]int
	}{
		{settings{migStrategy: "none", replicas: 1}, map[string]int{"nvidia.com/gpu": 2}},
		{settings{migStrategy: "mixed", replicas: 1}, map[string]int{"nvidia.com/gpu": 1, "nvidia.com/mig-1g.10gb": 2}},
		{settings{migStrategy: "single", replicas: 1}, map[string]int{"nvidia.com/gpu": 3}},
		{settings{migStrategy: "none", replicas: 4, rename: true}, map[string]int{"nvidia.com/gpu.shared": 8}},
	} {
		groups := byResource(parse(listed), each.settings)
		if len(groups) != len(each.wanted) {
			t.Errorf("%v: %v", each.settings, groups)
		}
		for resource, wanted := range each.wanted {
			if found := len(newPlugin(resource, groups[resource], each.settings).devices); found != wanted {
				t.Errorf("%v: %d of %s, not %d", each.settings, found, resource, wanted)
			}
		}
	}
}
