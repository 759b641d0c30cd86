// Package kubeconfig writes kubeconfig files and makes clients from them.
package kubeconfig

import (
	"os"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"clustr/kube/layout"
)

const name = "default"

// Write puts a kubeconfig at path with ca and the pair at certificate.crt and certificate.key inside.
func Write(path, server, ca, certificate string, mode os.FileMode) error {
	var texts [3][]byte
	for i, file := range []string{ca, certificate + ".crt", certificate + ".key"} {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		texts[i] = text
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: texts[0]}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: texts[1], ClientKeyData: texts[2]}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	text, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return layout.Write(path, text, mode)
}

// Client speaks to the API server named in the kubeconfig at path, as userAgent.
func Client(path, userAgent string) (*kubernetes.Clientset, *rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, nil, err
	}
	config.UserAgent = userAgent
	config.QPS, config.Burst = 50, 100
	client, err := kubernetes.NewForConfig(config)
	return client, config, err
}
