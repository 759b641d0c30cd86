package network

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

// protocol marks our routes, so that those of nodes that left are found again (ip route shows it as "proto 75").
const protocol = 75

// setRoutes makes the routes to other nodes' pods equal to wanted: pod network to node address.
func setRoutes(wanted map[string]string, clusterCIDR string) error {
	_, cluster, err := net.ParseCIDR(clusterCIDR)
	if err != nil {
		return err
	}
	present, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: protocol}, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return err
	}
	for _, route := range present {
		if route.Dst == nil || !cluster.Contains(route.Dst.IP) {
			continue
		}
		if wanted[route.Dst.String()] == route.Gw.String() {
			delete(wanted, route.Dst.String())
			continue
		}
		if wanted[route.Dst.String()] == "" {
			if err := netlink.RouteDel(&route); err != nil {
				return err
			}
		}
	}
	for podCIDR, address := range wanted {
		_, network, err := net.ParseCIDR(podCIDR)
		if err != nil {
			return err
		}
		route := &netlink.Route{Dst: network, Gw: net.ParseIP(address), Protocol: protocol}
		if err := netlink.RouteReplace(route); err != nil {
			return fmt.Errorf("route %s via %s: %w", podCIDR, address, err)
		}
	}
	return nil
}
