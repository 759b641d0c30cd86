# What base_os's goals call beyond the makers' functions. base_os_probe_* change nothing.

base_os_probe_hostname() {
  local kept=none running
  if [ -r /etc/hostname ]; then kept=$(</etc/hostname); fi
  running=$(</proc/sys/kernel/hostname)
  if [ "$kept" = "$running" ]; then echo "$running"; else echo "$running, $kept after a boot"; fi
}

# Without hostnamectl: that needs D-Bus, which a small system lacks.
base_os_apply_hostname() {
  printf '%s\n' "$1" >/etc/hostname.clustr-new
  mv -f -- /etc/hostname.clustr-new /etc/hostname
  relabel /etc/hostname
  printf '%s\n' "$1" >/proc/sys/kernel/hostname
}

# cloud-init may write hostname and /etc/hosts anew at each boot.
base_os_probe_cloud_init() {
  if [ -d /etc/cloud/cloud.cfg.d ] && [ ! -f /etc/cloud/cloud.cfg.d/99-clustr.cfg ]; then
    echo "cloud-init may rename"
  else
    echo kept
  fi
}

base_os_apply_cloud_init() {
  if [ ! -d /etc/cloud/cloud.cfg.d ]; then return; fi
  printf '# Written by clustr.\npreserve_hostname: true\nmanage_etc_hosts: false\n' \
    >/etc/cloud/cloud.cfg.d/99-clustr.cfg
}

base_os_probe_hosts() {
  local block=
  if [ -e /etc/hosts ]; then
    block=$(awk '/^# clustr begin$/ { inside = 1 } inside { print } /^# clustr end$/ { inside = 0 }' /etc/hosts)
  fi
  echo "${block:-absent}"
}

# The lines on stdin take the place of the block between the markers; without lines the block goes.
base_os_apply_hosts() {
  local block new=/etc/hosts.clustr-new
  block=$(cat)
  if [ ! -e /etc/hosts ]; then : >/etc/hosts; fi
  cp -p -- /etc/hosts "$new"
  awk '
    /^# clustr begin$/ { inside = 1; held = ""; next }
    /^# clustr end$/ { inside = 0; next }
    inside { held = held $0 "\n"; next }
    { print }
    END { if (inside) printf "%s", held }
  ' /etc/hosts >"$new"
  if [ -n "$block" ]; then
    # A last line without its end would swallow the first of ours.
    if [ -s "$new" ] && [ -n "$(tail -c 1 -- "$new")" ]; then echo >>"$new"; fi
    printf '%s\n' "$block" >>"$new"
  fi
  mv -f -T -- "$new" /etc/hosts
  relabel /etc/hosts
}

base_os_reload_network_manager() {
  if systemctl is-active --quiet NetworkManager.service; then systemctl reload NetworkManager.service; fi
}

# Those that are there now; before k3s has made any there is nothing to see.
base_os_probe_pod_interfaces() {
  local devices managed=
  if systemctl is-active --quiet NetworkManager.service; then
    devices=$(nmcli -t -f DEVICE,STATE device) || return
    managed=$(awk -F: '$1 ~ /^(cni|flannel|veth)/ && $2 != "unmanaged" { print $1 }' <<<"$devices")
  fi
  echo "${managed:-not managed by NetworkManager}"
}

base_os_probe_off() {
  local unit state found=
  for unit in "$@"; do
    state=$(systemctl show -p UnitFileState --value -- "$unit") || return
    case $state in enabled*) found+="$unit $state"$'\n' ;; esac
  done
  echo "${found:-off}"
}

base_os_probe_swap() {
  local active
  active=$(awk 'NR > 1 { print $1 }' /proc/swaps)
  echo "${active:-off}"
}

# What would bring swap back at the next boot: lines of fstab, units of generators, services that make swap. systemd looks
# at the state of every unit that it lists, half a second for all of them; that of basic.target is there everywhere, so a
# list without it is a failure.
base_os_swap_at_boot() {
  local units
  if [ -e /etc/fstab ]; then awk '!/^[[:space:]]*#/ && $3 == "swap" { print "fstab: " $1 }' /etc/fstab || return; fi
  units=$(systemctl list-unit-files --no-legend '*.swap' zramswap.service dphys-swapfile.service basic.target) || return
  awk '
    $1 ~ /[.]swap$/ && $2 != "masked" { print "unit: " $1 }
    $1 ~ /^(zramswap|dphys-swapfile)[.]service$/ && $2 == "enabled" { print "unit: " $1 }
  ' <<<"$units"
}

base_os_probe_swap_at_boot() {
  local found
  found=$(base_os_swap_at_boot)
  echo "${found:-none}"
}

# What is masked is noted, for undo. Units that systemd made from fstab are gone once its lines are comments.
base_os_apply_swap_at_boot() {
  local found kind name
  if [ -e /etc/fstab ]; then
    cp -p -- /etc/fstab /etc/fstab.clustr-new
    awk '!/^[[:space:]]*#/ && $3 == "swap" { print "#clustr# " $0; next } { print }' /etc/fstab >/etc/fstab.clustr-new
    mv -f -T -- /etc/fstab.clustr-new /etc/fstab
    relabel /etc/fstab
    systemctl daemon-reload
  fi
  found=$(base_os_swap_at_boot)
  while read -r kind name; do
    if [ "$kind" = unit: ]; then
      printf '%s\n' "$name" >>/var/lib/clustr/swap-masked
      systemctl mask -- "$name"
    fi
  done <<<"$found"
}

base_os_undo_swap_at_boot() {
  local name
  if [ -e /etc/fstab ]; then sed -i 's/^#clustr# //' /etc/fstab; fi
  if [ -e /var/lib/clustr/swap-masked ]; then
    while read -r name; do systemctl unmask -- "$name"; done </var/lib/clustr/swap-masked
    rm -f -- /var/lib/clustr/swap-masked
  fi
  systemctl daemon-reload
}

# Our rules for one source carry it in their comment.
base_os_ufw_rules() {
  local rules
  rules=$(ufw show added) || return
  sed -n "s/^ufw \(.*\) comment 'clustr ${1//\//\\/}'\$/\1/p" <<<"$rules" | sort
}

base_os_probe_ufw() {
  local found
  found=$(base_os_ufw_rules "$1")
  echo "${found:-absent}"
}

# The rules on stdin take the place of ours for this source.
base_os_apply_ufw() {
  local wanted found rule words
  wanted=$(cat)
  found=$(base_os_ufw_rules "$1")
  while read -r rule; do
    if [ -z "$rule" ] || grep -qxF -- "$rule" <<<"$wanted"; then continue; fi
    read -ra words <<<"$rule"
    if [ "${words[0]}" = route ]; then ufw route delete "${words[@]:1}"; else ufw delete "${words[@]}"; fi
  done <<<"$found"
  while read -r rule; do
    if [ -z "$rule" ] || grep -qxF -- "$rule" <<<"$found"; then continue; fi
    read -ra words <<<"$rule"
    ufw "${words[@]}" comment "clustr $1"
  done <<<"$wanted"
}

base_os_probe_firewalld() {
  local known found
  known=$(firewall-cmd --get-policies)
  if grep -qw -- "$1" <<<"$known"; then
    found=$(firewall-cmd --policy="$1" --list-rich-rules)
    sort <<<"$found"
  else
    echo absent
  fi
}

# The places and programs of the system's trust: update-ca-certificates(8), update-ca-trust(8).
base_os_trust_in() {
  case $1 in
    apt) echo /usr/local/share/ca-certificates ;;
    dnf) echo /etc/pki/ca-trust/source/anchors ;;
  esac
}

base_os_update_trust() {
  case $1 in
    apt) update-ca-certificates >/dev/null ;;
    dnf) update-ca-trust extract ;;
  esac
}

# Each certificate of the file has to be in the bundle that programs read.
base_os_probe_trust() {
  local bundle=/etc/ssl/certs/ca-certificates.crt sum from
  if [ "$1" = dnf ]; then bundle=/etc/pki/tls/certs/ca-bundle.crt; fi
  from=$(base_os_trust_in "$1")
  if ! sum=$(cat -- "$from"/clustr-artifacts-*.crt 2>/dev/null); then
    echo absent
    return
  fi
  sum=$(sha256sum <<<"$sum")
  if [ "${sum%% *}" != "$2" ]; then
    echo "another CA"
  elif [ ! -r "$bundle" ] || ! awk '
      FNR == NR { if (/BEGIN CERT/) body = ""; else if (/END CERT/) known[body] = 1; else body = body $0; next }
      /BEGIN CERT/ { body = ""; next }
      /END CERT/ { if (!(body in known)) lost = 1; next }
      { body = body $0 }
      END { exit lost }
    ' "$bundle" "$from"/clustr-artifacts-*.crt; then
    echo "not in the bundle"
  else
    echo trusted
  fi
}

# A file for each certificate: OpenSSL's index of the folder leaves out files of several.
base_os_apply_trust() {
  local from
  from=$(base_os_trust_in "$1")
  mkdir -p -- "$from"
  rm -f -- "$from"/clustr-artifacts-*.crt
  awk -v to="$from/clustr-artifacts-" '
    BEGIN { file = to "01.crt" }
    { print >file }
    /-----END CERTIFICATE-----/ { close(file); number++; file = to sprintf("%02d.crt", number + 1) }
  '
  chmod 0644 -- "$from"/clustr-artifacts-*.crt
  base_os_update_trust "$1"
}

base_os_undo_trust() {
  rm -f -- "$(base_os_trust_in "$1")"/clustr-artifacts-*.crt
  base_os_update_trust "$1"
}
