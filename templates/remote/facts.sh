#!/bin/bash
# What this machine says of itself, one key=value a line; free text is base64. Changes nothing. Every run of clustr asks
# every node this, so what bash can read by itself is no program's to tell.
set -u
export LC_ALL=C
rancher=/var/lib/rancher/k3s
clustr=/var/lib/clustr
scratch=
kernel=

cleanup() {
  if [ -n "$scratch" ]; then rm -rf -- "$scratch"; fi
}

say() {
  printf '%s=%s\n' "$1" "$2"
}

# encode KEY: free text on stdin.
encode() {
  printf '%s=%s\n' "$1" "$(base64 -w0)"
}

# read_line FILE: its first line into the caller's `line`, without a shell or a program; nothing where it cannot be read.
read_line() {
  line=
  if [ -r "$1" ]; then IFS= read -r line <"$1"; fi
}

first_line() {
  local line
  read_line "$1"
  printf '%s' "$line"
}

# say_line KEY FILE
say_line() {
  local line
  read_line "$2"
  say "$1" "$line"
}

machine() {
  local name used
  encode hostname </proc/sys/kernel/hostname
  say_line machine_id /etc/machine-id
  say_line boot_id /proc/sys/kernel/random/boot_id
  encode os_release </etc/os-release
  read -r kernel </proc/sys/kernel/osrelease
  say kernel "$kernel"
  say architecture "$(uname -m)"
  say cpus "$(getconf _NPROCESSORS_ONLN)"
  while read -r name used _; do
    case $name in
      MemTotal:) say memory_kb "$used" ;;
      MemAvailable:) say memory_free_kb "$used" && break ;;
    esac
  done </proc/meminfo
  file_systems
  say_line init /proc/1/comm
  while read -r name _ _ used _; do
    if [ "$name" != Filename ]; then say swap "$name $used"; fi
  done </proc/swaps
  say_line selinux_enforce /sys/fs/selinux/enforce
  if [ -e /etc/selinux/config ]; then say selinux_config there; fi
}

# What is free, and kinds; nothing of a place that is not there. A tmpfs without a limit has no blocks at all.
file_systems() {
  local path free all size kind shm_free_kb=0
  while read -r path free all size kind; do
    case $path in
      /var/lib) say disk_free_kb "$((free * size / 1024))" ;;
      /dev/shm) if [ "$all" = 0 ]; then shm_free_kb=''; else shm_free_kb=$((free * size / 1024)); fi ;;
      *) say cgroup_type "$kind" ;;
    esac
  done < <(stat -f -c '%n %a %b %S %T' /var/lib /sys/fs/cgroup /dev/shm)
  say shm_free_kb "$shm_free_kb"
}

# Whether units of which more is asked are active, by one question for all.
ask_units() {
  local state states=()
  while read -r state; do
    if [ -n "$state" ]; then states+=("$state"); fi
  done < <(systemctl show --property=ActiveState --value firewalld.service k3s.service clustr-apply.service)
  firewalld=${states[0]-} k3s=${states[1]-} apply=${states[2]-}
}

is_active() {
  case $1 in active | reloading) ;; *) return 1 ;; esac
}

# cgroup v2 names its controllers in a file of its own; /proc/cgroups is v1's (cgroups(7)).
cgroup_controllers() {
  local word on='' words=()
  if [ -r /sys/fs/cgroup/cgroup.controllers ]; then
    say_line controllers /sys/fs/cgroup/cgroup.controllers
  elif [ -r /proc/cgroups ]; then
    while read -r word _ _ on; do
      if [ "$on" = 1 ]; then say controllers "$word"; fi
    done </proc/cgroups
  fi
  read -ra words </proc/cmdline
  for word in "${words[@]}"; do
    case $word in cgroup_disable=*) say controllers_off "${word#*=}" ;; esac
  done
}

# By their effect where they work, else by the lists of each installed kernel.
kernel_modules() {
  local word folder lists=()
  while read -r word; do
    if [ "${word##*[[:space:]]}" = overlay ]; then say works overlay; fi
  done </proc/filesystems
  if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then say works br_netfilter; fi
  if [ -e /proc/sys/net/netfilter/nf_conntrack_count ]; then say works nf_conntrack; fi
  for folder in /lib/modules/*/; do
    if [ -r "$folder/modules.dep" ]; then
      word=${folder%/}
      say installed_kernel "${word##*/}"
      lists+=("$folder/modules.dep")
      if [ -r "$folder/modules.builtin" ]; then lists+=("$folder/modules.builtin"); fi
    fi
  done
  if [ ${#lists[@]} -gt 0 ]; then
    awk '
      { sub(/:.*/, "") }
      match($0, /\/(overlay|br_netfilter|nf_conntrack|vxlan)[.]ko/) {
        split(FILENAME, path, "/")
        print "module=" path[4] " " substr($0, RSTART + 1, RLENGTH - 4)
      }' "${lists[@]}"
  fi
  vxlan
}

# It leaves no trace of its own while nothing uses it.
vxlan() {
  if [ -d /sys/module/vxlan ] || [ -e /sys/class/net/flannel.1 ]; then
    say works vxlan
  elif [ ! -r "/lib/modules/$kernel/modules.dep" ]; then
    case $(zcat /proc/config.gz | awk '/^CONFIG_VXLAN=/ || /^# CONFIG_VXLAN / { print }') in
      *=y) say works vxlan ;;
      '') say unknown vxlan ;;
    esac
  fi
}

boot_loader() {
  local image
  if command -v grubby >/dev/null; then say grubby "$(grubby --default-kernel)"; fi
  for image in /boot/grub/grub.cfg /boot/grub2/grub.cfg; do
    if [ -r "$image" ]; then
      grep -E '^[[:space:]]*(set default=|menuentry |submenu |linux(efi|16)?[[:space:]]|})' "$image" | encode grub
    fi
  done
  for image in /boot/grub/grubenv /boot/grub2/grubenv; do
    if [ -r "$image" ]; then encode grubenv <"$image"; fi
  done
  for image in /vmlinuz /boot/vmlinuz; do
    if [ -L "$image" ]; then say vmlinuz "$(readlink "$image")"; fi
  done
  for image in /boot/vmlinuz-*; do
    if [ -e "$image" ]; then say boot_image "$image"; fi
  done
}

network() {
  local folder name line address
  for folder in /sys/class/net/*; do
    name=${folder##*/}
    read_line "$folder/mtu"
    if [ -e "$folder/device" ]; then say port "$name $line"; else say virtual "$name $line"; fi
  done
  while read -r _ name _ address _; do say address "${name%%@*} $address"; done < <(ip -o -4 addr)
  if command -v ufw >/dev/null && grep -qx 'ENABLED=yes' /etc/ufw/ufw.conf; then say firewall ufw; fi
  if is_active "$firewalld"; then say firewall firewalld; fi
}

# systemd's own hierarchy tells whose a process is: sets `unit`.
unit_of() {
  local controllers path
  while IFS=: read -r _ controllers path; do
    case $controllers in '' | name=systemd) case ${path##*/} in *.service) unit=${path##*/} ;; esac ;; esac
  done <"/proc/$1/cgroup"
}

# holder_of USERS: the first of a socket's processes that a unit has sets `process` and `unit`, else the first. A program
# that is being started holds its parent's sockets for a moment, and may be gone when its unit is asked for.
holder_of() {
  local left=$1
  while [ "$unit" = - ] && [[ $left =~ \(\"([^\"]*)\",pid=([0-9]+)(.*) ]]; do
    left=${BASH_REMATCH[3]}
    process=${process:-${BASH_REMATCH[1]}}
    if [ -r "/proc/${BASH_REMATCH[2]}/cgroup" ]; then unit_of "${BASH_REMATCH[2]}"; fi
  done
}

# Of the ports that clustr needs. ss looks through every process for a socket's owner, so that is asked only if need be.
listeners() {
  local ports='2379|2380|6443|8472|909[0-4]|9100|9400|10250|50000' all protocol local_address users process unit
  if ! all=$(ss -Htuln); then return; fi
  say listeners told
  if ! [[ $all =~ :($ports)[[:space:]] ]]; then return; fi
  all=$(ss -Htulnp) || return
  while read -r protocol _ _ _ local_address _ users; do
    if ! [[ $local_address =~ :($ports)$ ]]; then continue; fi
    process=''
    unit=-
    holder_of "$users"
    say listen "$protocol ${local_address##*:} $unit $process"
  done <<<"$all"
}

# The two files that k3s looks at: docs.k3s.io/advanced, "Nameserver Viability Checks".
resolvers() {
  local path word address
  for path in /etc/resolv.conf /run/systemd/resolve/resolv.conf; do
    if [ ! -r "$path" ]; then continue; fi
    say resolver "$path"
    while read -r word address _; do
      if [ "$word" = nameserver ]; then say nameserver "$path $address"; fi
    done <"$path"
  done
}

# left OF PATH...: those that exist.
left() {
  local of=$1 path
  shift
  for path in "$@"; do
    if [ -e "$path" ]; then say remains "$of $path"; fi
  done
}

# What other systems leave behind, only where k3s is not: what it makes looks like theirs.
remains() {
  local path
  for path in /etc/systemd/system/k3s.service /etc/systemd/system/k3s-agent.service "$rancher/server" "$rancher/agent"; do
    if [ -f "$path" ] || compgen -G "$path/*" >/dev/null; then return; fi
  done
  left kubeadm /etc/kubernetes/admin.conf /etc/kubernetes/kubelet.conf /etc/kubernetes/manifests/*.yaml \
    /etc/kubernetes/pki/ca.crt /var/lib/kubelet/kubeadm-flags.env
  left kubespray /etc/kubernetes/kubeadm-config.yaml /etc/modules-load.d/kubespray-*.conf /etc/etcd.env \
    /usr/local/bin/etcd-scripts /usr/local/bin/kubernetes-scripts
  left kubelet {/etc,/usr/lib}/systemd/system/kubelet.service {/usr,/usr/local}/bin/kubelet \
    /var/lib/kubelet/config.yaml
  left rke /opt/rke /var/lib/rancher/rke /etc/kubernetes/ssl/kube-ca.pem
  left rke2 /var/lib/rancher/rke2 /etc/rancher/rke2
  left microk8s /snap/microk8s /var/snap/microk8s
  left docker /var/lib/docker/containers/*
  left gpu-operator /usr/local/nvidia /run/nvidia/driver/* /run/nvidia/validations
  left cni /opt/cni/bin/* /sys/class/net/{cni0,flannel.1,kube-ipvs0,nodelocaldns,vxlan.calico,weave} \
    /sys/class/net/cilium_* /sys/class/net/cali[0-9a-f]*
  for path in /etc/cni/net.d/*; do
    case $path in *podman*) ;; *) left cni "$path" ;; esac
  done
  while read -r _ path _; do
    case $path in
      /var/lib/kubelet/*) say remains "mounts $path" ;;
      /run/nvidia/driver) say remains "gpu-operator $path (mount)" ;;
    esac
  done </proc/mounts
  chains
}

# Rules of both kinds, as far as their tools are there: kube-proxy and Docker cannot do without one of them either.
chains() {
  local tool all word
  for tool in iptables-nft-save iptables-legacy-save; do
    if ! { command -v "$tool" >/dev/null && all=$(timeout 5 "$tool"); }; then continue; fi
    for word in KUBE cali CILIUM FLANNEL WEAVE; do
      case $all in *$'\n':"$word"*) say remains "iptables chains $word" ;; esac
    done
    case $all in *$'\n:DOCKER '*) say remains 'docker chain DOCKER' ;; esac
  done
}

# More is asked (gpu.sh) only where NVIDIA's devices are, or ports of an RDMA fabric.
pci() {
  local folder vendor device class special=() gpus=()
  for folder in /sys/bus/pci/devices/*; do
    if read -r vendor <"$folder/vendor" && read -r device <"$folder/device" && read -r class <"$folder/class"; then
      say pci "${folder##*/} $vendor $device $class"
      case $vendor:$class in
        0x10de:0x03*) gpus+=("${folder##*/}") special+=("${folder##*/}") ;;
        0x10de:* | 0x15b3:* | *:0x0207*) special+=("${folder##*/}") ;;
      esac
    fi
  done
  if [ ${#special[@]} -gt 0 ]; then
    pci_detail "${special[@]}"
    gpu "${gpus[@]}"
  fi
}

k3s() {
  if [ -x /usr/local/bin/k3s ]; then say k3s_version "$(timeout 10 /usr/local/bin/k3s --version | head -n 1)"; fi
  if [ -d "$rancher/server/db/etcd/member" ]; then
    say datastore etcd
  elif [ -e "$rancher/server/db/state.db" ]; then
    say datastore sqlite
  fi
  local given=/etc/rancher/k3s/token
  if [ -r "$rancher/server/token" ]; then
    encode token <"$rancher/server/token"
  elif [ -r "${given%/*}/agent-token" ] && [ -r "$given" ] && ! grep -q '^K10' "$given"; then
    encode token <"$given" # a founding that was cut: k3s has not told it yet, and has begun to encrypt with it
  fi
  if [ -r "$rancher/server/tls/server-ca.crt" ]; then
    say ca_hash "$(sha256sum <"$rancher/server/tls/server-ca.crt" | cut -d' ' -f1)"
  fi
  if [ -e "$rancher/agent/client-kubelet.crt" ]; then say agent_data yes; fi
  if is_active "$k3s" && [ -x /usr/local/bin/k3s ]; then kube_nodes; fi
}

# kubectl keeps a cache of the API in the home folder unless it is told another place. DaemonSets tell whether anybody hands
# GPUs out here; what NVIDIA's own objects say more is asked only where one of those is.
kube_nodes() {
  local listing line nodes='' sets=''
  scratch=$(mktemp -d /dev/shm/clustr-facts.XXXXXXXX) || return
  listing=$(timeout 5 /usr/local/bin/k3s kubectl --cache-dir="$scratch" get nodes,daemonsets.apps -A -o go-template='
{{- range .items}}{{if eq .kind "DaemonSet"}}DaemonSet {{.metadata.namespace}}/{{.metadata.name}}
{{- range .spec.template.spec.containers}} {{.image}}{{end}}{{"\n"}}{{else}}
{{- .metadata.name}} {{if .spec.unschedulable}}cordoned{{else}}open{{end}}
{{- range .status.conditions}}{{if eq .type "Ready"}} {{.status}}{{end}}{{end}} {{.status.nodeInfo.kubeletVersion}}{{"\n"}}
{{- end}}{{end}}') || return
  say api ready
  while read -r line; do
    case $line in
      'DaemonSet '*) sets+=$line$'\n' ;;
      *) nodes+=$line$'\n' ;;
    esac
  done <<<"$listing"
  encode kube_nodes <<<"$nodes"
  if [ -n "$sets" ]; then encode kube_daemonsets <<<"$sets"; fi
  case $sets in *nvidia* | *gpu-operator*) kube_gpu "$scratch" ;; esac
}

left_by_clustr() {
  local record content run='' by=''
  for record in "$clustr"/records/*; do
    case $record in *.new | *'*') continue ;; esac
    content='' # of one that goes meanwhile
    IFS= read -r -d '' content <"$record"
    printf '%s\0' "${content%$'\n'}"
  done | encode records
  say apply "$apply"
  if [ -r "$clustr/run" ]; then
    { IFS= read -r run && IFS= read -r by; } <"$clustr/run"
    say run_id "$run"
    say run_by "$by"
  fi
  if [ -r "$clustr/verdict" ]; then encode verdict <"$clustr/verdict"; fi
}

# As lock.sh counts it: a folder without a beat is a run that was cut at its first word, and counts by its own age.
lock() {
  local beat now
  if [ ! -d "$clustr/lock" ]; then return; fi
  say lock held
  beat=$(stat -c %Y "$clustr/lock/beat" || stat -c %Y "$clustr/lock") || return
  now=$(date +%s)
  say lock_silent_for "$((now - beat))"
  if [ -r "$clustr/lock/holder" ]; then
    encode lock_holder <"$clustr/lock/holder"
    say lock_held_for "$((now - $(stat -c %Y "$clustr/lock/holder")))"
  fi
}

main() {
  local firewalld k3s apply
  ask_units
  machine
  cgroup_controllers
  kernel_modules
  boot_loader
  network
  listeners
  resolvers
  pci
  k3s
  remains
  left_by_clustr
  lock
  say end yes
}
# Told in one piece: each line would travel in a packet of its own.
said=$(trap cleanup EXIT && main </dev/null 2>/dev/null)
# The clock last of all: it is compared with the asker's at the moment when this arrives. Told by date, not
# by bash: nodes of a lab share one clock, and a date of its own gives one another.
printf '%s\nclock=%s\n' "$said" "$(date +%s.%N)"
