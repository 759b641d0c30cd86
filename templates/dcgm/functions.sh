# What the goals of dcgm call. The probes change nothing.

dcgm_old=datacenter-gpu-manager
dcgm_exporter=datacenter-gpu-manager-exporter
dcgm_lists=/etc/dcgm-exporter

# dcgm_version PACKAGE: of an installed package; nothing where it is not installed.
dcgm_version() {
  if command -v dpkg-query >/dev/null; then
    dpkg-query -W -f='${db:Status-Status} ${Version}\n' -- "$1" 2>/dev/null | sed -n 's/^installed //p' || true
  elif rpm -q --quiet -- "$1"; then
    rpm -q --qf '%{VERSION}\n' -- "$1"
  fi
}

dcgm_probe_old() {
  local version
  version=$(dcgm_version "$dcgm_old")
  if [ -n "$version" ]; then echo "$dcgm_old $version"; else echo none; fi
}

# DCGM 4's core conflicts with it, and its service holds the devices. apt and run_dnf are those of engine/apt.sh, dnf.sh.
dcgm_remove_old() {
  systemctl stop nvidia-dcgm.service || true # it may not be there
  if command -v apt-get >/dev/null; then
    DEBIAN_FRONTEND=noninteractive apt --allow-change-held-packages remove -- "$dcgm_old"
  else
    run_dnf --disableplugin=versionlock remove -- "$dcgm_old"
  fi
}

# dcgm_list: the list that the installed exporter understands. Its version is the last of three numbers: older packages
# have DCGM's own before it (4.6.0-4.8.3).
dcgm_list() {
  local version minor
  version=$(dcgm_version "$dcgm_exporter" | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | tail -n 1 || true)
  if [ -z "$version" ]; then return; fi
  minor=${version#*.} minor=${minor%%.*}
  if [ "${version%%.*}" -gt 4 ] || { [ "${version%%.*}" = 4 ] && [ "$minor" -ge 9 ]; }; then
    echo "$dcgm_lists/clustr-4.9.csv"
  else
    echo "$dcgm_lists/clustr-4.8.csv"
  fi
}

dcgm_probe_counters() {
  local list
  list=$(dcgm_list)
  if [ -z "$list" ]; then
    echo "no exporter"
  elif [ "$(readlink -- "$dcgm_lists/clustr.csv" 2>/dev/null || true)" = "$list" ]; then
    echo "in use"
  else
    echo "of another version"
  fi
}

dcgm_apply_counters() {
  local list
  list=$(dcgm_list)
  if [ -z "$list" ]; then
    echo "$dcgm_exporter is not installed" >&2
    return 1
  fi
  ln -sfn -- "$list" "$dcgm_lists/clustr.csv"
  systemctl try-restart nvidia-dcgm-exporter.service
}
