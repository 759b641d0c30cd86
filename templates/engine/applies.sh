# What the goals' apply and undo scripts call. Every function can run twice.

# Whatever downloads from here on goes through the node's proxies, or through none where it has none.
use_proxy() {
  unset http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY
  if [ -r /etc/clustr/proxy.env ]; then
    set -a
    # shellcheck source=/dev/null
    . /etc/clustr/proxy.env
    set +a
  fi
}

apply_file() {
  local path=$1 mode=$2 owner=$3 check=${4:-} folder new
  folder=${path%/*}/
  [ -d "$folder" ] || mkdir -p -- "$folder"
  new=$(mktemp -- "$folder.clustr.XXXXXXXX")
  cat >"$new"
  if [ "$owner" != root:root ] || [ -g "$folder" ]; then chown -- "$owner" "$new"; fi # it is root's from the start
  chmod -- "$mode" "$new"
  if [ -n "$check" ]; then check_file "$check" "$new"; fi
  keep_original "$path"
  if [ -d "$path" ] && [ ! -L "$path" ]; then
    rm -f -- "$new"
    echo "$path is a folder" >&2
    return 1
  fi
  mv -f -T -- "$new" "$path"
  relabel "$path"
}

# A file takes its SELinux label along when it is moved; this gives it the one of its place.
relabel() {
  if command -v restorecon >/dev/null; then restorecon -F -- "$@"; fi
}

name_of_original() {
  local sum
  sum=$(printf %s "$1" | sha256sum)
  printf %s "${sum:0:32}"
}

# A link counts, wherever it leads: one that was moved may lead nowhere.
is_there() {
  [ -e "$1" ] || [ -L "$1" ]
}

# What was there before clustr's first file: kept once, or noted as nothing.
keep_original() {
  local kept
  kept=$clustr/originals/$(name_of_original "$1")
  if is_there "$kept" || [ -e "$kept.none" ]; then return; fi
  [ -d "$clustr/originals" ] || install -d -m 0700 "$clustr/originals"
  if is_there "$1"; then
    cp -a -T -- "$1" "$kept.new"
    mv -T -- "$kept.new" "$kept"
  else
    : >"$kept.none"
  fi
}

check_file() {
  local words
  read -ra words <<<"$1"
  if ! "${words[@]}" "$2"; then
    rm -f -- "$2"
    echo "refused by: $1" >&2
    return 1
  fi
}

restore_file() {
  local path=$1 kept
  kept=$clustr/originals/$(name_of_original "$path")
  if is_there "$kept"; then
    mv -f -T -- "$kept" "$path"
    relabel "$path"
  else
    rm -f -- "$path" "$kept.none"
  fi
}

# k3s keeps the objects of a file that is deleted, so they go first; where k3s does not run, they are gone with it. Then goes
# its Addon, by whose checksum k3s passes over a file that comes back as it was.
undo_manifest() {
  local kube=(/usr/local/bin/k3s kubectl --cache-dir=/run/clustr/kubectl) name=${1##*/}
  if [ -e "$1" ] && systemctl is-active --quiet k3s.service; then
    echo "::status deleting what $name made"
    "${kube[@]}" delete --ignore-not-found --timeout=300s -f "$1"
    rm -f -- "$1"
    "${kube[@]}" --namespace=kube-system delete --ignore-not-found --timeout=60s addons.k3s.cattle.io "${name%.yaml}"
  fi
  rm -f -- "$1"
}

# Says who holds the package manager's locks while waiting, up to 10 minutes. packages_held_by is the manager's own.
wait_for_packages() {
  local holder waited=0
  while :; do
    holder=$(packages_held_by)
    [ -n "$holder" ] || return 0
    if [ "$waited" -ge 600 ]; then
      echo "the package lock is still held by $holder after 10 minutes" >&2
      return 1
    fi
    echo "::status waiting for the package lock ($holder)"
    sleep 2
    waited=$((waited + 2))
  done
}

# set_aside LIST PATH: kept, noted and removed; LIST is of whoever wants it away, since each takes back its own alone.
set_aside() {
  keep_original "$2"
  printf '%s\n' "$2" >>"$clustr/$1"
  rm -f -- "$2"
}

# restore_aside LIST: what has come to be there since then stays.
restore_aside() {
  local path list=$clustr/$1
  if [ ! -e "$list" ]; then return; fi
  while read -r path; do
    if ! is_there "$path"; then restore_file "$path"; fi
  done < <(sort -u -- "$list")
  rm -f -- "$list"
}

# Linux lists file locks in /proc/locks by the file system's device and the inode. That device is the one in mountinfo;
# stat has another on btrfs (https://github.com/util-linux/util-linux/issues/2349).
lock_holder() {
  local inode pid
  inode=$(stat -c %i -- "$1")
  pid=$(awk -v inode="$inode" '
    FILENAME ~ /fdinfo/ { if ($1 == "mnt_id:") mount = $2; next }
    FILENAME ~ /mountinfo/ { if ($1 == mount) { split($3, of, ":"); file = sprintf("%02x:%02x:", of[1], of[2]) inode }; next }
    $2 != "->" && $6 == file { print $5; exit }' /proc/self/fdinfo/0 /proc/self/mountinfo /proc/locks <"$1")
  if [ -n "$pid" ] && [ -r "/proc/$pid/comm" ]; then echo "$(<"/proc/$pid/comm"), pid $pid"; fi
}

apply_enabled() {
  if [ "$(systemctl show -p UnitFileState --value -- "$1")" = masked ]; then systemctl unmask -- "$1"; fi
  case $2 in
    enabled) systemctl enable --quiet -- "$1" ;;
    disabled) systemctl disable --quiet -- "$1" ;;
  esac
}

undo_enabled() {
  if [ -n "$(systemctl show -p UnitFileState --value -- "$1")" ]; then systemctl disable --quiet -- "$1"; fi
}

restart_unit() {
  systemctl reset-failed -- "$1" 2>/dev/null || true
  if ! timeout 600 systemctl restart -- "$1"; then
    systemctl status --no-pager --lines=20 -- "$1" >&2 || true
    return 1
  fi
}

apply_started() {
  local recorded=none
  systemctl daemon-reload
  if [ "$(probe_started "$1" "$2")" = "runs with its present files" ]; then return; fi # an earlier goal started it
  restart_unit "$1"
  if [ -r "$clustr/started/$1" ]; then recorded=$(<"$clustr/started/$1"); fi
  if [ "$recorded" != "$2" ]; then
    echo "$1 started with other files than clustr wrote" >&2
    return 1
  fi
}

undo_started() {
  systemctl stop -- "$1"
  rm -f -- "$clustr/started/$1"
}

apply_module() {
  modprobe -- "$1" 2>/dev/null || true # built in, modprobe may fail: the effect counts
  if ! module_works "$1" "$2"; then
    modprobe -- "$1"
    return 1
  fi
}

apply_sysctl() {
  local path=/proc/sys/${1//.//}
  printf '%s\n' "$2" >"$path"
}

# fetch URL FILE [PROTOCOLS]: what the system trusts vouches for the place; base_os adds the site's CA to that.
fetch() {
  local url=$1 new=$2 protocols=${3:-=https}
  mkdir -p -- "$(dirname -- "$new")"
  echo "::status downloading ${url##*/}"
  curl --fail --location --silent --show-error --proto "$protocols" --retry 3 --connect-timeout 20 \
    --speed-limit 1024 --speed-time 60 --output "$new" -- "$url"
}

# download URL SUM FILE: the file is there whole and verified, or not at all.
download() {
  local url=$1 sum=$2 new=$3
  fetch "$url" "$new"
  if ! printf '%s  %s\n' "$sum" "$new" | sha256sum --check --status; then
    rm -f -- "$new"
    echo "the download of $url does not have the sha256 $sum" >&2
    return 1
  fi
}

apply_binary() {
  local path=$1 sum=$2 url=$3 mode=$4 new
  new=$path.clustr-new
  download "$url" "$sum" "$new"
  chmod -- "$mode" "$new"
  mv -f -T -- "$new" "$path"
  relabel "$path"
  note_sum "$path" "$sum"
}

# What sum_of in probes.sh reads.
note_sum() {
  install -d -m 0700 "$clustr/sums"
  printf '%s\n%s\n' "$(stat -c '%i %s %y %z' -- "$1")" "$2" >"$clustr/sums/${1//\//%}"
}

# apply_tarball NAME SUM URL PROGRAM...: the programs lie in the tarball's one folder.
apply_tarball() {
  local name=$1 sum=$2 url=$3 kept=/usr/local/lib/clustr/$1 new=/usr/local/lib/clustr/$1.new program
  shift 3
  rm -rf -- "$new"
  mkdir -p -- "$new"
  download "$url" "$sum" "$new/tarball"
  tar -xzf "$new/tarball" -C "$new" --strip-components=1 --no-same-owner
  for program in "$@"; do
    install -m 0755 -- "$new/$program" "/usr/local/bin/$program.clustr-new"
    mv -f -T -- "/usr/local/bin/$program.clustr-new" "/usr/local/bin/$program"
    relabel "/usr/local/bin/$program"
  done
  (cd /usr/local/bin && sha256sum -- "$@") >"$kept.sums"
  printf '%s\n' "$sum" >"$kept.release"
  rm -rf -- "$new"
}

undo_tarball() {
  local name=$1
  shift
  rm -f -- "/usr/local/lib/clustr/$name.release" "/usr/local/lib/clustr/$name.sums"
  (cd /usr/local/bin && rm -f -- "$@")
}

# apply_key FILE URL FINGERPRINT: refused before it is in place where it is another key than that.
apply_key() {
  local path=$1 url=$2 wanted=$3 found
  fetch "$url" "$path.clustr-new" =http,https # its fingerprint vouches for it
  found=$(fingerprint_of "$path.clustr-new")
  if [ "$found" != "$wanted" ]; then
    rm -f -- "$path.clustr-new"
    echo "the key at $url is not $wanted but $found: nothing signed with it is installed" >&2
    return 1
  fi
  chmod 0644 -- "$path.clustr-new"
  mv -f -T -- "$path.clustr-new" "$path"
  relabel "$path"
}
