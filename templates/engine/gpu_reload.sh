# Changes NVIDIA's driver in the kernel, on a node whose pods are drained: who else holds the GPUs is named, stopped
# where that is a pod's or a unit of the driver's own stack, and brought back.

gpu_stands_still=/run/clustr-stands-still # units that wait for us: a boot starts them anyway, and forgets this

# probe_gpu_driver VERSION FLAVOUR KERNEL: "VERSION FLAVOUR" where the kernel has what is wanted and what is on disk for
# KERNEL. VERSION is a branch (580) or a whole version.
probe_gpu_driver() {
  local version='' flavour=proprietary disk said units
  if [ -r /proc/driver/nvidia/version ]; then
    said=$(head -n 1 /proc/driver/nvidia/version)
    version=$(loaded_gpu_version)
    case $said in *'Open Kernel Module'*) flavour=open ;; esac
    disk=$(gpu_version_on_disk "$3")
    case $version in "$1" | "$1".*) said=$1 ;; *) said=$version ;; esac
    if [ -n "$disk" ] && [ "$disk" != "$version" ]; then
      said="$version $flavour, while $disk is on disk"
    else
      said="$said $flavour"
    fi
  elif module_is_loaded nouveau; then
    said=nouveau
  else
    said=absent
  fi
  units=$(gpu_units_at_rest)
  echo "$said${units:+, and ${units// /, } stands still}"
}

# module_is_loaded NAME: awk reads the list to its end. Where grep -q ends at the match, lsmod dies of SIGPIPE while it still
# writes, and under pipefail a module that is loaded looks like one that is not.
module_is_loaded() {
  lsmod | awk -v name="$1" '$1 == name { found = 1 } END { exit !found }'
}

loaded_gpu_version() {
  # NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.105.08  ...
  grep -m 1 '^NVRM version' /proc/driver/nvidia/version | grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)?' | head -n 1
}

# gpu_module KERNEL: the file. Debian calls its own nvidia-current, and has modprobe load that as nvidia.
gpu_module() {
  find "/lib/modules/$1" -regextype posix-extended -regex '.*/nvidia(-current|-tesla-[0-9]+)?[.]ko([.][a-z0-9]+)?' \
    -print -quit 2>/dev/null
}

gpu_version_on_disk() {
  local file
  file=$(gpu_module "$1")
  if [ -n "$file" ]; then modinfo -F version -- "$file"; fi
}

# gpu_module_fits VERSION FLAVOUR KERNEL: before anything is stopped for it, there is a module to load.
gpu_module_fits() {
  local file version flavour=proprietary
  file=$(gpu_module "$3")
  if [ -z "$file" ]; then
    echo "no NVIDIA module is built for the kernel $3" >&2
    return 1
  fi
  version=$(modinfo -F version -- "$file")
  case $(modinfo -F license -- "$file") in *MIT*) flavour=open ;; esac # Dual MIT/GPL; the other's is NVIDIA
  case "$version $flavour" in "$1 $2" | "$1".*" $2") ;; *)
    echo "the module for the kernel $3 is $version $flavour; wanted: $1 $2" >&2
    return 1
    ;;
  esac
}

# reload_gpu_driver VERSION FLAVOUR KERNEL
reload_gpu_driver() {
  gpu_module_fits "$@"
  with_idle_gpus change_gpu_driver "$3"
}

# with_idle_gpus COMMAND...: runs it while nobody holds a device; whatever comes of it, what was stopped starts again.
with_idle_gpus() {
  refuse_gpu_strangers
  (
    trap 'bring_gpu_users_back' EXIT
    stop_gpu_users
    "$@"
  )
  if [ -n "$(gpu_units_at_rest)" ]; then
    echo "did not start again: $(gpu_units_at_rest)" >&2
    return 1
  fi
}

refuse_gpu_strangers() {
  local strangers
  strangers=$(gpu_strangers "$(gpu_holders)")
  if [ -z "$strangers" ]; then return 0; fi
  echo "$strangers" >&2
  echo "clustr ends nobody's but pods and the driver's own units: end it, or run the same again, and the plan boots" >&2
  return 1
}

# k3s first, and with it the kubelet: it would start again what is ended. Its pods outlive it (KillMode=process).
stop_gpu_users() {
  local unit place
  for unit in k3s.service k3s-agent.service; do rest_gpu_unit "$unit"; done
  for ((place = ${#gpu_units[@]} - 1; place >= 0; place--)); do rest_gpu_unit "${gpu_units[place]}"; done
  end_gpu_pods
  refuse_gpu_strangers
}

# rest_gpu_unit UNIT: noted before it is stopped, so that a run which is cut leaves no unit behind. The refresh of the CDI
# spec is stopped alone: it ends by itself, and whoever has changed something runs it. Started under a module that has just
# been replaced on disk it fails, and after five times its watcher fails too (systemd.path(5)), which nobody wants to stay.
rest_gpu_unit() {
  case $1:$(systemctl show -p ActiveState --value -- "$1") in
    nvidia-cdi-refresh.path:failed) ;;
    *:active | *:activating | *:reloading) ;;
    *) return 0 ;;
  esac
  if [ "$1" != nvidia-cdi-refresh.service ]; then
    grep -qsxF -- "$1" "$gpu_stands_still" || echo "$1" >>"$gpu_stands_still"
  fi
  echo "::status stopping $1"
  timeout 120 systemctl stop -- "$1"
}

# Containers that hold a device: TERM as the kubelet would, KILL after 10 s.
end_gpu_pods() {
  local signal tried pods
  for signal in TERM KILL; do
    for tried in {1..20}; do
      pods=$(gpu_holders | grep '^pod ' || true)
      if [ -z "$pods" ]; then return 0; fi
      if [ "$tried" = 1 ] || [ "$signal" = KILL ]; then signal_pods "$signal" "$pods"; fi
      sleep 0.5
    done
  done
  echo "${pods//pod /still there: pid }" >&2
  return 1
}

# signal_pods SIGNAL HOLDERS: the whole container of each, or its first process would start another.
signal_pods() {
  local pid device name group each
  local -A told=()
  while read -r _ pid device name; do
    group=$(cat "/proc/$pid/cgroup" 2>/dev/null) || continue
    if [ -z "$group" ] || [ -n "${told["$group"]:-}" ]; then continue; fi
    told["$group"]=yes
    echo "::status ending pod $name, whose pid $pid holds $device (SIG$1)"
    for each in /proc/[0-9]*/cgroup; do
      if [ "$(cat "$each" 2>/dev/null)" = "$group" ]; then
        each=${each#/proc/}
        kill "-$1" "${each%/cgroup}" 2>/dev/null || true
      fi
    done
  done <<<"$2"
}

# Before the first is unloaded: what else uses one of them than the next is the kernel's own, which no process shows.
refuse_busy_modules() {
  local busy
  busy=$(lsmod | awk '
    $1 ~ /^nvidia(_uvm|_drm|_modeset|_peermem)?$/ { n = split($4, by, ","); if ($3 > n) print $1 " (" $3 - n ")" }')
  if [ -n "$busy" ]; then
    echo "in use, and no process shows by whom: ${busy//$'\n'/, }; boot the node, then run the same again" >&2
    return 1
  fi
}

# change_gpu_driver KERNEL: whatever was loaded of it is loaded again, and uvm, without which CUDA finds no GPU.
change_gpu_driver() {
  local module loaded=' nvidia nvidia_uvm ' wanted
  refuse_busy_modules
  for module in nvidia_uvm nvidia_drm nvidia_modeset nvidia_peermem nvidia; do
    if ! module_is_loaded "$module"; then continue; fi
    loaded+="$module "
    echo "::status unloading $module"
    rmmod "$module"
  done
  for module in nvidia nvidia_uvm nvidia_modeset nvidia_drm nvidia_peermem; do
    case $loaded in *" $module "*) ;; *) continue ;; esac
    echo "::status loading $module"
    modprobe "$module"
  done
  if command -v nvidia-modprobe >/dev/null && ! nvidia-modprobe -u -c=0; then
    echo "nvidia-modprobe made no /dev/nvidia-uvm, without which CUDA finds no GPU" >&2
    return 1
  fi
  wanted=$(gpu_version_on_disk "$1")
  if [ "$(loaded_gpu_version)" != "$wanted" ]; then
    echo "the kernel loaded $(loaded_gpu_version) in place of $wanted" >&2
    return 1
  fi
  # udev starts it for a module that is added, later or not at all; a spec of another driver is of no use to pods.
  if systemctl cat nvidia-cdi-refresh.service >/dev/null 2>&1; then
    systemctl reset-failed nvidia-cdi-refresh.service 2>/dev/null || true # what it failed at before counts against it
    systemctl restart nvidia-cdi-refresh.service
  fi
}

# Units that wait for us and have not been started by anybody since.
gpu_units_at_rest() {
  local unit state found=''
  [ -r "$gpu_stands_still" ] || return 0
  while read -r unit; do
    state=$(systemctl show -p LoadState -p ActiveState -p ConditionResult -p ConditionTimestampMonotonic -- "$unit")
    case $state in
      *ActiveState=active* | *ActiveState=activating*) ;;
      *LoadState=not-found*) ;; # its package is gone
      *ConditionTimestampMonotonic=0*) found+="${found:+ }$unit" ;;
      *ConditionResult=no*) ;; # it was started, and its own conditions keep it from that
      *) found+="${found:+ }$unit" ;;
    esac
  done <"$gpu_stands_still"
  echo "$found"
}

# First what the GPUs need, k3s last: pods find a driver that is whole. A CDI spec is of one version of the driver.
bring_gpu_users_back() {
  local unit waiting
  waiting=" $(gpu_units_at_rest) "
  systemctl reset-failed -- "${gpu_units[@]}" 2>/dev/null || true
  for unit in "${gpu_units[@]}" k3s.service k3s-agent.service; do
    case "$waiting" in *" $unit "*) ;; *) continue ;; esac
    echo "::status starting $unit"
    timeout 600 systemctl start -- "$unit" || echo "$unit does not start: see journalctl -u $unit" >&2
  done
  if [ -z "$(gpu_units_at_rest)" ]; then rm -f -- "$gpu_stands_still"; fi
}
