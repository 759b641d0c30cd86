# /usr/local/sbin/clustr-record-start: 0755 root:root | #!/bin/bash | # Written by clustr. record-start UNIT FILE...: keeps the sum of the files that the unit starts with. | set -euo pipefail | unit=$1 | shift | install -d -m 0700 /var/lib/clustr /var/lib/clustr/started | sum=$(for path in "$@"; do [ ! -f "$path" ] || sha256sum -- "$path"; done | sha256sum) | printf '%s\n' "${sum%% *}" >"/var/lib/clustr/started/$unit.new" | mv -f "/var/lib/clustr/started/$unit.new" "/var/lib/clustr/started/$unit"
probe_file /usr/local/sbin/clustr-record-start

# packages: ca-certificates installed | curl installed | conntrack installed | ethtool installed | iptables installed | kmod installed | procps installed | socat installed
probe_packages ca-certificates curl conntrack ethtool iptables kmod procps socat

# package htop: installed
probe_packages htop

# hostname: gpu1
base_os_probe_hostname

# names kept over a boot: kept
base_os_probe_cloud_init

# /etc/hosts: # clustr begin | 10.0.0.21 gpu1 | 10.0.0.11 cp1 | 10.0.0.10 test.k3s.internal | # clustr end
base_os_probe_hosts

# /etc/modules-load.d/clustr.conf: 0644 root:root | # Written by clustr. | overlay | br_netfilter | nf_conntrack
probe_file /etc/modules-load.d/clustr.conf

# module overlay: works
probe_module overlay filesystem:overlay

# module br_netfilter: works
probe_module br_netfilter /proc/sys/net/bridge/bridge-nf-call-iptables

# module nf_conntrack: works
probe_module nf_conntrack /proc/sys/net/netfilter/nf_conntrack_count

# /etc/sysctl.d/90-clustr.conf: 0644 root:root | # Written by clustr. | fs.inotify.max_user_instances = 8192 | fs.inotify.max_user_watches = 1048576 | kernel.panic = 10 | kernel.panic_on_oops = 1 | net.bridge.bridge-nf-call-ip6tables = 1 | net.bridge.bridge-nf-call-iptables = 1 | net.ipv4.ip_forward = 1 | vm.max_map_count = 262144 | vm.overcommit_memory = 1 | vm.panic_on_oom = 0
probe_file /etc/sysctl.d/90-clustr.conf

# sysctl fs.inotify.max_user_instances: 8192
probe_sysctl fs.inotify.max_user_instances

# sysctl fs.inotify.max_user_watches: 1048576
probe_sysctl fs.inotify.max_user_watches

# sysctl kernel.panic: 10
probe_sysctl kernel.panic

# sysctl kernel.panic_on_oops: 1
probe_sysctl kernel.panic_on_oops

# sysctl net.bridge.bridge-nf-call-ip6tables: 1
probe_sysctl net.bridge.bridge-nf-call-ip6tables

# sysctl net.bridge.bridge-nf-call-iptables: 1
probe_sysctl net.bridge.bridge-nf-call-iptables

# sysctl net.ipv4.ip_forward: 1
probe_sysctl net.ipv4.ip_forward

# sysctl vm.max_map_count: 262144
probe_sysctl vm.max_map_count

# sysctl vm.overcommit_memory: 1
probe_sysctl vm.overcommit_memory

# sysctl vm.panic_on_oom: 0
probe_sysctl vm.panic_on_oom

# swap: off
base_os_probe_swap

# swap at boot: none
base_os_probe_swap_at_boot

# package chrony: installed
probe_packages chrony

# /etc/chrony/chrony.conf: 0644 root:root | # Written by clustr. | pool 2.debian.pool.ntp.org iburst | sourcedir /run/chrony-dhcp | confdir /etc/chrony/conf.d | keyfile /etc/chrony/chrony.keys | driftfile /var/lib/chrony/chrony.drift | ntsdumpdir /var/lib/chrony | logdir /var/log/chrony | maxupdateskew 100.0 | rtcsync | # A clock that is off is set at once, but only in the first three updates after a start; later it is slewed. | makestep 1 3 | leapsectz right/UTC
probe_file /etc/chrony/chrony.conf

# /etc/systemd/system/chrony.service.d/50-clustr.conf: 0644 root:root | # Written by clustr. Records at each start which files this unit was started with. | [Service] | ExecStartPre=-+/usr/local/sbin/clustr-record-start chrony.service /etc/systemd/system/chrony.service.d/50-clustr.conf /etc/chrony/chrony.conf
probe_file /etc/systemd/system/chrony.service.d/50-clustr.conf

# chrony.service at boot: enabled
probe_enabled chrony.service

# chrony.service runs: runs with its present files
probe_started chrony.service e2bc93590778ff75b8e5315ebb1a050c42e1510de74a4fdaab6fab6c5cf92770

# /etc/systemd/journald.conf.d/90-clustr.conf: 0644 root:root | # Written by clustr. | [Journal] | Storage=persistent | SystemMaxUse=2G
probe_file /etc/systemd/journald.conf.d/90-clustr.conf

# /etc/systemd/system/systemd-journald.service.d/50-clustr.conf: 0644 root:root | # Written by clustr. Records at each start which files this unit was started with. | [Service] | ExecStartPre=-+/usr/local/sbin/clustr-record-start systemd-journald.service /etc/systemd/system/systemd-journald.service.d/50-clustr.conf /etc/systemd/journald.conf.d/90-clustr.conf
probe_file /etc/systemd/system/systemd-journald.service.d/50-clustr.conf

# systemd-journald.service runs: runs with its present files
probe_started systemd-journald.service efad1f0df7215efe8c73ca45a349d2dd5c142e427d59c77309279a24dc6b8bad

# /etc/security/limits.d/90-clustr.conf: 0644 root:root | # Written by clustr. For logins; pods have the limits of k3s's unit. | *    soft nofile  65536 | *    hard nofile  1048576 | root soft nofile  65536 | root hard nofile  1048576 | *    -    memlock unlimited | root -    memlock unlimited
probe_file /etc/security/limits.d/90-clustr.conf

# /etc/systemd/system.conf.d/90-clustr.conf: 0644 root:root | # Written by clustr. For services that name no limits of their own. RDMA and GPU buffers are locked memory. | [Manager] | DefaultLimitNOFILE=65536:1048576 | DefaultLimitMEMLOCK=infinity
probe_file /etc/systemd/system.conf.d/90-clustr.conf

# limits of services: DefaultLimitNOFILE=1048576 | DefaultLimitNOFILESoft=65536 | DefaultLimitMEMLOCK=infinity
systemctl show -p DefaultLimitNOFILE -p DefaultLimitNOFILESoft -p DefaultLimitMEMLOCK
