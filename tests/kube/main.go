// Command k3s keeps k3s's contract with real Kubernetes inside, for tests on machines that k3s's release cannot reach.
// It is a stand-in and says so.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"clustr/kube/agent"
	"clustr/kube/check"
	"clustr/kube/command"
	"clustr/kube/component"
	"clustr/kube/config"
	"clustr/kube/control"
	"clustr/kube/log"
	"clustr/kube/payload"
	"clustr/kube/version"
)

const usage = `NAME:
   k3s - Kubernetes, but small and simple (%s)

USAGE:
   k3s command [command options]

VERSION:
   %s

COMMANDS:
   server           Run management server
   agent            Run node agent
   kubectl          Run kubectl
   crictl           Run crictl
   ctr              Run ctr
   token            Manage tokens
   check-config     Run config check
   etcd-snapshot    (not in this build)
   certificate      (not in this build)
   secrets-encrypt  (not in this build)
`

func main() {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	switch name {
	case "kubectl", "crictl", "ctr", "containerd":
	default:
		if len(args) == 0 {
			args = []string{"help"}
		}
		name, args = args[0], args[1:]
	}
	if err := run(name, args); err != nil {
		log.Fatal(err)
	}
}

func run(name string, args []string) error {
	switch name {
	case "server":
		return node(config.Server, args, control.Run)
	case "agent":
		return node(config.Agent, args, agent.Run)
	case "kubectl":
		command.PrepareKubectl()
		component.Kubectl(args)
	case "crictl", "ctr":
		return command.Embedded(name, args)
	case "token":
		return command.Token(args)
	case "check-config":
		return check.Run(os.Stdout)
	case "etcd-snapshot", "certificate", "secrets-encrypt":
		return fmt.Errorf("%s: not in this build", name)
	case "--version", "-v", "version":
		fmt.Print(version.Text())
	case "help", "--help", "-h":
		fmt.Printf(usage, version.StandIn, version.Version)
	default:
		component.Run(name, args)
		return fmt.Errorf("no help topic for '%s'", name)
	}
	return nil
}

func node(role config.Role, args []string, start func(context.Context, *config.Config) error) error {
	for _, argument := range args {
		if argument == "--help" || argument == "-h" || argument == "help" {
			fmt.Printf("NAME:\n   k3s %s (%s)\n\nUSAGE:\n   k3s %s [OPTIONS]\n\n%s", role, version.StandIn, role, config.Help(role))
			return nil
		}
	}
	c, err := config.Load(role, args)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("this command must be run as root")
	}
	if err := payload.Unpack(c.DataDir); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return start(ctx, c)
}
