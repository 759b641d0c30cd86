// Package check is `k3s check-config`: whether this kernel and machine can run a node.
package check

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Run prints one line per finding. An error means that something needed is missing.
func Run(to io.Writer) error {
	failed := 0
	say := func(ok bool, what, found string) {
		word := "ok"
		if !ok {
			word = "missing"
			failed++
		}
		fmt.Fprintf(to, "- %s: %s (%s)\n", what, word, found)
	}
	fmt.Fprintln(to, "System:")
	cgroups, found := cgroups()
	say(cgroups, "cgroups", found)
	say(has("/proc/filesystems", "overlay"), "overlayfs", "/proc/filesystems")
	say(exists("/proc/sys/net/bridge/bridge-nf-call-iptables"), "br_netfilter", "/proc/sys/net/bridge")
	say(exists("/proc/sys/net/netfilter/nf_conntrack_max"), "nf_conntrack", "/proc/sys/net/netfilter")
	fmt.Fprintln(to, "Limits:")
	say(exists("/proc/sys/kernel/keys/root_maxkeys"), "keys", "/proc/sys/kernel/keys")
	if failed > 0 {
		fmt.Fprintf(to, "\nSTATUS: %d (fail)\n", failed)
		return errors.New("check-config failed")
	}
	fmt.Fprintln(to, "\nSTATUS: pass")
	return nil
}

func cgroups() (bool, string) {
	var fs unix.Statfs_t
	if unix.Statfs("/sys/fs/cgroup", &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC {
		return has("/sys/fs/cgroup/cgroup.controllers", "memory"), "v2"
	}
	return exists("/sys/fs/cgroup/memory") && exists("/sys/fs/cgroup/cpu"), "v1; kubelet needs fail-cgroupv1=false"
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func has(path, word string) bool {
	text, err := os.ReadFile(path)
	return err == nil && strings.Contains(string(text), word)
}
