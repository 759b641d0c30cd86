# Probes print an answer and change nothing. They run in a subshell each, under set -eu.

clustr=/var/lib/clustr

# What one stat says of all files and one systemctl of all units, before the first probe: to start a program costs more
# than what it tells. Who finds nothing here asks for itself.
declare -A access_of=() state_of=()

look_at_files() {
  local access path
  while IFS=/ read -r access path; do access_of["/$path"]=$access; done < <(stat -c '0%a %U:%G%n' -- "$@" 2>/dev/null)
}

# systemctl tells of units in the order in which they are named, with an empty line between two.
look_at_units() {
  local told line number=0
  told=$(systemctl show -p ActiveState -p UnitFileState -- "$@" 2>/dev/null) || return 0
  local -a units=("$@")
  while IFS= read -r line; do
    case $line in
      '') number=$((number + 1)) ;;
      *) state_of["${units[number]:-} ${line%%=*}"]=${line#*=} ;;
    esac
  done <<<"$told"
  if [ "$number" != "$(($# - 1))" ]; then state_of=(); fi
}

print_access() {
  if [ -n "${access_of["$1"]:-}" ]; then echo "${access_of["$1"]}"; else stat -c '0%a %U:%G' -- "$1"; fi
}

# read_state UNIT PROPERTY: into $state, which is the caller's.
read_state() {
  if [ -n "${state_of["$1 $2"]+told}" ]; then
    state=${state_of["$1 $2"]}
  else
    state=$(systemctl show -p "$2" --value -- "$1")
  fi
}

probe_file() {
  if [ -L "$1" ] || { [ -e "$1" ] && [ ! -f "$1" ]; }; then
    echo "not a plain file"
  elif [ -f "$1" ]; then
    print_access "$1"
    print_file "$1"
  else
    echo absent
  fi
}

# As cat does, without starting a program. Up to a NUL byte, which no variable holds: from there on it is cat's.
print_file() {
  local content
  if IFS= read -r -d '' content <"$1"; then
    cat -- "$1"
  else
    printf %s "$content"
  fi
}

probe_secret_file() {
  if [ -f "$1" ] && [ ! -L "$1" ]; then
    local sum
    sum=$(sha256sum -- "$1")
    print_access "$1"
    echo "${sum%% *}"
  else
    echo absent
  fi
}

probe_absent() {
  if [ -e "$1" ] || [ -L "$1" ]; then echo present; else echo absent; fi
}

probe_link() {
  if [ -L "$1" ]; then
    echo "-> $(readlink -- "$1")"
  elif [ -e "$1" ]; then
    echo "not a link"
  else
    echo absent
  fi
}

probe_enabled() {
  local state
  read_state "$1" UnitFileState
  echo "${state:-absent}"
}

probe_started() {
  local state recorded=none
  read_state "$1" ActiveState
  if [ -r "$clustr/started/$1" ]; then recorded=$(<"$clustr/started/$1"); fi
  if [ "$state" != active ]; then
    echo "$state"
  elif [ "$recorded" = "$2" ]; then
    echo "runs with its present files"
  else
    echo "runs with other files"
  fi
}

module_works() {
  case $2 in
    filesystem:*) grep -qw -- "${2#filesystem:}" /proc/filesystems ;;
    *) [ -e "$2" ] ;;
  esac
}

probe_module() {
  if module_works "$1" "$2"; then echo works; else echo missing; fi
}

probe_sysctl() {
  local path=/proc/sys/${1//.//} value
  if [ -r "$path" ]; then
    IFS= read -r value <"$path" || true
    echo "${value//$'\t'/ }"
  else
    echo "no such setting"
  fi
}

probe_binary() {
  if [ ! -f "$1" ]; then
    echo absent
  elif [ "$(sum_of "$1")" = "$2" ]; then
    echo "$3"
  else
    echo "another build"
  fi
}

# A large file's sum takes a second: the one noted when clustr put it there holds while the file's inode, size and
# times (the time of its last change of any kind too, which nothing but the kernel sets) are those of then.
sum_of() {
  local noted=$clustr/sums/${1//\//%} identity sum
  identity=$(stat -c '%i %s %y %z' -- "$1")
  if [ -r "$noted" ] && [ "$(head -n 1 -- "$noted")" = "$identity" ]; then
    tail -n 1 -- "$noted"
  else
    sum=$(sha256sum -- "$1")
    echo "${sum%% *}"
  fi
}

probe_tarball() {
  local kept=/usr/local/lib/clustr/$1
  if [ ! -f "$kept.release" ] || [ ! -f "$kept.sums" ]; then
    echo absent
  elif [ "$(<"$kept.release")" != "$2" ]; then
    echo "another release"
  elif (cd /usr/local/bin && sha256sum --check --status "$kept.sums" 2>/dev/null); then
    echo "$3"
  else
    echo "changed programs"
  fi
}

# probe_key FILE: the fingerprint of the one key in it.
probe_key() {
  if [ ! -f "$1" ]; then
    echo absent
  elif ! command -v gpg >/dev/null; then
    echo "no gpg that could read it"
  else
    fingerprint_of "$1"
  fi
}

fingerprint_of() {
  local home found
  home=$(mktemp -d /dev/shm/clustr-key.XXXXXXXX)
  found=$(gpg --homedir "$home" --batch --with-colons --show-keys -- "$1" 2>/dev/null) || true # no key is an answer
  rm -rf -- "$home"
  awk -F: '
    $1 == "pub" { keys++ }
    $1 == "fpr" && !first { first = $10 }
    END { print keys == 1 ? first : keys + 0 " keys" }
  ' <<<"$found"
}
