package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

const gpuResource = "nvidia.com/gpu"

// device is a GPU or, with a profile, a MIG device of one.
type device struct{ index, uuid, profile string }

var (
	gpuLine = regexp.MustCompile(`^GPU (\d+): .*\(UUID: (GPU-[^)]+)\)`)
	migLine = regexp.MustCompile(`^\s+MIG (\S+)\s+Device\s+(\d+): \(UUID: (MIG-[^)]+)\)`)
	numbers = regexp.MustCompile(`^/dev/nvidia(\d+)$`)
)

// find tells the GPUs that the pod sees: the runtime put nvidia-smi and the device files there, or there are none.
func find() []device {
	if text, err := exec.Command("nvidia-smi", "-L").Output(); err == nil {
		if found := parse(string(text)); len(found) > 0 {
			return found
		}
	}
	return deviceFiles()
}

func parse(text string) []device {
	var found []device
	gpu := ""
	for _, line := range strings.Split(text, "\n") {
		if m := gpuLine.FindStringSubmatch(line); m != nil {
			gpu = m[1]
			found = append(found, device{index: gpu, uuid: m[2]})
		} else if m := migLine.FindStringSubmatch(line); m != nil {
			found = append(found, device{index: gpu + ":" + m[2], uuid: m[3], profile: m[1]})
		}
	}
	return found
}

func deviceFiles() []device {
	paths, _ := filepath.Glob("/dev/nvidia[0-9]*")
	var found []device
	for _, path := range paths {
		if m := numbers.FindStringSubmatch(path); m != nil {
			found = append(found, device{index: m[1], uuid: m[1]})
		}
	}
	sort.Slice(found, func(i, j int) bool { return number(found[i].index) < number(found[j].index) })
	return found
}

func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

// byResource groups as the real plugin does: a GPU with MIG devices is none itself, unless MIG is not asked for.
func byResource(devices []device, s settings) map[string][]device {
	divided := map[string]bool{}
	for _, d := range devices {
		if d.profile != "" {
			divided[strings.SplitN(d.index, ":", 2)[0]] = true
		}
	}
	groups := map[string][]device{}
	for _, d := range devices {
		switch {
		case d.profile == "" && (s.migStrategy == "none" || !divided[d.index]):
			name := gpuResource
			if s.replicas > 1 && s.rename {
				name += ".shared"
			}
			groups[name] = append(groups[name], d)
		case d.profile != "" && s.migStrategy == "single":
			groups[gpuResource] = append(groups[gpuResource], d)
		case d.profile != "" && s.migStrategy == "mixed":
			name := fmt.Sprintf("nvidia.com/mig-%s", strings.ReplaceAll(d.profile, "+", "."))
			groups[name] = append(groups[name], d)
		}
	}
	return groups
}
