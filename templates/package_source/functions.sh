# What package_source's goals call: package_source_probe_* change nothing.
# shellcheck disable=SC2154 # clustr is the engine's

package_source_probe_past_proxy() {
  if [ -r /etc/clustr/proxy.env ] && grep -qE "^NO_PROXY='([^']*,)?${1//./\\.}(,|')" /etc/clustr/proxy.env; then
    echo yes
  else
    echo no
  fi
}

# package_source_sources apt|dnf: the files that it reads sources from.
package_source_sources() {
  local path
  case $1 in
    apt) set -- /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources ;;
    dnf) set -- /etc/yum.repos.d/*.repo ;;
  esac
  for path in "$@"; do
    if [ -f "$path" ]; then printf '%s\n' "$path"; fi
  done
}

# package_source_source_at list|write FILE PAIRS [LINES]: prints where the distribution's sources in it are, or the file with
# these sources at their mirrors. PAIRS: how a source of the distribution is known, and its mirror, by turns.
package_source_source_at() {
  local program=$package_source_one_line
  case $2 in
    *.sources) program=$package_source_deb822 ;;
    *.repo) program=$package_source_repo ;;
  esac
  awk -v mode="$1" -v pairs="$3" -v lines="${4:-}" "$package_source_mirror_of $program" "$2"
}

# The mirror of what a URL names, by the end of its path, or since it is that mirror already; "" for any other source.
# shellcheck disable=SC2016 # awk
package_source_mirror_of='
  BEGIN { count = split(pairs, pair, " ") }
  function mirror_of(url, last, i) {
    sub(/\/+$/, "", url)
    last = url
    sub(/.*\//, "", last)
    sub(/\.list$/, "", last)
    for (i = 1; i < count; i += 2) if (last == pair[i] || url == pair[i + 1]) return pair[i + 1]
    return ""
  }'

# `deb [options] URL suite components`. Vendors name paths like distributions: those have a component main.
# shellcheck disable=SC2016
package_source_one_line='
  {
    url = ""
    if ($0 ~ /^[ \t]*deb(-src)?[ \t]/ && $0 ~ /[ \t]main([ \t]|$)/ && match($0, /[ \t][a-z+]+:\/[^ \t]+/)) {
      at = RSTART + 1
      size = RLENGTH - 1
      url = substr($0, at, size)
    }
    to = url == "" ? "" : mirror_of(url)
    if (mode == "list") { if (to != "") print url }
    else if (to != "") print substr($0, 1, at - 1) to substr($0, at + size)
    else print
  }'

# Stanzas of deb822(5), each with its URIs on one line.
# shellcheck disable=SC2016
package_source_deb822='
  function stanza(i, j, words, found, done) {
    for (i = 1; i <= size; i++) {
      if (ours && tolower(line[i]) ~ /^uris:/) {
        split(line[i], words, /[ \t]+/)
        found = "URIs:"
        delete done
        for (j = 2; j in words; j++) {
          to = mirror_of(words[j])
          if (mode == "list" && to != "") print words[j]
          if (to == "") to = words[j]
          if (!(to in done)) found = found " " to
          done[to] = 1
        }
        line[i] = found
      }
      if (mode == "write") print line[i]
    }
    size = ours = 0
  }
  /^[ \t]*$/ { stanza(); if (mode == "write") print; next }
  { line[++size] = $0 }
  tolower($0) ~ /^components:/ && /[ \t]main([ \t]|$)/ { ours = 1 }
  END { stanza() }'

# Sections of a .repo file. A baseurl that is a comment, beside a list of mirrors, tells the archive as well.
# shellcheck disable=SC2016
package_source_repo='
  function at_mirror(url, rest, i) {
    rest = url
    sub(/^[a-z]+:\/\//, "", rest)
    sub(/\/\$contentdir\//, "/pub/rocky/", rest) # what Rocky sets it to, in /etc/dnf/vars
    for (i = 1; i < count; i += 2) {
      if (index(rest, pair[i] "/") == 1) return pair[i + 1] substr(rest, length(pair[i]) + 1)
      if (index(url, pair[i + 1] "/") == 1) return url
    }
    return ""
  }
  function section(i, key, url, ours, place) {
    ours = ""
    for (i = 1; i <= size; i++) {
      if (line[i] !~ /^#? *baseurl *=/) continue
      url = line[i]
      sub(/^#? *baseurl *= */, "", url)
      if (at_mirror(url) != "") { ours = at_mirror(url); place = i }
    }
    for (i = 1; i <= size; i++) {
      key = line[i]
      sub(/ *=.*/, "", key)
      if (ours != "" && mode == "write") {
        if (i == place) { print "baseurl=" ours; printf "%s", lines; continue }
        if (key ~ /^(mirrorlist|metalink|baseurl)$/) { print "#" line[i]; continue }
      }
      if (mode == "write") print line[i]
      else if (ours != "" && key ~ /^(mirrorlist|metalink|baseurl)$/) {
        url = line[i]
        sub(/^[a-z]+ *= */, "", url)
        print url
      }
    }
    size = 0
  }
  /^\[/ { section() }
  { line[++size] = $0 }
  END { section() }'

# package_source_probe_sources apt|dnf PAIRS...
package_source_probe_sources() {
  local manager=$1 path url place found="no source" other=
  shift
  while read -r path; do
    while read -r url; do
      for place in "$@"; do
        case $url in "$place" | "$place"/*) continue 2 ;; esac
      done
      other+="$url"$'\n'
    done < <(package_source_source_at list "$path" "$*" | sort -u)
    if [ -n "$(package_source_source_at list "$path" "$*")" ]; then found="the mirror alone"; fi
  done < <(package_source_sources "$manager")
  if [ -n "$other" ]; then printf '%s' "$other" | sort -u; else echo "$found"; fi
}

# package_source_apply_sources apt|dnf PAIRS..., on stdin the source where there is none (apt), lines for each (dnf).
package_source_apply_sources() {
  local manager=$1 path new given
  given=$(cat)
  shift
  package_source_undo_sources # of an earlier mirror
  while read -r path; do
    new=${path%/*}/.clustr-new # apt and dnf pass over such a name
    package_source_source_at write "$path" "$*" "${given:+$given\n}" >"$new"
    if cmp -s -- "$path" "$new"; then rm -f -- "$new"; else package_source_replace_source "$path" "$new"; fi
  done < <(package_source_sources "$manager")
  if [ "$(package_source_probe_sources "$manager" "$@")" != "no source" ]; then return; fi
  if [ "$manager" = dnf ]; then
    echo "/etc/yum.repos.d has no repository of the distribution" >&2
    return 1
  fi
  path=/etc/apt/sources.list.d/clustr.sources
  printf "%s\n" "$given" >"${path%/*}/.clustr-new"
  package_source_replace_source "$path" "${path%/*}/.clustr-new"
}

# The original first, then the note of it, then the new file: at each point the way back is known.
package_source_replace_source() {
  keep_original "$1"
  printf '%s\n' "$1" >>"$clustr/sources-replaced"
  chmod 0644 -- "$2"
  mv -f -T -- "$2" "$1"
}

package_source_undo_sources() {
  local path
  if [ -e "$clustr/sources-replaced" ]; then
    while read -r path; do restore_file "$path"; done < <(sort -u -- "$clustr/sources-replaced")
  fi
  rm -f -- "$clustr/sources-replaced" "$clustr/lists-read"
}

package_source_dnf_proxy_block() {
  awk '/^# clustr begin$/ { inside = 1; next } /^# clustr end$/ { inside = 0 } inside' /etc/dnf/dnf.conf
}

# The sum alone: the lines may hold a login.
package_source_probe_dnf_proxy() {
  local sum
  if [ ! -e /etc/dnf/dnf.conf ] || ! grep -qx '# clustr begin' /etc/dnf/dnf.conf; then
    echo absent
  elif package_source_dnf_proxy_block | grep -q ^proxy_password= && [ "$(stat -c %a /etc/dnf/dnf.conf)" != 600 ]; then
    echo "readable to all"
  else
    sum=$(package_source_dnf_proxy_block | sha256sum)
    echo "${sum%% *}"
  fi
}

# The lines on stdin become the proxy of [main]; without any, what was there before clustr is in force again.
package_source_apply_dnf_proxy() {
  local block new=/etc/dnf/dnf.conf.clustr-new mode=0644
  block=$(cat)
  mkdir -p /etc/dnf
  if [ ! -e /etc/dnf/dnf.conf ]; then printf '[main]\n' >/etc/dnf/dnf.conf; fi
  if [[ $block == *proxy_password=* ]]; then mode=0600; fi
  (umask 077 && : >"$new")
  package_source_dnf_conf <<<"$block" >"$new"
  chmod "$mode" "$new"
  mv -f -T -- "$new" /etc/dnf/dnf.conf
  relabel /etc/dnf/dnf.conf
}

package_source_dnf_conf() {
  awk '
    FNR == NR { if ($0 != "") block = block $0 "\n"; next }
    /^# clustr begin$/ { inside = 1; next }
    /^# clustr end$/ { inside = 0; next }
    inside { next }
    /^# clustr: / { sub(/^# clustr: /, "") }
    block != "" && /^proxy(_username|_password|_auth_method)? *=/ { $0 = "# clustr: " $0 }
    { print }
    /^\[main\]/ && block != "" { printf "# clustr begin\n%s# clustr end\n", block }
  ' - /etc/dnf/dnf.conf
}
