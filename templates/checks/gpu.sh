# What a node with GPUs is, a line each. On a node without them the bus is all that is told. Begins with the functions of
# remote/gpu_bridges.sh.
# shellcheck shell=bash
shopt -s nullglob

# needs PROGRAM...: without one of them nothing is told, for half of it would look like a node without GPUs.
needs() {
  local program
  for program in "$@"; do
    if ! command -v "$program" >/dev/null; then
      echo "$program: command not found" >&2
      exit 127
    fi
  done
}

# value FILE
value() {
  local line=
  if [ -r "$1" ]; then IFS= read -r line <"$1"; fi
  printf '%s' "${line:--}"
}

# bus: a line for each function, and the GPUs' slots into the caller's `slots`.
bus() {
  local path driver switches vendor kind
  for path in /sys/bus/pci/devices/*; do
    if ! [ -r "$path/vendor" ]; then continue; fi
    driver=$(readlink "$path/driver") || driver=-
    switches=no
    vendor=$(value "$path/vendor")
    kind=$(value "$path/class")
    case $vendor:$kind in 0x10de:0x030[02]*) slots+=("${path##*/}") ;; esac
    case $vendor:$(value "$path/device") in
      0x15b3:0x1021) if timeout 5 grep -qa SW_MNG "$path/vpd"; then switches=yes; fi ;;
    esac
    echo "pci ${path##*/} $vendor $(value "$path/device") $kind ${driver##*/}" \
      "$(value "$path/subsystem_vendor"):$(value "$path/subsystem_device") $switches"
  done
}

# What the boot loader says of the kernel that it starts, in the words of facts.sh.
boot_loader() {
  local path
  if command -v grubby >/dev/null; then echo "grubby $(grubby --default-kernel)"; fi
  for path in /boot/grub/grub.cfg /boot/grub2/grub.cfg; do
    if [ -r "$path" ]; then
      echo "grub $(grep -E '^[[:space:]]*(set default=|menuentry |submenu |linux(efi|16)?[[:space:]]|})' "$path" | base64 -w0)"
    fi
  done
  for path in /boot/grub/grubenv /boot/grub2/grubenv; do
    if [ -r "$path" ]; then echo "grubenv $(base64 -w0 "$path")"; fi
  done
  for path in /vmlinuz /boot/vmlinuz; do
    if [ -L "$path" ]; then echo "link $(readlink "$path")"; fi
  done
  for path in /boot/vmlinuz-*; do echo "image $path"; done
}

modules() {
  local list kernel file
  for list in /lib/modules/*/modules.dep; do
    kernel=${list%/*}
    while IFS=: read -r file _; do
      case $file in /*) ;; *) file=$kernel/$file ;; esac
      echo "module ${kernel##*/} $(modinfo -F version "$file")"
    done < <(grep -E '^([^:]*/)?nvidia(-current(-open)?|-tesla[^/:]*)?[.]ko' "$list")
  done
}

# Of the stack's packages those that have a version of the driver's: tools have their own.
packages() {
  local patterns=('nvidia-*' 'libnvidia-*' 'libcuda1*' 'libnvsdm*' 'kmod-nvidia*' 'cuda-drivers*')
  local name locked pattern state
  if command -v dpkg-query >/dev/null; then
    dpkg-query -W -f 'package ${Package} ${Version} ${db:Status-Want} ${db:Status-Status}\n' "${patterns[@]}" |
      awk '$5 == "installed" { print $1, $2, $3, $4 == "hold" ? "held" : "free" }'
    return
  fi
  while read -r name version locked; do
    state=free
    while read -r pattern; do
      # shellcheck disable=SC2053 # it is a pattern
      if [[ $locked == $pattern ]]; then state=held; fi
    done < <(grep -v '^ *#' /etc/dnf/plugins/versionlock.list)
    echo "package $name $version $state"
  done < <(rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE} %{NAME}-%|EPOCH?{%{EPOCH}}:{0}|:%{VERSION}-%{RELEASE}.%{ARCH}\n' "${patterns[@]}")
}

main() {
  local path slots=()
  bus
  if grep -qx 0x10de /sys/bus/pci/devices/*/vendor; then
    gpu_bridges "${slots[@]}" | sed 's/^/bridge /'
    if [ -r /proc/driver/nvidia/version ]; then echo "loaded $(value /proc/driver/nvidia/version)"; fi
    if [ -d /sys/module/nouveau ]; then echo nouveau; fi
    for path in /dev/nvidia*; do echo "node ${path#/dev/}"; done
    # Debian's own lies deeper: /usr/lib/x86_64-linux-gnu/nvidia/current.
    for path in /usr/lib{,64}/libnvidia-ml.so.*.* /usr/lib/*/libnvidia-ml.so.*.* /usr/lib/*/nvidia/*/libnvidia-ml.so.*.*; do
      echo "library ${path##*/libnvidia-ml.so.}"
    done
    for path in /var/run/cdi/*nvidia* /etc/cdi/*nvidia*; do
      grep -soE '/dev/nvidia[0-9]+|[.]so[.][0-9]{3}([.][0-9]+)+' "$path" | sort -u | sed "s|^|cdi $path |"
    done
    for path in /var/lib/kubelet/plugins_registry/gpu.nvidia.com*-reg.sock; do
      if [ -S "$path" ]; then echo dra; fi
    done
    modules
    boot_loader
    packages
  fi
  echo end
}
needs awk base64 grep modinfo od readlink sed sort timeout
main 2>/dev/null
