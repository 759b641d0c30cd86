# What the goals of k3s_server and k3s_agent call. The probes change nothing.

k3s_etcd=/var/lib/rancher/k3s/server/db/etcd/member

# k3s_probe_token FILE CA: access, and the sha256 of the password alone. K10CA::user:PASSWORD and PASSWORD are the same
# token, unless it pins another CA than the cluster has.
k3s_probe_token() {
  local token pinned=
  if [ ! -f "$1" ] || [ -L "$1" ]; then
    echo absent
    return
  fi
  token=$(<"$1")
  if [[ $token == K10*::*:* ]]; then pinned=${token#K10} pinned=${pinned%%::*}; fi
  if [ -n "$2" ] && [ -n "$pinned" ] && [ "$pinned" != "$2" ]; then
    echo "pins another CA"
    return
  fi
  stat -c '0%a %U:%G' -- "$1"
  printf %s "${token#K10*::*:}" | sha256sum | cut -d ' ' -f 1
}

# k3s_check_keys server|agent FILE: k3s only logs keys that it does not know, so they are refused here.
k3s_check_keys() {
  local flags unknown
  flags=$(/usr/local/bin/k3s "$1" --help | sed -nE 's/^ +(-.*)/\1/p' | sed -E 's/  .*//' | grep -oE -- '--[A-Za-z0-9-]+')
  unknown=$(sed -nE 's/^([^ #-][^:]*[^:+])\+?:.*/--\1/p' "$2" | grep -vxF -e "$flags" || true)
  if [ -n "$unknown" ]; then
    echo "k3s $1 has no such flag: ${unknown//$'\n'/ }; correct k3s.$1_config in the inventory" >&2
    return 1
  fi
}

# k3s_probe_founded FILE: the one that is there while it is founded.
k3s_probe_founded() {
  if [ -e "$1" ]; then
    echo "half founded"
  elif [ -d "$k3s_etcd" ]; then
    echo founded
  else
    echo absent
  fi
}

# k3s_found FILE new|finish: cluster-init is in force for one start only. k3s does nothing for it where etcd's data is on
# disk, so a founding that was cut is gone through again; `finish` does no more than that.
k3s_found() {
  local founding=$1
  if [ "$2" = finish ] && [ ! -d "$k3s_etcd" ]; then
    echo "the etcd data that was here is gone: look at $k3s_etcd, then run clustr again" >&2
    return 1
  fi
  install -d -m 0700 "${founding%/*}"
  (umask 077 && printf 'cluster-init: true\nserver: ""\n' >"$founding.new")
  mv -f -- "$founding.new" "$founding"
  echo "::status founding the cluster"
  systemctl daemon-reload
  restart_unit k3s.service
  k3s_wait_ready
  rm -f -- "$founding"
}

k3s_wait_ready() {
  local waited=0 answer=
  until [ "$answer" = ok ]; do
    if [ "$waited" -ge 300 ]; then
      echo "the API server does not say that it is ready after 5 minutes: ${answer:-no answer}" >&2
      return 1
    fi
    sleep 1
    waited=$((waited + 1))
    answer=$(/usr/local/bin/k3s kubectl get --raw /readyz --request-timeout=5s 2>/dev/null) || true
  done
}

# k3s_probe_nvidia UNIT: the program that the k3s that runs starts for the runtime class nvidia, by its own configuration.
k3s_probe_nvidia() {
  local config=/var/lib/rancher/k3s/agent/etc/containerd/config.toml program=
  if ! systemctl is-active --quiet -- "$1"; then
    echo "k3s does not run"
    return
  fi
  if [ -r "$config" ]; then
    program=$(sed -nE "/runtimes\.['\"]?nvidia['\"]?\.options\]/,/^\[/ s/^ *BinaryName *= *['\"]([^'\"]*).*/\1/p" "$config")
  fi
  echo "${program:-unknown to it}"
}

# k3s_find_nvidia UNIT PROGRAM: pods outlive a restart.
k3s_find_nvidia() {
  local found
  found=$(k3s_probe_nvidia "$1")
  if [ "$found" = "$2" ]; then return; fi # it was started after the toolkit came
  echo "::status restarting k3s, which looks for NVIDIA's runtime at its start"
  restart_unit "$1"
  found=$(k3s_probe_nvidia "$1")
  if [ "$found" != "$2" ]; then
    echo "k3s takes $found for NVIDIA's runtime, not $2: remove what a GPU Operator left in /usr/local/nvidia/toolkit" >&2
    return 1
  fi
}
