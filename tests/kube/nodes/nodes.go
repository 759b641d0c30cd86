package nodes

import (
	"context"
	"encoding/json"
	"net"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"clustr/kube/log"
)

// Labels and annotations as k3s sets them.
const (
	ControlPlaneLabel  = "node-role.kubernetes.io/control-plane"
	EtcdLabel          = "node-role.kubernetes.io/etcd"
	memberAnnotation   = "etcd.k3s.cattle.io/node-name"
	addressAnnotation  = "etcd.k3s.cattle.io/node-address"
	internalAnnotation = "k3s.io/internal-ip"
	hostnameAnnotation = "k3s.io/hostname"
)

// APIServers are the `host:port` of all API servers, as the kubernetes Service knows them.
func APIServers(ctx context.Context, client kubernetes.Interface) ([]string, error) {
	slices, err := client.DiscoveryV1().EndpointSlices(metav1.NamespaceDefault).List(ctx, metav1.ListOptions{
		LabelSelector: discoveryv1.LabelServiceName + "=kubernetes",
	})
	if err != nil {
		return nil, err
	}
	var all []string
	for _, slice := range slices.Items {
		for _, port := range slice.Ports {
			for _, endpoint := range slice.Endpoints {
				all = append(all, net.JoinHostPort(endpoint.Addresses[0], strconv.Itoa(int(*port.Port))))
			}
		}
	}
	return all, nil
}

// Mark gives the Node called name its labels and annotations. labels are `key=value`; what is there and not among them
// stays, as with k3s.
func Mark(ctx context.Context, client kubernetes.Interface, name string, labels []string, annotations map[string]string) error {
	values := map[string]string{}
	for _, label := range labels {
		key, value, _ := strings.Cut(label, "=")
		values[key] = value
	}
	metadata := map[string]any{"labels": values}
	if len(annotations) > 0 { // a null would take away all that are there
		metadata["annotations"] = annotations
	}
	patch, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return err
	}
	for {
		_, err = client.CoreV1().Nodes().Patch(ctx, name, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
		if err == nil || !apierrors.IsNotFound(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}

// Annotations say where a node lives and which etcd member is its own (empty: none).
func Annotations(hostname, address, member string) map[string]string {
	all := map[string]string{internalAnnotation: address, hostnameAnnotation: hostname}
	if member != "" {
		all[memberAnnotation], all[addressAnnotation] = member, address
	}
	return all
}

// Forget watches for deleted nodes and clears up behind them: the password, so that a node of that name may join
// again, and the etcd member through removeMember (nil: the datastore is not etcd).
func Forget(ctx context.Context, client kubernetes.Interface, removeMember func(context.Context, string) error) {
	factory := informers.NewSharedInformerFactory(client, 0)
	informer := factory.Core().V1().Nodes().Informer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{DeleteFunc: func(object any) {
		if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
			object = gone.Obj
		}
		node, ok := object.(*corev1.Node)
		if !ok {
			return
		}
		if err := forgetPassword(ctx, client, node.Name); err != nil {
			log.Warn("password of deleted node %s: %v", node.Name, err)
		}
		if member := node.Annotations[memberAnnotation]; member != "" && removeMember != nil {
			if err := removeMember(ctx, member); err != nil {
				log.Warn("etcd member of deleted node %s: %v", node.Name, err)
			}
		}
	}})
	if err != nil {
		log.Error("watch nodes: %v", err)
		return
	}
	factory.Start(ctx.Done())
}
