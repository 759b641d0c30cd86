# Who has the GPUs' devices open, and whose they are. Changes nothing.

# Whatever the driver's own stack runs on a host: each may be stopped and is started again.
gpu_units=(nvidia-persistenced.service nvidia-fabricmanager.service nvidia-imex.service nvidia-cdi-refresh.service
  nvidia-cdi-refresh.path nvidia-dcgm.service nvidia-dcgm-exporter.service)

# gpu_holders: a line "KIND PID DEVICE NAME" for each that holds a device; KIND is pod, service, process or module.
# A pod may have the devices in another folder than /dev; a program may close one that it has mapped; and one that was
# made anew under it is "(deleted)", and as much in use.
gpu_holders() {
  local pid device kind name seen=' '
  while read -r pid device; do
    case $seen in *" $pid "*) continue ;; esac
    seen+="$pid "
    whose "$pid" || continue # it is gone
    echo "$kind $pid $device $name"
  done < <(
    find /proc/[0-9]*/fd -lname '*/nvidia*' -xtype c -printf '%p %l\n' 2>/dev/null |
      sed -E 's, \(deleted\)$,,; s,^/proc/([0-9]+)/fd/[0-9]+ .*/,\1 /dev/,'
    grep -soE '/nvidia([0-9]+|ctl|-uvm|-uvm-tools|-modeset)( \(deleted\))?$' /proc/[0-9]*/maps |
      sed -E 's, \(deleted\)$,,; s,^/proc/([0-9]+)/maps:,\1 /dev,'
  )
  for name in $(module_users nvidia); do
    case $name in nvidia_uvm | nvidia_drm | nvidia_modeset | nvidia_peermem) ;; *) echo "module - nvidia $name" ;; esac
  done
}

# module_users MODULE: the modules that need it; nothing where it is not loaded.
module_users() {
  lsmod | awk -v module="$1" '$1 == module { gsub(",", " ", $4); print $4 }'
}

# whose PID sets `kind` and `name`, which are the caller's. What runs in a login is no unit's, although user@UID.service
# is one; a container that Kubernetes does not know is no pod.
whose() {
  local group unit='' uid folder
  group=$(cat "/proc/$1/cgroup" 2>/dev/null) && [ -n "$group" ] || return 1
  if uid=$(pod_uid "$group"); then
    kind=pod name=$uid
    for folder in /var/log/pods/*_"$uid"; do # NAMESPACE_NAME_UID: no name of Kubernetes' has a _
      if [ -d "$folder" ]; then
        name=${folder##*/} name=${name%_*} name=${name/_//}
      fi
    done
    return 0
  fi
  unit=$(grep -E '^[0-9]+:(name=systemd)?:/system\.slice/' <<<"$group" | grep -oE '[^/]+\.service' | head -n 1) || true
  if [ -n "$unit" ]; then
    kind=service name=$unit
  else
    kind=process name=$(cat "/proc/$1/comm" 2>/dev/null) || return 1
    name=${name:-unknown}
  fi
}

# pod_uid CGROUP: cgroupfs writes kubepods/burstable/podUID, systemd kubepods-burstable-podUID.slice with _ for -; a
# static pod's uid is a sum.
pod_uid() {
  local uid
  uid=$(grep -oE 'kubepods[^:]*[/-]pod[0-9a-f]{8}[0-9a-f_-]+' <<<"$1" | head -n 1)
  [ -n "$uid" ] || return 1
  uid=${uid##*pod}
  echo "${uid//_/-}"
}

# Those of a list of holders that a change of the driver may not stop: strangers, and units that are nobody's of ours.
gpu_strangers() {
  local kind pid device name
  while read -r kind pid device name; do
    case $kind in
      '' | pod) ;;
      service) case " ${gpu_units[*]} " in *" $name "*) ;; *) echo "$name (pid $pid) holds $device" ;; esac ;;
      module) echo "the module $name uses $device" ;;
      *) echo "$name (pid $pid) holds $device" ;;
    esac
  done <<<"$1"
}
