package config

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/vishvananda/netlink"

	"clustr/kube/layout"
)

// nodeID is the suffix of --with-node-id: made once, kept in /etc/rancher/node/id.
func nodeID() (string, error) {
	if text, err := os.ReadFile(layout.NodeID); err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	random := make([]byte, 4)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	id := hex.EncodeToString(random)
	return id, layout.Write(layout.NodeID, []byte(id+"\n"), 0o600)
}

// outgoingAddress is the first address of iface or, without one, of the interface that holds the default route.
func outgoingAddress(iface string) (string, error) {
	if iface == "" {
		routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
		if err != nil {
			return "", err
		}
		for _, route := range routes {
			if route.Dst == nil || route.Dst.IP.IsUnspecified() {
				if route.Src != nil {
					return route.Src.String(), nil
				}
				link, err := net.InterfaceByIndex(route.LinkIndex)
				if err != nil {
					return "", err
				}
				iface = link.Name
				break
			}
		}
	}
	if iface == "" {
		return "", fmt.Errorf("no default route")
	}
	link, err := netlink.LinkByName(iface)
	if err != nil {
		return "", err
	}
	addresses, err := netlink.AddrList(link, netlink.FAMILY_V4)
	if err != nil {
		return "", err
	}
	if len(addresses) == 0 {
		return "", fmt.Errorf("%s has no IPv4 address", iface)
	}
	return addresses[0].IP.String(), nil
}
