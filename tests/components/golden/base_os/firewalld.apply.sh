record cab266a5b54f27c1a55ce531e9bf01c4 <<'END_OF_RECORD'
base_os 
L3Vzci9sb2NhbC9zYmluL2NsdXN0ci1yZWNvcmQtc3RhcnQ=
0
restore_file /usr/local/sbin/clustr-record-start
END_OF_RECORD
apply_file /usr/local/sbin/clustr-record-start 0755 root:root <<'END_OF_FILE_BY_CLUSTR'
#!/bin/bash
# Written by clustr. record-start UNIT FILE...: keeps the sum of the files that the unit starts with.
set -euo pipefail
unit=$1
shift
install -d -m 0700 /var/lib/clustr /var/lib/clustr/started
sum=$(for path in "$@"; do [ ! -f "$path" ] || sha256sum -- "$path"; done | sha256sum)
printf '%s\n' "${sum%% *}" >"/var/lib/clustr/started/$unit.new"
mv -f "/var/lib/clustr/started/$unit.new" "/var/lib/clustr/started/$unit"
END_OF_FILE_BY_CLUSTR

record 7cfb621cba57bdf94667f7f312cb0968 <<'END_OF_RECORD'
base_os 
cGFja2FnZXM=
1
# stays: apt-get remove ca-certificates curl conntrack ethtool iptables kmod procps socat
END_OF_RECORD
apply_packages ca-certificates curl conntrack ethtool iptables kmod procps socat

base_os_apply_hostname mon1

record b1fd3788917c1047241eea97242caa2b <<'END_OF_RECORD'
base_os 
bmFtZXMga2VwdCBvdmVyIGEgYm9vdA==
3
rm -f -- /etc/cloud/cloud.cfg.d/99-clustr.cfg
END_OF_RECORD
base_os_apply_cloud_init

record 70ee6eb38fb4d386c409148123e471eb <<'END_OF_RECORD'
base_os 
L2V0Yy9ob3N0cw==
4
base_os_apply_hosts </dev/null
END_OF_RECORD
base_os_apply_hosts <<'END_OF_HOSTS'
# clustr begin
10.0.0.31 mon1
10.0.0.11 cp1
10.0.0.12 cp2
10.0.0.13 cp3
10.0.0.11 test.k3s.internal
10.0.0.12 test.k3s.internal
10.0.0.13 test.k3s.internal
# clustr end
END_OF_HOSTS

record f778e132feacd1ec935480c6309d8e35 <<'END_OF_RECORD'
base_os 
L2V0Yy9tb2R1bGVzLWxvYWQuZC9jbHVzdHIuY29uZg==
5
restore_file /etc/modules-load.d/clustr.conf
END_OF_RECORD
apply_file /etc/modules-load.d/clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
overlay
br_netfilter
nf_conntrack
END_OF_FILE_BY_CLUSTR

apply_module overlay filesystem:overlay

apply_module br_netfilter /proc/sys/net/bridge/bridge-nf-call-iptables

apply_module nf_conntrack /proc/sys/net/netfilter/nf_conntrack_count

record 4ced4a0f21ede135e2b2dab87edca6da <<'END_OF_RECORD'
base_os 
L2V0Yy9zeXNjdGwuZC85MC1jbHVzdHIuY29uZg==
9
restore_file /etc/sysctl.d/90-clustr.conf
END_OF_RECORD
apply_file /etc/sysctl.d/90-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
fs.inotify.max_user_instances = 8192
fs.inotify.max_user_watches = 1048576
kernel.panic = 10
kernel.panic_on_oops = 1
net.bridge.bridge-nf-call-ip6tables = 1
net.bridge.bridge-nf-call-iptables = 1
net.ipv4.ip_forward = 1
vm.max_map_count = 1048576
vm.overcommit_memory = 1
vm.panic_on_oom = 0
END_OF_FILE_BY_CLUSTR

apply_sysctl fs.inotify.max_user_instances 8192

apply_sysctl fs.inotify.max_user_watches 1048576

apply_sysctl kernel.panic 10

apply_sysctl kernel.panic_on_oops 1

apply_sysctl net.bridge.bridge-nf-call-ip6tables 1

apply_sysctl net.bridge.bridge-nf-call-iptables 1

apply_sysctl net.ipv4.ip_forward 1

apply_sysctl vm.max_map_count 1048576

apply_sysctl vm.overcommit_memory 1

apply_sysctl vm.panic_on_oom 0

swapoff -a

record a1671108334d6aed6c118f433e843971 <<'END_OF_RECORD'
base_os 
c3dhcCBhdCBib290
21
base_os_undo_swap_at_boot
END_OF_RECORD
base_os_apply_swap_at_boot

record f9539b018d5b89c16f01716050606141 <<'END_OF_RECORD'
base_os 
cGFja2FnZSBjaHJvbnk=
22
# stays: apt-get remove chrony
END_OF_RECORD
apply_packages chrony

record c1aabf3d94e61997bd60aeaf673aba5c <<'END_OF_RECORD'
base_os 
L2V0Yy9jaHJvbnkvY2hyb255LmNvbmY=
23
restore_file /etc/chrony/chrony.conf
END_OF_RECORD
apply_file /etc/chrony/chrony.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
server ntp.example.com iburst
server 10.0.0.1 iburst
confdir /etc/chrony/conf.d
keyfile /etc/chrony/chrony.keys
driftfile /var/lib/chrony/chrony.drift
ntsdumpdir /var/lib/chrony
logdir /var/log/chrony
maxupdateskew 100.0
rtcsync
# A clock that is off is set at once, but only in the first three updates after a start; later it is slewed.
makestep 1 3
leapsectz right/UTC
END_OF_FILE_BY_CLUSTR

record dbd5a0b6c69d06961687ea45dabf82ba <<'END_OF_RECORD'
base_os 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9jaHJvbnkuc2VydmljZS5kLzUwLWNsdXN0ci5jb25m
24
restore_file /etc/systemd/system/chrony.service.d/50-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/chrony.service.d/50-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Records at each start which files this unit was started with.
[Service]
ExecStartPre=-+/usr/local/sbin/clustr-record-start chrony.service /etc/systemd/system/chrony.service.d/50-clustr.conf /etc/chrony/chrony.conf
END_OF_FILE_BY_CLUSTR

record f57204a7a64d5898e45cff6c5ad3a64e <<'END_OF_RECORD'
base_os 
Y2hyb255LnNlcnZpY2UgYXQgYm9vdA==
25
undo_enabled chrony.service
END_OF_RECORD
apply_enabled chrony.service enabled

record ecf308f51e1612532ca017fb9b8fbd18 <<'END_OF_RECORD'
base_os 
Y2hyb255LnNlcnZpY2UgcnVucw==
26
undo_started chrony.service
END_OF_RECORD
apply_started chrony.service 2e867ffbbd60184561592548b086d87125dd57b323d72c2ac5d42442578d528b

record 687f18cc7a3b736b6b0fafd07e887d9f <<'END_OF_RECORD'
base_os 
L2V0Yy9zeXN0ZW1kL2pvdXJuYWxkLmNvbmYuZC85MC1jbHVzdHIuY29uZg==
27
restore_file /etc/systemd/journald.conf.d/90-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/journald.conf.d/90-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
[Journal]
Storage=persistent
SystemMaxUse=2G
END_OF_FILE_BY_CLUSTR

record 0798eee8173480b48145e0bdd875ba3f <<'END_OF_RECORD'
base_os 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9zeXN0ZW1kLWpvdXJuYWxkLnNlcnZpY2UuZC81MC1jbHVzdHIuY29uZg==
28
restore_file /etc/systemd/system/systemd-journald.service.d/50-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/systemd-journald.service.d/50-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Records at each start which files this unit was started with.
[Service]
ExecStartPre=-+/usr/local/sbin/clustr-record-start systemd-journald.service /etc/systemd/system/systemd-journald.service.d/50-clustr.conf /etc/systemd/journald.conf.d/90-clustr.conf
END_OF_FILE_BY_CLUSTR

apply_started systemd-journald.service efad1f0df7215efe8c73ca45a349d2dd5c142e427d59c77309279a24dc6b8bad

record 7d9919a2879a2d4bff4cc46b6de84e7c <<'END_OF_RECORD'
base_os 
L2V0Yy9zZWN1cml0eS9saW1pdHMuZC85MC1jbHVzdHIuY29uZg==
30
restore_file /etc/security/limits.d/90-clustr.conf
END_OF_RECORD
apply_file /etc/security/limits.d/90-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. For logins; pods have the limits of k3s's unit.
*    soft nofile  65536
*    hard nofile  1048576
root soft nofile  65536
root hard nofile  1048576
*    -    memlock unlimited
root -    memlock unlimited
END_OF_FILE_BY_CLUSTR

record c987acd93ef5a4905cedd92f6e03ccd0 <<'END_OF_RECORD'
base_os 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS5jb25mLmQvOTAtY2x1c3RyLmNvbmY=
31
restore_file /etc/systemd/system.conf.d/90-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system.conf.d/90-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. For services that name no limits of their own. RDMA and GPU buffers are locked memory.
[Manager]
DefaultLimitNOFILE=65536:1048576
DefaultLimitMEMLOCK=infinity
END_OF_FILE_BY_CLUSTR

systemctl daemon-reload

record ac3e1d2f4c314bf5d9fdff8148e0d123 <<'END_OF_RECORD'
base_os 
L2V0Yy9maXJld2FsbGQvcG9saWNpZXMvY2x1c3RyLWluLnhtbA==
33
restore_file /etc/firewalld/policies/clustr-in.xml
END_OF_RECORD
apply_file /etc/firewalld/policies/clustr-in.xml 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
<?xml version="1.0" encoding="utf-8"?>
<!-- Written by clustr. -->
<policy priority="-100" target="CONTINUE">
  <short>clustr-in</short>
  <ingress-zone name="ANY"/>
  <egress-zone name="HOST"/>
  <rule family="ipv4">
    <source address="10.0.0.0/24"/>
    <port port="9100" protocol="tcp"/>
    <accept/>
  </rule>
  <rule family="ipv4">
    <source address="10.0.0.0/24"/>
    <port port="9090" protocol="tcp"/>
    <accept/>
  </rule>
  <rule family="ipv4">
    <source address="10.0.0.0/24"/>
    <port port="9093-9094" protocol="tcp"/>
    <accept/>
  </rule>
</policy>
END_OF_FILE_BY_CLUSTR

record abc2b790ea97670be44a87bab7308375 <<'END_OF_RECORD'
base_os 
ZmlyZXdhbGxkIHBvbGljeSBjbHVzdHItaW4=
34
rm -f -- /etc/firewalld/policies/clustr-in.xml
firewall-cmd --quiet --reload
END_OF_RECORD
firewall-cmd --quiet --reload

record 13ad43a46958bd2bc9d001ed131f35b9 <<'END_OF_RECORD'
base_os 
L2V0Yy9maXJld2FsbGQvcG9saWNpZXMvY2x1c3RyLXRocm91Z2gueG1s
35
restore_file /etc/firewalld/policies/clustr-through.xml
END_OF_RECORD
apply_file /etc/firewalld/policies/clustr-through.xml 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
<?xml version="1.0" encoding="utf-8"?>
<!-- Written by clustr. -->
<policy priority="-100" target="CONTINUE">
  <short>clustr-through</short>
  <ingress-zone name="ANY"/>
  <egress-zone name="ANY"/>
</policy>
END_OF_FILE_BY_CLUSTR

record 00c84f725408e4f703bbac856fa5777c <<'END_OF_RECORD'
base_os 
ZmlyZXdhbGxkIHBvbGljeSBjbHVzdHItdGhyb3VnaA==
36
rm -f -- /etc/firewalld/policies/clustr-through.xml
firewall-cmd --quiet --reload
END_OF_RECORD
firewall-cmd --quiet --reload
