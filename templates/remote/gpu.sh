#!/bin/bash
# What a machine with GPUs of NVIDIA's, or with ports of an RDMA fabric, says of them: functions that facts.sh calls where
# it has found such a device. Changes nothing and starts nothing of NVIDIA's.

# link_name LINK: the last part of where it leads, "-" where there is none.
link_name() {
  local leads
  if leads=$(readlink "$1"); then printf '%s' "${leads##*/}"; else printf -- -; fi
}

# pci_detail SLOT...: driver, NUMA node, board, whether it manages NVSwitches, and its RDMA device, which is there only once
# its driver is loaded. The board of a B200 shows no switch of its own: the vital product data of its ConnectX-7 bridges
# (15b3:1021) says SW_MNG (Fabric Manager guide).
pci_detail() {
  local slot folder vendor device numa switches path
  local -A rdma=()
  for path in /sys/class/infiniband/*; do
    if [ -e "$path" ]; then rdma[$(link_name "$path/device")]=${path##*/}; fi
  done
  for slot in "$@"; do
    folder=/sys/bus/pci/devices/$slot
    vendor=$(first_line "$folder/subsystem_vendor")
    device=$(first_line "$folder/subsystem_device")
    switches=no
    case $(first_line "$folder/vendor"):$(first_line "$folder/device") in
      0x15b3:0x1021) if timeout 5 grep -qa SW_MNG "$folder/vpd"; then switches=yes; fi ;;
    esac
    numa=$(first_line "$folder/numa_node")
    say pci_detail "$slot $(link_name "$folder/driver") ${numa:--1} ${vendor:--}:${device:--} $switches ${rdma[$slot]:--}"
  done
}

gpu() {
  gpu_modules
  gpu_firmware
  gpu_packages
  say boot_free_kb "$(df -Pk /boot | awk 'NR == 2 { print $4 }')"
  say initrd "$(stat -c %s /boot/initr* | sort -n | tail -n 1)"
  if compgen -G '/sys/kernel/iommu_groups/*' >/dev/null; then say iommu yes; fi
  gpu_acs "$@"
  if [ -d /usr/local/nvidia/toolkit ]; then say toolkit_left yes; fi
  gpu_held
}

# What is loaded, and what there is to load for each installed kernel. Debian calls its module nvidia-current.
gpu_modules() {
  local kernel file files=()
  if [ -r /proc/driver/nvidia/version ]; then encode nvidia_loaded </proc/driver/nvidia/version; fi
  if [ -d /sys/module/nouveau ]; then say nouveau yes; fi
  if [ -d /sys/module/nvidia_peermem ]; then say peermem yes; fi
  for kernel in $(for_kernels ''); do
    if [ -e "/lib/modules/$kernel/build/Makefile" ]; then say headers "$kernel"; fi
    if [ ! -r "/lib/modules/$kernel/modules.dep" ]; then continue; fi
    while read -r file; do
      case $file in /*) ;; *) file=/lib/modules/$kernel/$file ;; esac
      if [ -e "$file" ]; then
        files+=("$file")
        say nvidia_module "$kernel $file $(owner_of "$file")"
      fi
    done < <(awk -F: '$1 ~ /(^|\/)nvidia(-current(-open)?|-tesla[^\/]*)?[.]ko([.][a-z0-9]+)?$/ { print $1 }' "/lib/modules/$kernel/modules.dep")
  done
  if [ ${#files[@]} -gt 0 ]; then modinfo -- "${files[@]}" | grep -E '^(filename|version|license|signer):' | encode modinfo; fi
  if command -v dkms >/dev/null; then timeout 10 dkms status | encode dkms; fi
  # NVIDIA's installer leaves its own remover; the GPU Operator's driver container has its root file system there.
  if [ -e /usr/bin/nvidia-uninstall ] && ! packaged /usr/bin/nvidia-uninstall; then say runfile yes; fi
  if [ -d /run/nvidia/driver/usr ] || [ -d /run/nvidia/driver/bin ]; then say driver_container yes; fi
}

# packaged PATH...: whether one of them is a package's.
packaged() {
  local path
  if command -v dpkg-query >/dev/null; then
    [ -n "$(dpkg-query -S -- "$@")" ]
    return
  fi
  for path in "$@"; do
    if rpm -qf -- "$path" >/dev/null; then return; fi
  done
  return 1
}

# owner_of MODULE: package or unknown. What DKMS built belongs to whoever brought its source, /usr/src/NAME-VERSION;
# what Ubuntu's linux-modules-nvidia links together lies in a folder of that package. Packages may name a file by either
# path where /lib is a link to /usr/lib.
owner_of() {
  local link paths=("$1" "/usr$1")
  case $1 in
    */updates/* | */extra/* | */weak-updates/*)
      for link in /var/lib/dkms/nvidia*/*/source; do paths+=("$(readlink "$link")/dkms.conf"); done
      ;;
    */kernel/nvidia-*) paths+=("${1%/*}" "/usr${1%/*}") ;;
  esac
  if packaged "${paths[@]}"; then printf package; else printf unknown; fi
}

# The variable is four bytes of attributes, then the value. With shim's validation switched off the kernel takes Secure Boot
# for off (Linux, drivers/firmware/efi/libstub/secureboot.c).
gpu_firmware() {
  local path value=''
  if [ ! -d /sys/firmware/efi ]; then
    say secure_boot off
    return
  fi
  for path in /sys/firmware/efi/efivars/SecureBoot-*; do
    if [ -r "$path" ]; then value=$(od -An -tu1 -j4 -N1 "$path"); fi
  done
  for path in /sys/firmware/efi/efivars/MokSBStateRT-*; do
    if [ -r "$path" ] && [ "$(od -An -tu1 -j4 -N1 "$path" | tr -d ' ')" = 1 ]; then value=0; fi
  done
  case ${value// /} in
    1) say secure_boot on ;;
    0) say secure_boot off ;;
    '') if compgen -G '/sys/firmware/efi/efivars/*' >/dev/null; then say secure_boot off; fi ;;
  esac
}

gpu_packages() {
  if command -v dpkg-query >/dev/null && command -v apt-cache >/dev/null; then
    apt_packages
  elif command -v dnf >/dev/null; then
    dnf_packages
  fi
}

# Whoever made them: where one version of a part is there, another part has to have the same.
stack=('nvidia-*' 'libnvidia-*' 'libcuda1*' 'libcuda-*' 'cuda-*' 'datacenter-gpu-manager*' 'linux-modules-nvidia-*'
  'linux-objects-nvidia-*' 'kmod-nvidia*' 'libnvsdm*' nvlsm 'doca-*' 'mlnx-ofed*')

apt_packages() {
  local installed names
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Version} ${db:Status-Want}\n' "${stack[@]}" |
    awk '$1 != "not-installed" && $1 != "config-files" { print $2 " " $3 " " ($4 == "hold" ? "held" : "free") }')
  while read -r names; do
    if [ -n "$names" ]; then say gpu_package "$names"; fi
  done <<<"$installed"
  if ! compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null; then return; fi
  for_kernels candidate=linux-headers-
  mapfile -t names < <(awk '{ print $1 }' <<<"$installed" && apt_names)
  # Places come with the origin that their Release files state, then versions with their places.
  { timeout 10 apt-cache policy && echo ::names && timeout 10 apt-cache policy -- "${names[@]}"; } | awk '
    function told(word) { print word "=" name " " origin[place] }
    $1 == "::names" { asked = 1 }
    $1 ~ /^-?[0-9]+$/ && $2 !~ /^-?[0-9]+$/ {
      $1 = ""; place = $0
      if (here && place in origin) { told("origin"); here = 0 }
      if (offered && place in origin) { told("candidate_origin"); offered = 0 }
      next
    }
    !asked && $1 == "release" && match($0, /o=[^,]+/) { origin[place] = substr($0, RSTART + 2, RLENGTH - 2) }
    asked && /^[^ ]+:$/ { name = substr($1, 1, length($1) - 1); here = offered = 0; candidate = "" }
    asked && $1 == "Candidate:" && $2 != "(none)" { candidate = $2; print "candidate=" name " " candidate }
    asked && $NF ~ /^-?[0-9]+$/ { here = ($1 == "***"); offered = ($(NF - 1) == candidate) }'
}

# for_kernels WORD: the word with the release of each installed kernel behind it.
for_kernels() {
  local folder
  for folder in /lib/modules/*/; do
    folder=${folder%/}
    echo "$1${folder##*/}"
  done
}

# What a driver may be called, and what one is built with, for the kernels that are installed; and runtimes.
apt_names() {
  local kernels
  printf '%s\n' containerd docker.io
  for_kernels linux-headers-
  kernels=$(for_kernels '' | paste -sd'|')
  apt-cache pkgnames nvidia- | grep -Ex 'nvidia-(open|smi|driver|driver-cuda|persistenced|fabricmanager(-[0-9]+)?|((open-)?kernel|kernel-open)-dkms|headless(-no-dkms)?(-[0-9]+)?(-server)?(-open)?|dkms(-[0-9]+)?(-server)?(-open)?|utils-[0-9]+(-server)?)'
  apt-cache pkgnames linux-modules-nvidia- | grep -E -- "-(${kernels//[.+]/.})\$"
}

# Of versions the newest, but of what modules are built with every one. What dnf has read already has to do.
dnf_packages() {
  local name version locked pattern state locks=()
  if [ -r /etc/dnf/plugins/versionlock.list ]; then
    mapfile -t locks < <(grep -vE '^[[:space:]]*(#|$)' /etc/dnf/plugins/versionlock.list)
  fi
  while read -r name version locked; do
    state=free
    for pattern in "${locks[@]}"; do
      # shellcheck disable=SC2053 # it is a pattern
      if [[ $locked == $pattern ]]; then state=held; fi
    done
    say gpu_package "$name $version $state"
  done < <(rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE} %{NAME}-%|EPOCH?{%{EPOCH}}:{0}|:%{VERSION}-%{RELEASE}.%{ARCH}\n' "${stack[@]}")
  timeout 10 dnf -q -C repoquery --installed --qf 'origin=%{name} %{from_repo}' "${stack[@]}" | grep '^origin='
  if timeout 10 dnf -q -C repoquery --qf 'candidate=%{name}-%{version}-%{release}.%{arch} %{version}-%{release}' \
    'kernel*-devel' | grep '^candidate='; then
    for_kernels '' | sed -E 's/^(.*)[+](.*)$/kernel-\2-devel-\1/; t end; s/^/kernel-devel-/; :end s/^/candidate=/'
    rpm -q dkms >/dev/null || echo candidate=dkms
  fi
  timeout 10 dnf -q -C repoquery --latest-limit=1 --qf 'candidate=%{name} %{version}-%{release}' \
    dkms nvidia-open nvidia-driver-cuda cuda-drivers 'kmod-nvidia*' | grep '^candidate='
}

# Whether a bridge above one of these redirects what its devices say to each other. Where none can be read nothing is said.
gpu_acs() {
  local told
  told=$(gpu_bridges "$@")
  case $told in
    *' on'*) say acs on ;;
    *' off'*) say acs off ;;
  esac
}

# By engine/gpu_holders.sh: what stops them asks the same.
gpu_held() {
  if compgen -G '/dev/nvidia*' >/dev/null || [ -r /proc/driver/nvidia/version ]; then gpu_holders | sed 's/^/holder=/'; fi
  say holders told
}

# Who hands GPUs out in this cluster. The API's own paths: they need no look at all that it serves. Versions of
# resource.k8s.io by https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
kube_gpu() {
  local version found kubectl=(timeout 5 /usr/local/bin/k3s kubectl --cache-dir="$1" get)
  if found=$("${kubectl[@]}" --raw /apis/nvidia.com/v1/clusterpolicies); then encode cluster_policies <<<"$found"; fi
  for version in v1 v1beta2 v1beta1; do
    found="/apis/resource.k8s.io/$version/resourceslices?limit=1&fieldSelector=spec.driver%3Dgpu.nvidia.com"
    if found=$("${kubectl[@]}" --raw "$found"); then
      encode resource_slices <<<"$found"
      return
    fi
  done
}
