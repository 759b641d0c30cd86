# What the goals of rdma call. The probes change nothing.

rdma_devices=/sys/class/infiniband

# rdma_probe_link DEVICE: what its first port speaks.
rdma_probe_link() {
  local layer
  if [ ! -r "$rdma_devices/$1/ports/1/link_layer" ]; then
    echo "no such device"
    return
  fi
  layer=$(<"$rdma_devices/$1/ports/1/link_layer")
  case $layer in
    InfiniBand) echo infiniband ;;
    Ethernet) echo roce ;;
    *) echo "$layer" ;;
  esac
}

# rdma_refuse_link DEVICE FABRIC: a port's link type is in its firmware, whose tools (MFT) are not clustr's to bring.
rdma_refuse_link() {
  local type=1 others
  if [ "$2" = roce ]; then type=2; fi
  if [ ! -e "$rdma_devices/$1" ]; then
    others=$(compgen -G "$rdma_devices/*" | sed 's|.*/||' | paste -sd ' ' || true)
    echo "there is no RDMA device $1; there are: ${others:-none}" >&2
  else
    echo "$1 does not speak $2. Where its firmware can: mlxconfig -d $1 set LINK_TYPE_P1=$type, then reboot" >&2
  fi
  return 1
}

# rdma_probe_interface DEVICE: its network interface.
rdma_probe_interface() {
  local path
  for path in "$rdma_devices/$1/device/net/"*; do
    if [ -e "$path" ]; then
      echo "${path##*/}"
      return
    fi
  done
  echo none
}

# rdma_await_interface DEVICE INTERFACE: it comes with a module of its own (IPoIB), a moment after the device.
rdma_await_interface() {
  local found _
  for _ in {1..20}; do
    found=$(rdma_probe_interface "$1")
    if [ "$found" = "$2" ]; then return; fi
    sleep 0.5
  done
  echo "the network interface of $1 is $found, not $2: correct rdma.ports; rdma link shows them all" >&2
  return 1
}

# rdma_probe_settings: what is not as /etc/clustr/fabric says.
rdma_probe_settings() {
  if [ -x /usr/local/sbin/clustr-fabric ] && [ -r /etc/clustr/fabric ]; then
    /usr/local/sbin/clustr-fabric check
  else
    echo "not looked after"
  fi
}

# rdma_probe_stack: whether the kernel runs the mlx5_core that is on disk for it. DOCA-OFED brings another one.
rdma_probe_stack() {
  local loaded disk
  if [ ! -r /sys/module/mlx5_core/srcversion ]; then
    echo "not loaded"
    return
  fi
  loaded=$(</sys/module/mlx5_core/srcversion)
  disk=$(modinfo -F srcversion mlx5_core 2>/dev/null || true)
  if [ "$loaded" = "$disk" ]; then echo loaded; else echo "another one is loaded"; fi
}
