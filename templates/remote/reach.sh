#!/bin/bash
# What this machine reaches, asked all at once and each for a few seconds. What is read goes to memory and is dropped.
set -u
export LC_ALL=C
box=

cleanup() {
  if [ -n "$box" ]; then rm -rf -- "$box"; fi
}
trap cleanup EXIT

say() {
  printf '%s=%s\n' "$1" "$2"
}

# A refusal comes from the other machine: the way there is open, only nobody listens yet.
ask_peer() {
  local said="$box/$1.$2"
  if : 2>"$said" 3<>"/dev/tcp/$1/$2"; then
    say peer "$1 $2 reached"
  elif grep -q 'Connection refused' "$said"; then
    say peer "$1 $2 reached"
  else
    say peer "$1 $2 failed $(sed -n 's/.*: //p' "$said" | tail -n 1)"
  fi
}

# With apt's own proxies, certificates and logins, or those that it is to get; as root, since $box is not for its user.
apt_fetch() {
  timeout 20 /usr/lib/apt/apt-helper -c "$box/apt.conf" -o APT::Sandbox::User=root -o Acquire::Retries=0 \
    -o Acquire::http::Timeout=10 -o Acquire::https::Timeout=10 download-file "$1" "$2" 2>&1
}

# ask_apt NUMBER BASE: the first file that apt-get update reads; an older archive has two in its place.
ask_apt() {
  local said
  if said=$(apt_fetch "$2InRelease" "$box/$1"); then
    say source "$2 answers"
  elif [[ $said = *' 404 '* ]] && said=$(apt_fetch "$2Release" "$box/$1"); then
    say source "$2 answers"
  else
    say source "$2 failed $(awk '/^E: Failed to fetch/ { $1 = $2 = $3 = $4 = $5 = ""; print; exit }' <<<"$said")"
  fi
}

ask_name() {
  if ! timeout 20 getent ahosts "$1" >/dev/null; then say unresolved "$1"; fi
}

# Behind a proxy it is the proxy that asks for names.
proxied() {
  [ -n "$(apt-config -c "$box/apt.conf" dump --format '%v%n' Acquire::http::Proxy Acquire::https::Proxy)" ]
}

apt_settings() {
  {% if way.ca_at %}sed "s|{{ way.ca_at }}|$box/ca.pem|g"{% else %}cat{% endif %} >"$box/apt.conf" <<'END_OF_SETTINGS'
{{ way.settings }}
END_OF_SETTINGS
{% if way.logins %}
  printf 'Dir::Etc::netrc "%s";\n' "$box/logins" >>"$box/apt.conf"
  cat >"$box/logins" <<'END_OF_LOGINS'
{{ way.logins }}
END_OF_LOGINS
{% endif %}
{% if way.ca %}
  cat >"$box/ca.pem" <<'END_OF_CA'
{{ way.ca }}
END_OF_CA
{% endif %}
}

# as_wanted BASE: where it will come from, once the inventory's mirror takes its place.
as_wanted() {
  local archive=${1%%dists/*}
  archive=${archive%/}
{% for origin, url in way.mirrors %}
  case $archive in *{{ ('/' ~ origin) | quote }})
    printf '%s%s\n' {{ url | quote }} "${1#"$archive"}"
    return
    ;;
  esac
{% endfor %}
  printf '%s\n' "$1"
}

apt_sources() {
  local base
{% for url in way.urls %}
  echo {{ url | quote }}
{% endfor %}
  # With release information it would name only what was downloaded before; a cache it would write in passing.
  # shellcheck disable=SC2016 # apt puts its own words into it
  apt-get -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= indextargets --no-release-info --format '$(BASE_URI)' |
    awk '!/^cdrom:/' | while read -r base; do as_wanted "$base"; done
}

ask_apts() {
  local number=0 base host
  local -A hosts=()
  apt_settings
  while read -r base; do
    number=$((number + 1))
    case $base in http:* | https:* | ftp:*) ;; *) continue ;; esac
    ask_apt "$number" "$base" &
    host=${base#*://}
    host=${host%%/*}
    host=${host##*@}
    hosts[${host%%:*}]=1
  done < <(apt_sources | sort -u)
  say sources "$number"
  if ! proxied; then
    for host in "${!hosts[@]}"; do ask_name "$host" & done
  fi
  wait
}

{% if way.dnf %}
clustr=/var/lib/clustr
{{ functions }}
# As package_source does it, on copies.
dnf_settings() {
  local path
  cp -r -- /etc/yum.repos.d "$box/repos"
  {
    cat <<'END_OF_MAIN'
{{ way.dnf.main }}
END_OF_MAIN
{% if way.ca %}
    cat - /etc/pki/tls/certs/ca-bundle.crt >"$box/ca.pem" 2>/dev/null <<'END_OF_CA'
{{ way.ca }}
END_OF_CA
    echo "sslcacert=$box/ca.pem"
{% endif %}
  } | package_source_dnf_conf >"$box/dnf.conf"
  for path in "$box"/repos/*.repo; do
    package_source_source_at write "$path" {{ way.dnf.pairs | quote }} {{ way.dnf.lines | quote }} >"$box/repo"
    mv -- "$box/repo" "$path"
  done
}
{% endif %}

quiet_dnf() {
  timeout 60 dnf -q -y {{ '-c "$box/dnf.conf" --setopt=reposdir="$box/repos" ' if way.dnf }}--noplugins --setopt=cachedir="$box/dnf" --setopt=persistdir="$box/dnf" --setopt=logdir="$box" \
    --setopt=timeout=10 --setopt=retries=1 --setopt=skip_if_unavailable=False "$@"
}

# dnf reads whole lists, or nothing: there is no smaller question to it, and all of its repositories are one.
ask_dnf() {
  local said
{% if way.dnf %}
  dnf_settings
{% endif %}
  if [ -z "$(quiet_dnf repolist --enabled)" ]; then
    say sources 0
    return
  fi
  say sources 1
  if said=$(quiet_dnf makecache 2>&1); then
    say source 'dnf answers'
  else
    say source "dnf failed $(awk '/^Error:/ { sub(/^Error: */, ""); print; exit }' <<<"$said")"
  fi
}

ask_sources() {
  if command -v apt-get >/dev/null; then
    ask_apts
  elif command -v dnf >/dev/null; then
    ask_dnf
  else
    say sources 0
  fi
}

# A peer that says nothing in this time is not reached. Only children that still run are ended: their ids are ours.
end_peers() {
  local tick each running
  for ((tick = 0; tick < {{ seconds }} * 5; tick++)); do
    running=$(jobs -pr)
    if [ -z "${running/$1/}" ]; then return; fi
    sleep 0.2
  done
  for each in $(jobs -pr); do
    if [ "$each" != "$1" ]; then kill "$each"; fi
  done
}

main() {
  local sources=none
  box=$(mktemp -d /dev/shm/clustr-reach.XXXXXXXX) || return
{% if sources %}
  ask_sources &
  sources=$!
{% endif %}
{% for peer in peers %}
  ask_peer {{ peer.address | quote }} {{ peer.port }} &
{% endfor %}
  end_peers "$sources"
  wait
  say end yes
}
main </dev/null 2>/dev/null
