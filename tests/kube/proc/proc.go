// Package proc keeps the children of the k3s process: started one by one, stopped in the order asked for, and the first
// one that ends by itself ends them all.
package proc

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"clustr/kube/log"
)

// Child is one program to keep running.
type Child struct {
	Name string
	Path string // the program; empty: this binary itself, with Name as its first argument
	Args []string
	Env  []string  // added to this process's own
	Out  io.Writer // both outputs; nil: our stderr
}

// Group holds the running children.
type Group struct {
	mu       sync.Mutex
	running  map[string]*running
	stopping bool
	died     chan error
}

type running struct {
	process *os.Process
	done    chan struct{}
}

// NewGroup is an empty group.
func NewGroup() *Group {
	return &Group{running: map[string]*running{}, died: make(chan error, 1)}
}

// Died gives the reason as soon as a child ended that nobody stopped.
func (g *Group) Died() <-chan error { return g.died }

// Start runs c. The kernel ends it should this process be killed.
func (g *Group) Start(c Child) error {
	started := make(chan error)
	go func() {
		// The kernel sends Pdeathsig when the thread that forked ends, so that thread stays until the child is gone.
		runtime.LockOSThread()
		cmd := command(c)
		err := cmd.Start()
		if err != nil {
			started <- fmt.Errorf("start %s: %w", c.Name, err)
			return
		}
		r := &running{cmd.Process, make(chan struct{})}
		g.mu.Lock()
		g.running[c.Name] = r
		g.mu.Unlock()
		started <- nil
		err = cmd.Wait()
		close(r.done)
		g.ended(c.Name, err)
	}()
	log.Info("Running %s %s", c.Name, strings.Join(c.Args, " "))
	return <-started
}

func command(c Child) *exec.Cmd {
	path, args := c.Path, c.Args
	if path == "" {
		path, args = "/proc/self/exe", append([]string{c.Name}, c.Args...)
	}
	cmd := exec.Command(path, args...)
	if c.Path == "" {
		cmd.Args[0] = "k3s"
	}
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "NOTIFY_SOCKET=") && !strings.HasPrefix(entry, "K3S_") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(cmd.Env, c.Env...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if c.Out != nil {
		cmd.Stdout, cmd.Stderr = c.Out, c.Out
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	return cmd
}

func (g *Group) ended(name string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.running, name)
	if g.stopping {
		return
	}
	if err == nil {
		err = fmt.Errorf("exit status 0")
	}
	select {
	case g.died <- fmt.Errorf("%s exited: %w", name, err):
	default:
	}
}

// Stop ends all children: those named in order first, each within its own share of the patience, the rest at once
// before them.
func (g *Group) Stop(patience time.Duration, last ...string) {
	g.mu.Lock()
	g.stopping = true
	g.mu.Unlock()
	later := map[string]bool{}
	for _, name := range last {
		later[name] = true
	}
	var first []string
	g.mu.Lock()
	for name := range g.running {
		if !later[name] {
			first = append(first, name)
		}
	}
	g.mu.Unlock()
	g.end(patience, first...)
	for _, name := range last {
		g.end(patience, name)
	}
}

func (g *Group) end(patience time.Duration, names ...string) {
	var ending []*running
	g.mu.Lock()
	for _, name := range names {
		if r := g.running[name]; r != nil {
			_ = r.process.Signal(syscall.SIGTERM)
			ending = append(ending, r)
		}
	}
	g.mu.Unlock()
	deadline := time.After(patience)
	for _, r := range ending {
		select {
		case <-r.done:
		case <-deadline:
			for _, late := range ending {
				_ = late.process.Kill()
			}
			<-r.done
		}
	}
}
