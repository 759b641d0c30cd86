package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	pluginapi "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

// plugin serves one resource. The kubelet knows a device by its id, with time slicing once for each replica: UUID::0.
type plugin struct {
	pluginapi.UnimplementedDevicePluginServer
	resource string
	socket   string
	settings settings
	devices  []*pluginapi.Device
	visible  map[string]string // what the runtime is told, by id
}

func newPlugin(resource string, devices []device, s settings) *plugin {
	p := &plugin{resource: resource, settings: s, visible: map[string]string{}}
	p.socket = filepath.Join(pluginapi.DevicePluginPath, strings.ReplaceAll(resource, "/", "-")+".sock")
	replicas := 1
	if strings.HasPrefix(resource, gpuResource) {
		replicas = s.replicas
	}
	for _, d := range devices {
		for n := range replicas {
			id := d.uuid
			if replicas > 1 {
				id = fmt.Sprintf("%s::%d", d.uuid, n)
			}
			p.visible[id] = d.uuid
			if s.idStrategy == "index" {
				p.visible[id] = d.index
			}
			p.devices = append(p.devices, &pluginapi.Device{ID: id, Health: pluginapi.Healthy})
		}
	}
	return p
}

// start serves and registers.
func (p *plugin) start(server *grpc.Server) error {
	if err := os.Remove(p.socket); err != nil && !os.IsNotExist(err) {
		return err
	}
	listener, err := net.Listen("unix", p.socket)
	if err != nil {
		return err
	}
	go server.Serve(listener)
	line, err := grpc.NewClient("unix://"+pluginapi.KubeletSocket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer line.Close()
	within, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = pluginapi.NewRegistrationClient(line).Register(within, &pluginapi.RegisterRequest{
		Version: pluginapi.Version, Endpoint: filepath.Base(p.socket), ResourceName: p.resource,
		Options: &pluginapi.DevicePluginOptions{},
	})
	if err == nil {
		log.Printf("Registered device plugin for '%s' with Kubelet: %d devices", p.resource, len(p.devices))
	}
	return err
}

func (p *plugin) GetDevicePluginOptions(context.Context, *pluginapi.Empty) (*pluginapi.DevicePluginOptions, error) {
	return &pluginapi.DevicePluginOptions{}, nil
}

func (p *plugin) ListAndWatch(_ *pluginapi.Empty, stream grpc.ServerStreamingServer[pluginapi.ListAndWatchResponse]) error {
	if err := stream.Send(&pluginapi.ListAndWatchResponse{Devices: p.devices}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

func (p *plugin) Allocate(_ context.Context, asked *pluginapi.AllocateRequest) (*pluginapi.AllocateResponse, error) {
	answer := &pluginapi.AllocateResponse{}
	for _, container := range asked.ContainerRequests {
		var names []string
		for _, id := range container.DevicesIds {
			name, known := p.visible[id]
			if !known {
				return nil, fmt.Errorf("invalid allocation request for %s: unknown device: %s", p.resource, id)
			}
			names = append(names, name)
		}
		answer.ContainerResponses = append(answer.ContainerResponses, &pluginapi.ContainerAllocateResponse{
			Envs: map[string]string{"NVIDIA_VISIBLE_DEVICES": strings.Join(names, ",")},
		})
	}
	return answer, nil
}

// kubeletSocket tells one socket of the kubelet's from the next; "" where there is none.
func kubeletSocket() string {
	info, err := os.Stat(pluginapi.KubeletSocket)
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.Sys().(*syscall.Stat_t).Ino, info.ModTime())
}
