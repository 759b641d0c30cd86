# Packages by dnf and rpm: the probe, which changes nothing, and the apply.

# One rpm for all. What it knows by no such name is asked for once more.
probe_packages() {
  local hold=no name locked found listed
  local -A known=()
  if [ "$1" = --hold ]; then
    hold=yes
    shift
  fi
  listed=$(rpm -q --qf "::%{NAME} $locked_form" -- "$@") || true # it fails for what it does not know, an answer too
  while read -r name locked; do
    [[ $name != ::* ]] || known[${name#::}]+="$locked"$'\n'
  done <<<"$listed"
  for name in "$@"; do
    if [ -z "${known[$name]:-}" ] && ! known[$name]=$(what_provides "$name"); then
      found=absent
    elif is_half_installed "$name"; then
      found="half installed"
    elif [ "$hold" = yes ] && is_locked "${known[$name]}"; then
      found=held
    else
      found=installed
    fi
    if [ $# = 1 ]; then echo "$found"; else echo "$name $found"; fi
  done
}

# kernel-modules-6.12.0-1 is a package with its version, and curl-minimal provides a curl.
what_provides() {
  rpm -q --whatprovides -- "$1" || rpm -q -- "$1"
}

# What versionlock writes for a package as it is installed: bash-0:5.1.8-9.el9.*
locked_form='%{NAME}-%|EPOCH?{%{EPOCH}}:{0}|:%{VERSION}-%{RELEASE}.*\n'
lock_list=/etc/dnf/plugins/versionlock.list

is_locked() {
  [ -r "$lock_list" ] && grep -qxF -- "${1%$'\n'}" "$lock_list"
}

# rpm keeps no note of a transaction that was cut, and a package whose script was cut counts as installed: so the
# names are written down, with the time, until dnf has ended by itself.
unfinished=$clustr/packages-unfinished

is_half_installed() {
  [ -r "$unfinished" ] && grep -qxF -- "$1" "$unfinished"
}

# dnf's locks are files with its pid; rpm's is a lock on a file. A pid file whose process is gone goes too: once another
# process has the number, or where a power loss left no number, dnf says for ever that it is locked.
packages_held_by() {
  local lock pid
  for lock in /var/cache/dnf/*_lock.pid /var/lib/dnf/*_lock.pid /var/log/*_lock.pid /run/dnf/*_lock.pid; do
    if [ ! -s "$lock" ]; then continue; fi # empty it is free
    pid=$(tr -dc 0-9 <"$lock")
    if [ -n "$pid" ] && was_there "$pid" "$lock"; then
      echo "$(<"/proc/$pid/comm"), pid $pid"
      return
    fi
    rm -f -- "$lock"
  done
  for lock in /var/lib/rpm/.rpm.lock /usr/lib/sysimage/rpm/.rpm.lock; do
    if [ -e "$lock" ] && [ -n "$(lock_holder "$lock")" ]; then
      lock_holder "$lock"
      return
    fi
  done
}

# was_there PID FILE: a process that runs, and did when the file was written. In proc_pid_stat(5) the 22nd word, the 20th
# behind the name, is its start, in hundredths of a second since the boot.
was_there() {
  local told words booted
  { read -r told <"/proc/$1/stat"; } 2>/dev/null || return
  read -ra words <<<"${told##*) }"
  booted=$(sed -n 's/^btime //p' /proc/stat)
  [ $((booted + words[19] / 100)) -le "$(stat -c %Y -- "$2")" ]
}

# 200 is dnf's status where another took its lock meanwhile.
run_dnf() {
  local status=200
  while [ "$status" = 200 ]; do
    wait_for_packages || return
    status=0
    dnf -y --quiet --setopt=exit_on_lock=True --setopt=install_weak_deps=False "$@" || status=$?
  done
  return "$status"
}

# Lists older than an hour, or older than a source, are read anew.
refresh_packages() {
  local stamp=$clustr/lists-read
  if [ ! -e "$stamp" ] || [ -n "$(find "$stamp" -mmin +60)" ] ||
    [ -n "$(find /etc/yum.repos.d /etc/dnf/dnf.conf /etc/dnf/vars -newer "$stamp" 2>/dev/null)" ]; then
    run_dnf makecache --refresh
    touch "$stamp"
  fi
}

# Everything that a cut transaction put into rpm's database is installed once more, whole; of packages that it left in
# two versions the older goes.
recover_packages() {
  local since added
  if [ ! -e "$unfinished" ]; then return; fi
  echo "::status mending what a cut installation left"
  if ! rpm -qa >/dev/null; then rpm --rebuilddb; fi
  if [ -n "$(dnf --quiet repoquery --duplicates)" ]; then run_dnf remove --duplicates; fi
  since=$(head -n 1 -- "$unfinished")
  added=$(rpm -qa --qf '%{INSTALLTIME} %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}\n' |
    awk -v since="$since" '$1 >= since { print $2 }')
  # shellcheck disable=SC2086 # names have no blanks
  if [ -n "$added" ]; then run_dnf reinstall $added; fi
  rm -f -- "$unfinished"
}

# dnf is not told what is there, as the probe sees it: it would take `curl` for that package alone, which curl-minimal
# conflicts with.
apply_packages() {
  local hold=no name lacking=()
  if [ "$1" = --hold ]; then
    hold=yes
    shift
  fi
  refresh_packages
  recover_packages
  for name in "$@"; do
    if ! what_provides "$name" >/dev/null; then lacking+=("$name"); fi
  done
  if [ ${#lacking[@]} -gt 0 ]; then install_packages "${lacking[@]}"; fi
  if [ "$hold" = yes ]; then lock_packages "$@"; fi
}

# Locks stand aside for the change alone: the plugin is off while it lasts, and the new versions are locked after it.
install_packages() {
  local status=0
  { date +%s && printf '%s\n' "$@"; } >"$unfinished.new"
  mv -f -- "$unfinished.new" "$unfinished"
  run_dnf --disableplugin=versionlock install -- "$@" || status=$?
  if [ "$status" -lt 128 ]; then rm -f -- "$unfinished"; fi # else a signal ended it
  return "$status"
}

need_versionlock() {
  if ! rpm -q --whatprovides 'dnf-command(versionlock)' >/dev/null; then run_dnf install 'dnf-command(versionlock)'; fi
}

lock_packages() {
  need_versionlock
  run_dnf versionlock delete -- "$@" || true # there may be none
  run_dnf versionlock add -- "$@"
}

# apply_kernel_package NAME KERNEL: repositories drop old kernels; another kernel's modules would be of no use.
apply_kernel_package() {
  refresh_packages
  if [ -z "$(dnf --quiet repoquery -- "$1-$2")" ]; then
    echo "no repository has $1 for the running kernel $2 any more: dnf upgrade kernel, reboot, run clustr again" >&2
    return 1
  fi
  apply_packages "$1-$2"
}
