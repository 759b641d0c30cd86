# gpu_bridges SLOT...: every bridge above these PCI functions, with what it does to requests that its devices send to each
# other: "on" where it redirects them to the root (ACS's control word, bits 2 and 3; PCI Express Base Specification, "ACS
# Extended Capability"), "off", or "unknown" where its extended capabilities cannot be read.
# shellcheck shell=bash
gpu_bridges() {
  local slot path part
  local -A bridges=()
  for slot in "$@"; do
    path=$(readlink -f "/sys/bus/pci/devices/$slot") || continue
    for part in ${path//\// }; do
      if [[ $part =~ ^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}[.][0-7]$ ]] && [ "$part" != "$slot" ]; then bridges[$part]=; fi
    done
  done
  for part in "${!bridges[@]}"; do echo "$part $(bridge_redirects "/sys/bus/pci/devices/$part/config")"; done
}

# bridge_redirects FILE: on, off or unknown, by a function's configuration space.
bridge_redirects() {
  local bytes at=256 step told=off
  read -r -d '' -a bytes < <(od -An -v -tu1 -w4096 "$1")
  if [ ${#bytes[@]} -lt 4096 ]; then told=unknown at=0; fi
  for ((step = 0; step < 64 && at >= 256 && at <= 4088; step++)); do
    if [ $((bytes[at] | (bytes[at + 1] << 8))) = 13 ] && [ $((bytes[at + 6] & 12)) != 0 ]; then told=on; fi
    at=$(((bytes[at + 3] << 4) | (bytes[at + 2] >> 4)))
  done
  echo "$told"
}
