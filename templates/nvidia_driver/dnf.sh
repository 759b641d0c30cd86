# NVIDIA's driver by dnf: a module stream (EL 9) or locked versions (EL 10), and every package of it locked.
# shellcheck disable=SC2154

# nvidia_driver_held_set: installed packages of the driver and of kernels, as versionlock writes them, after their name.
nvidia_driver_held_set() {
  local name written
  while read -r name written; do
    case $name in
      *nvidia-container* | *nvidia-cuda-*) ;;
      *nvidia* | cuda-drivers* | kernel | kernel-core | kernel-modules* | kernel-devel*) echo "$name $written" ;;
    esac
  done < <(rpm -qa --qf "%{NAME} $locked_form")
}

nvidia_driver_version() {
  rpm -q --qf '%{VERSION}\n' -- "$1" 2>/dev/null | tail -n 1 | grep -v 'is not installed' || true
}

# nvidia_driver_probe_dnf BRANCH KERNEL STREAM NAME...
nvidia_driver_probe_dnf() {
  local branch=$1 kernel=$2 stream=$3 name written version absent='' other='' free='' there=0
  shift 3
  for name in "$@"; do
    version=$(nvidia_driver_version "$name")
    if [ -z "$version" ]; then
      absent+=" $name"
    else
      there=$((there + 1))
      if ! nvidia_driver_of_branch "$branch" "$version"; then other=${other:-$version}; fi
    fi
  done
  while read -r name written; do
    if ! is_locked "$written"; then free+=" $name"; fi
  done < <(nvidia_driver_held_set)
  if [ "$there" = 0 ]; then
    absent=all
  elif [ -n "$stream" ] && [ "$(nvidia_driver_stream)" != "$stream" ]; then
    other=${other:-stream $(nvidia_driver_stream)}
  fi
  nvidia_driver_tell "$branch" "$kernel" "$absent" "$other" "$free"
}

# The stream that is enabled, nvidia-driver:580-open (dnf.modularity(7) keeps it there).
nvidia_driver_stream() {
  sed -n 's/^stream *= */nvidia-driver:/p' /etc/dnf/modules.d/nvidia-driver.module 2>/dev/null || true
}

# nvidia_driver_apply_dnf BRANCH KERNEL STREAM LOCK NAME...: as with apt, what can fail does so before anything changes,
# but for the stream and the locks, which are put back.
nvidia_driver_apply_dnf() {
  local branch=$1 kernel=$2 stream=$3 lock=$4 before status=0
  shift 4
  refresh_packages
  recover_packages
  nvidia_driver_clean
  mkdir -p -- "$nvidia_driver_scratch/archives" "$nvidia_driver_scratch/tree"
  before=$(nvidia_driver_stream)
  if [ -e "$lock_list" ]; then cp -p -- "$lock_list" "$nvidia_driver_scratch/locks"; fi
  { nvidia_driver_choose "$stream" "$lock" && nvidia_driver_prepare "$branch" "$kernel" "$@"; } || status=$?
  if [ "$status" != 0 ]; then
    nvidia_driver_choose_again "$before" "$stream"
    return "$status"
  fi
  echo "::status installing the driver of branch $branch"
  run_dnf --setopt=install_weak_deps=False install --allowerasing -- "$@"
  run_dnf distro-sync --allowerasing -- "$@" # a branch below the one that is there
  nvidia_driver_build "$kernel" "$branch"
  nvidia_driver_hold
  nvidia_driver_clean
}

# In a condition, so errexit holds neither here nor below.
nvidia_driver_choose() {
  local names
  if [ -n "$1" ] && [ "$(nvidia_driver_stream)" != "$1" ]; then
    run_dnf module reset nvidia-driver || return
    run_dnf module enable "$1" || return
  fi
  need_versionlock || return
  names=$(nvidia_driver_held_set | sed 's/ .*//' | sort -u)
  # shellcheck disable=SC2086 # names have no blanks
  if [ -n "$names" ]; then run_dnf versionlock delete -- $names || true; fi # there may be no lock
  if [ -n "$2" ] && ! run_dnf versionlock add -- "$2"; then
    echo "no repository has a package that $2 fits" >&2
    return 1
  fi
}

nvidia_driver_choose_again() {
  if [ -n "$2" ] && [ "$1" != "$2" ]; then
    run_dnf module reset nvidia-driver || true
    if [ -n "$1" ]; then run_dnf module enable "$1" || true; fi
  fi
  if [ -e "$nvidia_driver_scratch/locks" ]; then
    cp -p -- "$nvidia_driver_scratch/locks" "$lock_list"
  elif [ -e "$lock_list" ]; then
    : >"$lock_list" # there was none: the plugin came with this, and does not do without its list
  fi
}

# nvidia_driver_prepare BRANCH KERNEL NAME...: downloads what dnf would install, looks at its versions, and tries it.
nvidia_driver_prepare() {
  local branch=$1 kernel=$2 name version file there=() archives=$nvidia_driver_scratch/archives
  shift 2
  echo "::status downloading the driver of branch $branch"
  for name in "$@"; do
    if [ -n "$(nvidia_driver_version "$name")" ]; then there+=("$name"); fi
  done
  run_dnf install --allowerasing --downloadonly --downloaddir="$archives" -- "$@" || return
  if [ ${#there[@]} -gt 0 ]; then
    run_dnf distro-sync --allowerasing --downloadonly --downloaddir="$archives" -- "${there[@]}" || return
  fi
  for file in "$archives"/*.rpm; do
    if [ ! -e "$file" ]; then continue; fi
    read -r name version < <(rpm -qp --qf '%{NAME} %{VERSION}\n' -- "$file" 2>/dev/null) || return
    case " $* " in *" $name "*) ;; *) continue ;; esac
    if ! nvidia_driver_of_branch "$branch" "$version"; then
      echo "the repositories would install $name $version; wanted: branch $branch" >&2
      return 1
    fi
    if nvidia_driver_is_there && rpm -qpl -- "$file" 2>/dev/null | grep -c '^/usr/src/[^/]*/dkms\.conf$' >/dev/null; then
      rpm2archive "$file" || return # beside it, as a .tgz
      tar -xzf "$file.tgz" -C "$nvidia_driver_scratch/tree" || return
    fi
  done
  nvidia_driver_try "$kernel"
}

nvidia_driver_hold() {
  local names
  names=$(nvidia_driver_held_set | sed 's/ .*//' | sort -u)
  # shellcheck disable=SC2086 # names have no blanks
  lock_packages $names
}
