# packages of rdma-core: rdma-core installed | ibverbs-providers installed | ibverbs-utils installed | infiniband-diags installed
probe_packages rdma-core ibverbs-providers ibverbs-utils infiniband-diags

# /etc/modules-load.d/clustr-rdma.conf: 0644 root:root | mlx5_ib | ib_umad | rdma_ucm
probe_file /etc/modules-load.d/clustr-rdma.conf

# module mlx5_ib: works
probe_module mlx5_ib /sys/class/infiniband

# module ib_umad: works
probe_module ib_umad /sys/class/infiniband_mad

# module rdma_ucm: works
probe_module rdma_ucm /dev/infiniband/rdma_cm

# link of mlx5_0: infiniband
rdma_probe_link mlx5_0

# link of mlx5_2: roce
rdma_probe_link mlx5_2

# /usr/local/sbin/clustr-fabric: 0755 root:root | #!/bin/bash | # Written by clustr. Sets the fabric's ports as /etc/clustr/fabric says; it runs at boot, since none of it outlives one. | #   clustr-fabric apply     sets what is not so | #   clustr-fabric check     prints what is not so, or: as wanted | # Lines of the file: DEVICE infiniband|roce MTU PRIORITY DSCP TOS ECN, with - for what is left as it is. | set -Eeuo pipefail | settings=/etc/clustr/fabric | rdma_cm=/sys/kernel/config/rdma_cm |  | main() { |   local device fabric mtu priority dscp tos ecn interface found=0 |   while read -r device fabric mtu priority dscp tos ecn; do |     interface=$(interface_of "$device") |     if [ -z "$interface" ]; then |       tell "$device: has no network interface" |       continue |     fi |     if [ "$mtu" != - ]; then mtu_of_port "$1"; fi |     if [ "$fabric" = roce ]; then |       lossless "$1" |       marked "$1" |       congestion "$1" |     fi |   done < <(grep -v '^#' "$settings") |   if [ "$1" = check ]; then |     if [ "$found" = 0 ]; then echo "as wanted"; fi |     return 0 |   fi |   return "$found" | } |  | # tell WORDS: something is not as wanted. | tell() { |   found=1 |   echo "$1" | } |  | # The network interface of the same function: https://www.kernel.org/doc/Documentation/ABI/stable/sysfs-class-infiniband | interface_of() { |   local path |   for path in "/sys/class/infiniband/$1/device/net/"*; do |     if [ -e "$path" ]; then |       echo "${path##*/}" |       return |     fi |   done | } |  | mtu_of_port() { |   local now |   now=$(<"/sys/class/net/$interface/mtu") |   if [ "$now" = "$mtu" ]; then return; fi |   if [ "$1" = check ]; then tell "$device: MTU $now, not $mtu"; else ip link set dev "$interface" mtu "$mtu"; fi | } |  | # PFC for one priority, and the packets that belong to it by their DSCP: dcb-pfc(8), dcb-app(8). | lossless() { |   local on |   on=$(dcb pfc show dev "$interface" prio-pfc | grep -oE '[0-7]:on' | tr '\n' ' ' || true) |   if [ "$on" != "$priority:on " ]; then |     if [ "$1" = check ]; then |       tell "$device: PFC for ${on:-none}, not for $priority" |     else |       dcb pfc set dev "$interface" prio-pfc all:off "$priority:on" |     fi |   fi |   if ! dcb -N app show dev "$interface" dscp-prio | grep -qwF -- "$dscp:$priority"; then |     if [ "$1" = check ]; then |       tell "$device: DSCP $dscp has not priority $priority" |     else |       dcb app replace dev "$interface" dscp-prio "$dscp:$priority" |     fi |   fi | } |  | # What connections made by rdma_cm mark their packets with: Documentation/ABI/testing/configfs-rdma_cm. Queue pairs made | # without it take the device's own, where its driver has such a file (DOCA-OFED's has). | marked() { |   local file=$rdma_cm/$device/ports/1/default_roce_tos own=/sys/class/infiniband/$device/tc/1/traffic_class now=0 |   if [ -e "$file" ]; then now=$(<"$file"); fi |   if [ "$now" != "$tos" ]; then |     if [ "$1" = check ]; then |       tell "$device: rdma_cm marks with $now, not $tos" |     else |       mkdir -p "$rdma_cm/$device" |       echo "$tos" >"$file" |     fi |   fi |   if [ -w "$own" ] && ! grep -qw -- "$tos" "$own"; then |     if [ "$1" = check ]; then tell "$device: its traffic class is not $tos"; else echo "$tos" >"$own"; fi |   fi | } |  | # Senders and receivers that heed congestion marks. Only DOCA-OFED's driver has these files; with the kernel's own the | # firmware decides, which has it on. | congestion() { |   local side file |   for side in roce_np roce_rp; do |     file=/sys/class/net/$interface/ecn/$side/enable/$priority |     if [ ! -e "$file" ] || [ "$(<"$file")" = "$ecn" ]; then continue; fi |     if [ "$1" = check ]; then tell "$device: ECN ($side) is not $ecn"; else echo "$ecn" >"$file"; fi |   done | } |  | case ${1:-} in |   apply | check) main "$1" ;; |   *) |     echo "usage: clustr-fabric apply|check" >&2 |     exit 2 |     ;; | esac
probe_file /usr/local/sbin/clustr-fabric

# /etc/clustr/fabric: 0644 root:root | # Written by clustr; clustr-fabric reads it. | mlx5_0 infiniband - - - - - | mlx5_2 roce 9000 3 26 106 1
probe_file /etc/clustr/fabric

# /etc/systemd/system/clustr-fabric.service: 0644 root:root | # Written by clustr. | [Unit] | Description=Settings of the fabric's ports | # Ports are there once udev has loaded their drivers. | After=systemd-modules-load.service systemd-udev-settle.service network-pre.target sys-kernel-config.mount | Wants=systemd-udev-settle.service sys-kernel-config.mount | Before=k3s.service k3s-agent.service |  | [Service] | Type=oneshot | RemainAfterExit=yes | ExecStart=/usr/local/sbin/clustr-fabric apply | Restart=on-failure | RestartSec=5s |  | [Install] | WantedBy=multi-user.target
probe_file /etc/systemd/system/clustr-fabric.service

# /etc/systemd/system/clustr-fabric.service.d/50-clustr.conf: 0644 root:root | # Written by clustr. Records at each start which files this unit was started with. | [Service] | ExecStartPre=-+/usr/local/sbin/clustr-record-start clustr-fabric.service /etc/systemd/system/clustr-fabric.service.d/50-clustr.conf /usr/local/sbin/clustr-fabric /etc/clustr/fabric /etc/systemd/system/clustr-fabric.service
probe_file /etc/systemd/system/clustr-fabric.service.d/50-clustr.conf

# clustr-fabric.service at boot: enabled
probe_enabled clustr-fabric.service

# clustr-fabric.service runs: runs with its present files
probe_started clustr-fabric.service de8055d8de4ab18956355a3f532abd75e8bb9b28abccba3622197e9145d220c8

# settings of the fabric: as wanted
rdma_probe_settings
