# What nvidia_driver's goals call: nvidia_driver_probe_* change nothing. Beside this, the file of the package manager.
# shellcheck disable=SC2154 # clustr is the engine's

nvidia_driver_scratch=$clustr/nvidia-driver

# nvidia_driver_probe_initramfs KERNEL: whether nouveau would be loaded before the file that forbids it can be read.
nvidia_driver_probe_initramfs() {
  local image listed
  for image in "/boot/initrd.img-$1" "/boot/initramfs-$1.img"; do
    if [ ! -e "$image" ]; then continue; fi
    if command -v lsinitramfs >/dev/null; then
      listed=$(lsinitramfs "$image")
    elif command -v lsinitrd >/dev/null; then
      listed=$(lsinitrd "$image")
    else
      continue
    fi
    case $listed in
      *etc/modprobe.d/clustr-nouveau.conf*) ;;
      */nouveau.ko*)
        echo "nouveau is in $image"
        return
        ;;
    esac
  done
  echo "without nouveau"
}

nvidia_driver_apply_initramfs() {
  echo "::status writing the initramfs of $1"
  if command -v update-initramfs >/dev/null; then
    update-initramfs -u -k "$1"
  else
    dracut --force --kver "$1"
  fi
}

# nvidia_driver_probe_option NAME VALUE: what the loaded module was given; nothing is loaded yet where it does not say.
nvidia_driver_probe_option() {
  local found
  if [ -r /proc/driver/nvidia/params ]; then
    found=$(sed -n "s/^$1: \"\\{0,1\\}\\([^\"]*\\)\"\\{0,1\\}\$/\\1/p" /proc/driver/nvidia/params)
    echo "${found:-not told}"
  else
    echo "$2"
  fi
}

# A unit without [Install], as Ubuntu's, is started by a udev rule and stops when nothing asks for it.
nvidia_driver_apply_at_boot() {
  apply_enabled "$1" enabled
  if [ "$(systemctl show -p UnitFileState --value -- "$1")" = static ]; then
    systemctl add-wants --quiet multi-user.target "$1"
    systemctl daemon-reload
  fi
}

# nvidia_driver_is_there: a driver that a failed change must leave as it is.
nvidia_driver_is_there() {
  [ -e /proc/driver/nvidia/version ] || [ -n "$(find /lib/modules -name 'nvidia.ko*' -o -name 'nvidia-current.ko*' | head -n 1)" ]
}

nvidia_driver_clean() {
  rm -rf -- "$nvidia_driver_scratch"
}

# nvidia_driver_try KERNEL: builds the modules whose source was unpacked below the scratch folder, in a tree of DKMS's that
# nothing else reads. A build that fails leaves the node as it was.
nvidia_driver_try() {
  local conf name version tree=$nvidia_driver_scratch/dkms
  for conf in "$nvidia_driver_scratch"/tree/usr/src/*/dkms.conf; do
    if [ ! -e "$conf" ]; then continue; fi
    name=$(nvidia_driver_dkms_word PACKAGE_NAME "$conf")
    version=$(nvidia_driver_dkms_word PACKAGE_VERSION "$conf")
    echo "::status trying the modules of $version for $1"
    mkdir -p -- "$tree"
    if ! dkms build -m "$name" -v "$version" -k "$1" --sourcetree "$nvidia_driver_scratch/tree/usr/src" --dkmstree "$tree"; then
      nvidia_driver_show_log "$tree/$name/$version/build/make.log"
      echo "the modules of $version do not build for the kernel $1: the driver stays as it was" >&2
      return 1
    fi
  done
}

nvidia_driver_dkms_word() {
  sed -n "s/^$1=\"\\{0,1\\}\\([^\"]*\\)\"\\{0,1\\}[[:space:]]*\$/\\1/p" "$2" | head -n 1
}

nvidia_driver_show_log() {
  if [ -r "$1" ]; then
    echo "the last lines of make.log:" >&2
    tail -n 15 -- "$1" >&2
  fi
}

# nvidia_driver_build KERNEL BRANCH: the installed source built for exactly this kernel, whichever runs now, and looked at.
nvidia_driver_build() {
  local conf name version found
  found=$(gpu_version_on_disk "$1")
  case $found in "$2" | "$2".*) return ;; esac
  for conf in /usr/src/nvidia*/dkms.conf; do
    if [ ! -e "$conf" ]; then continue; fi
    name=$(nvidia_driver_dkms_word PACKAGE_NAME "$conf")
    version=$(nvidia_driver_dkms_word PACKAGE_VERSION "$conf")
    case $version in "$2".*) ;; *) continue ;; esac
    echo "::status building the modules of $version for $1"
    if ! dkms install --force -m "$name" -v "$version" -k "$1"; then
      nvidia_driver_show_log "/var/lib/dkms/$name/$version/build/make.log"
      return 1
    fi
  done
  found=$(gpu_version_on_disk "$1")
  case $found in
    "$2".*) ;;
    *)
      echo "DKMS left ${found:-no module} for the kernel $1; wanted: branch $2" >&2
      return 1
      ;;
  esac
}

# nvidia_driver_of_branch BRANCH VERSION: holds too for what has no driver's version (nvlsm 2025.10, linux-modules 6.8).
nvidia_driver_of_branch() {
  case $2 in
    "$1".*) ;;
    [1-9][0-9][0-9].*) return 1 ;;
  esac
}

# nvidia_driver_tell BRANCH KERNEL ABSENT OTHER FREE: one line for a plan. Lists of names; OTHER is a version.
nvidia_driver_tell() {
  local found
  if [ -n "$4" ]; then
    echo "$4"
  elif [ "$3" = all ]; then
    echo absent
  elif [ -n "$3" ]; then
    echo "$1 without ${3# }"
  elif [ -n "$5" ]; then
    echo "$1, not held:$5"
  else
    found=$(gpu_version_on_disk "$2")
    case $found in
      "$1".*) echo "$1, held" ;;
      *) echo "$1, held, ${found:-no module} for the kernel $2" ;;
    esac
  fi
}
