// Package version holds what the build says of itself; the linker fills it in.
package version

import (
	"fmt"
	"runtime"
)

// Set by -ldflags -X.
var (
	Version = "v0.0.0+dev"
	Commit  = "unknown"
)

// StandIn is shown wherever the version is: this binary must not be taken for k3s.
const StandIn = "stand-in for k3s, for tests only: real Kubernetes behind k3s's contract"

// Text is what `k3s --version` prints.
func Text() string {
	return fmt.Sprintf("k3s version %s (%s)\ngo version %s\n%s\n", Version, Commit, runtime.Version(), StandIn)
}
