// Package component runs one real Kubernetes component in this process. The k3s process starts itself again for each
// of them (`k3s kube-apiserver ...`), so that every one is a child with a name of its own.
package component

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// The names by which the k3s process starts its children.
const (
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Kubelet           = "kubelet"
	KubeProxy         = "kube-proxy"
	Etcd              = "etcd"
)

// Run becomes the component called name with args and ends the process with its status; it returns only where there
// is no such component.
func Run(name string, args []string) {
	var command *cobra.Command
	switch name {
	case APIServer:
		command = apiserver.NewAPIServerCommand()
	case ControllerManager:
		command = controllers.NewControllerManagerCommand()
	case Scheduler:
		command = scheduler.NewSchedulerCommand()
	case Kubelet:
		command = kubelet.NewKubeletCommand(context.Background())
	case KubeProxy:
		command = proxy.NewProxyCommand()
	case Etcd:
		etcdmain.Main(append([]string{Etcd}, args...))
		os.Exit(0)
	default:
		return
	}
	os.Args = append([]string{name}, args...)
	command.SetArgs(args)
	os.Exit(cli.Run(command))
}

// Kubectl becomes kubectl with args and ends the process with its status.
func Kubectl(args []string) {
	os.Args = append([]string{"kubectl"}, args...)
	logs.GlogSetter(kubectl.GetLogVerbosity(os.Args)) //nolint:errcheck // as kubectl's own main does
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
	os.Exit(0)
}
