// Command device-plugin is a stand-in for NVIDIA's device plugin, for tests: kubelet's device plugin API for real, GPUs as
// `nvidia-smi -L` lists them in its own pod, or as device files are there. It hands them out by the environment variable that
// NVIDIA's container runtime reads. Settings are the real one's, as far as clustr's manifests use them.
package main

import (
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/grpc"
	pluginapi "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

func main() {
	log.SetFlags(log.LstdFlags | log.Lmsgprefix)
	log.Print("stand-in for NVIDIA's device plugin, made for tests: no NVML, no health but what nvidia-smi lists")
	settings, err := readSettings()
	if err != nil {
		log.Fatal(err)
	}
	devices := find()
	if len(devices) == 0 && settings.failOnInitError {
		log.Fatal("no GPU is seen here: is the pod's runtimeClassName nvidia?")
	}
	if len(devices) == 0 {
		log.Print("No devices found. Waiting indefinitely.")
		select {}
	}
	held, err := os.Open("/dev/nvidiactl") // as NVML does for as long as it is loaded
	if err == nil {
		defer held.Close()
	}
	for resource, members := range byResource(devices, settings) {
		go keepServing(newPlugin(resource, members, settings))
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	if got := <-signals; got == syscall.SIGHUP { // as the real one: everything is read again
		log.Print("Received SIGHUP, restarting.")
		log.Fatal(syscall.Exec("/proc/self/exe", os.Args, os.Environ()))
	}
}

// keepServing registers the plugin anew whenever the kubelet has made its socket anew: a kubelet forgets at a restart.
func keepServing(p *plugin) {
	for {
		server := grpc.NewServer()
		pluginapi.RegisterDevicePluginServer(server, p)
		made := kubeletSocket()
		if err := p.start(server); err != nil {
			log.Printf("%s: %v", p.resource, err)
			time.Sleep(2 * time.Second)
		}
		for made != "" && kubeletSocket() == made {
			time.Sleep(time.Second)
		}
		server.Stop()
		time.Sleep(time.Second)
	}
}
