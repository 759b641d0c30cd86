# Packages by apt and dpkg: the probe, which changes nothing, and the apply.

probe_packages() {
  local hold=no name want status found listed
  local -A known=()
  if [ "$1" = --hold ]; then
    hold=yes
    shift
  fi
  # One dpkg-query for all; it fails for names it does not know, which is an answer too.
  listed=$(dpkg-query -W -f='${Package} ${db:Status-Want} ${db:Status-Status}\n' -- "$@" 2>/dev/null) || true
  while read -r name want status; do # a line for each architecture that a package has
    [ -z "$name" ] || known[$name]+="$want:$status "
  done <<<"$listed"
  for name in "$@"; do
    case "$hold ${known[$name]:-}" in
      "yes "*hold:installed\ *) found=held ;;
      *:installed\ *) found=installed ;;
      *) found=absent ;;
    esac
    if [ $# = 1 ]; then echo "$found"; else echo "$name $found"; fi
  done
}

packages_held_by() {
  local lock holder=
  for lock in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock; do
    [ -e "$lock" ] || continue
    holder=$(lock_holder "$lock")
    [ -z "$holder" ] || break
  done
  echo "$holder"
}

apt() {
  wait_for_packages
  apt-get -qy -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
    -o Dpkg::Use-Pty=0 "$@"
}

# Lists older than an hour, or older than a source, are read anew.
refresh_packages() {
  local stamp=$clustr/lists-read
  if [ ! -e "$stamp" ] || [ -n "$(find "$stamp" -mmin +60)" ] ||
    [ -n "$(find /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/keyrings -newer "$stamp" 2>/dev/null)" ]; then
    apt update --error-on=any
    touch "$stamp"
  fi
}

apply_packages() {
  local hold=no
  if [ "$1" = --hold ]; then
    hold=yes
    shift
  fi
  export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
  wait_for_packages
  if [ -n "$(dpkg --audit)" ]; then dpkg --configure -a --force-confdef --force-confold; fi
  refresh_packages
  apt install --no-install-recommends --allow-change-held-packages -- "$@"
  if [ "$hold" = yes ]; then apt-mark hold -- "$@"; fi
}
