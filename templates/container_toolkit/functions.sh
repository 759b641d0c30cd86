# What container_toolkit's goals call: container_toolkit_probe_* change nothing.

# container_toolkit_probe_apt VERSION NAME...
container_toolkit_probe_apt() {
  local wanted=$1 name
  shift
  for name in "$@"; do
    dpkg-query -W -f='${Package} ${Version} ${db:Status-Want} ${db:Status-Status}\n' -- "$name" 2>/dev/null || true
  done | awk '$4 == "installed" { print $1, $2, $3 == "hold" ? "held" : "" }' | container_toolkit_sum_up "$wanted" $#
}

container_toolkit_probe_dnf() {
  local wanted=$1 name version
  shift
  for name in "$@"; do
    version=$(rpm -q --qf '%{VERSION}-%{RELEASE}' -- "$name") || continue
    if [ "$(probe_packages --hold "$name")" = held ]; then version+=" held"; fi
    echo "$name $version"
  done | container_toolkit_sum_up "$wanted" $#
}

# container_toolkit_sum_up VERSION COUNT, on stdin a line for each package that is there: NAME VERSION [held].
container_toolkit_sum_up() {
  awk -v wanted="$1" -v count="$2" '
    { there++; if ($2 == wanted && $3 == "held") right++; listed = listed (listed ? ", " : "") $0 }
    END { print !there ? "absent" : right == count ? wanted ", held" : listed }'
}

container_toolkit_apply_apt() {
  local version=$1
  shift
  begin_packages
  apt install --no-install-recommends --allow-change-held-packages --allow-downgrades -- "${@/%/=$version}"
  apt-mark hold -- "$@"
}

container_toolkit_apply_dnf() {
  local version=$1
  shift
  apply_packages "${@/%/-$version}"
  lock_packages "$@"
}

container_toolkit_probe_mode() {
  local config=/etc/nvidia-container-runtime/config.toml
  if [ ! -r "$config" ]; then
    echo absent
    return
  fi
  awk -F '"' '/^\[/ { section = $0 } section == "[nvidia-container-runtime]" && /^mode *=/ { print $2 }' "$config"
}

container_toolkit_probe_devices() {
  local name found=
  for name in nvidiactl nvidia-uvm; do
    if [ -c "/dev/$name" ]; then found+="${found:+, }$name"; fi
  done
  echo "${found:-absent}"
}

container_toolkit_make_devices() {
  if command -v nvidia-modprobe >/dev/null; then
    nvidia-modprobe -u -c=0
  else
    nvidia-ctk --quiet system create-device-nodes --control-devices --load-kernel-modules
  fi
}

# The spec names the driver's libraries by their version: libcuda.so.580.105.08.
container_toolkit_probe_cdi() {
  local loaded named
  if [ ! -r /proc/driver/nvidia/version ]; then
    echo "no driver is loaded"
    return
  fi
  if [ ! -r /var/run/cdi/nvidia.yaml ]; then
    echo absent
    return
  fi
  loaded=$(loaded_gpu_version)
  named=$(grep -oE 'libcuda\.so\.[0-9]+\.[0-9]+(\.[0-9]+)?' /var/run/cdi/nvidia.yaml | sort -u | sed 's/^libcuda\.so\.//')
  if [ "$named" = "$loaded" ]; then echo "of the loaded driver"; else echo "of ${named:-no driver}, while $loaded is loaded"; fi
}

# container_toolkit_other_specs: those in /etc/cdi that somebody had nvidia-ctk write. They name the libraries of the driver
# of that day, no change of the driver writes them anew, and runtimes read them beside the toolkit's own.
container_toolkit_other_specs() {
  local path
  for path in /etc/cdi/*.yaml /etc/cdi/*.json; do
    if [ -f "$path" ] && grep -qE 'libcuda\.so\.[0-9]+\.' "$path" && grep -qE 'nvidia-(ctk|cdi-hook)' "$path"; then
      echo "$path"
    fi
  done
}

container_toolkit_probe_other_specs() {
  local found
  found=$(container_toolkit_other_specs)
  echo "${found:-none}"
}

container_toolkit_set_specs_aside() {
  local path
  while read -r path; do
    if [ -n "$path" ]; then set_aside cdi-aside "$path"; fi
  done < <(container_toolkit_other_specs)
}

container_toolkit_restore_specs() {
  restore_aside cdi-aside
}

container_toolkit_refresh_cdi() {
  local found
  systemctl daemon-reload
  systemctl reset-failed nvidia-cdi-refresh.service 2>/dev/null || true
  timeout 120 systemctl restart nvidia-cdi-refresh.service || true
  found=$(container_toolkit_probe_cdi)
  if [ "$found" != "of the loaded driver" ]; then
    systemctl status --no-pager --lines=20 nvidia-cdi-refresh.service >&2 || true
    echo "nvidia-cdi-refresh left a CDI spec that is of no use: $found" >&2
    return 1
  fi
}
