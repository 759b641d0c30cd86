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

# What every change begins with: nothing asks, nothing is half configured, the lists are new.
begin_packages() {
  export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
  wait_for_packages
  if [ -n "$(dpkg --audit)" ]; then dpkg --configure -a --force-confdef --force-confold; fi
  refresh_packages
}

apply_packages() {
  local hold=no
  if [ "$1" = --hold ]; then
    hold=yes
    shift
  fi
  begin_packages
  apt install --no-install-recommends --allow-change-held-packages -- "$@"
  if [ "$hold" = yes ]; then apt-mark hold -- "$@"; fi
}

# apt_sources_of SITE OURS: files that name a source below SITE (a URL without its scheme), ours aside. apt refuses to
# read the same place twice with two keys.
apt_sources_of() {
  local path
  for path in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    if [ -f "$path" ] && [ "$path" != "$2" ] && grep -qE "^[^#]*://${1//./\\.}(/|[[:space:]]|\$)" "$path"; then
      printf '%s\n' "$path"
    fi
  done
}

probe_only_source() {
  local found
  found=$(apt_sources_of "$1" "$2")
  echo "${found:-ours alone}"
}

# What a vendor's own keyring package or a person wrote is set aside, and kept. Where it names other places as well,
# only a person can tell what is to stay.
apply_only_source() {
  local path others
  while read -r path; do
    if [ -z "$path" ]; then continue; fi
    others=$(grep -E '^[^#]*://' "$path" | grep -vF "://$1" || true)
    if [ -n "$others" ]; then
      echo "$path names $1 among other places: take it out there, clustr has a file of its own for it" >&2
      return 1
    fi
    set_aside "$(sources_aside "$1")" "$path"
  done < <(apt_sources_of "$1" "$2")
}

# sources_aside SITE: each site has a list of its own, as each vendor's mirror comes and goes by itself.
sources_aside() {
  printf %s "sources-aside-${1//\//%}"
}

undo_only_source() {
  restore_aside "$(sources_aside "$1")"
}

# keep_source_that_answers FILE: its lists are read, with its key; where that fails the file goes again.
keep_source_that_answers() {
  echo "::status reading the lists of ${1##*/}"
  if ! apt -o Dir::Etc::SourceList="$1" -o Dir::Etc::SourceParts=- -o APT::Get::List-Cleanup=0 update --error-on=any; then
    echo "$(sed -n 's/^URIs: //p' "$1") does not serve as a package source: $1 is taken out again" >&2
    restore_file "$1"
    return 1
  fi
}
