# NVIDIA's driver by apt: from one source at one branch, and every package of it held.
# shellcheck disable=SC2154

# nvidia_driver_ours SOURCE-OR-NAME: what belongs to the driver. NVIDIA's own pinning goes by src:*nvidia* too. The
# container toolkit and CUDA have versions of their own.
nvidia_driver_ours() {
  case $1 in
    *nvidia-container* | *nvidia-cuda-* | nvidia-cdi-*) return 1 ;;
    *nvidia* | cuda-drivers* | libnvsdm*) ;;
    *) return 1 ;;
  esac
}

# The kernel and its headers are held with the modules that were built for it; all three move in one step.
nvidia_driver_kernel() {
  case $1 in
    linux-image-* | linux-headers-* | linux-modules-* | linux-objects-* | linux-signatures-* | linux-kbuild-*) ;;
    *) return 1 ;;
  esac
}

# Installed packages of the driver and of kernels, a line "NAME WANT" each.
nvidia_driver_held_set() {
  local name source want status
  while read -r name source want status; do
    if [ "$status" != installed ]; then continue; fi
    if nvidia_driver_ours "$source" || nvidia_driver_ours "$name" || nvidia_driver_kernel "$name"; then
      echo "$name $want"
    fi
  done < <(dpkg-query -W -f='${binary:Package} ${source:Package} ${db:Status-Want} ${db:Status-Status}\n')
}

# nvidia_driver_stale BRANCH: installed packages of the driver that are of another branch, by version or by name:
# libnvidia-compute-580, linux-modules-nvidia-580-server-6.8.0-51-generic. Distributions have tools beside it that follow
# no branch.
nvidia_driver_stale() {
  local name source version status
  local named='(nvidia|cuda-drivers)(-[a-z0-9]*[a-z][a-z0-9]*)*-([1-9][0-9][0-9])(-|:|$)'
  while read -r name source version status; do
    case $source/$name in
      nvidia-settings/* | nvidia-modprobe/* | nvidia-persistenced/* | nvidia-xconfig/* | */nvidia-driver-pinning-*) continue ;;
    esac
    if [ "$status" != installed ] || ! { nvidia_driver_ours "$source" || nvidia_driver_ours "$name"; }; then continue; fi
    if [[ $name =~ $named ]]; then
      if [ "${BASH_REMATCH[3]}" = "$1" ]; then continue; fi
    elif nvidia_driver_of_branch "$1" "${version#*:}"; then
      continue
    fi
    echo "$name"
  done < <(dpkg-query -W -f='${binary:Package} ${source:Package} ${Version} ${db:Status-Status}\n')
}

# nvidia_driver_version NAME: of an installed package, without epoch; "" for one that is not installed.
nvidia_driver_version() {
  local status version
  read -r status version < <(dpkg-query -W -f='${db:Status-Status} ${Version}\n' -- "$1" 2>/dev/null) || return 0
  if [ "$status" = installed ]; then echo "${version#*:}"; fi
}

# nvidia_driver_probe_apt BRANCH KERNEL PINNING NAME...: PINNING is "" where the source has none.
nvidia_driver_probe_apt() {
  local branch=$1 kernel=$2 pinning=$3 name want version absent='' other='' free='' there=0
  shift 3
  for name in "$@" ${pinning:+"$pinning"}; do
    version=$(nvidia_driver_version "$name")
    if [ -z "$version" ]; then
      absent+=" $name"
    else
      there=$((there + 1))
      if ! nvidia_driver_of_branch "$branch" "$version"; then other=${other:-${version%-*}}; fi
    fi
  done
  while read -r name want; do
    if [ "$want" != hold ]; then free+=" $name"; fi
  done < <(nvidia_driver_held_set)
  if [ "$there" = 0 ]; then absent=all; fi
  if [ -z "$absent$other" ]; then other=$(nvidia_driver_stale "$branch" | paste -sd' ' | sed "s/^./$branch beside &/"); fi
  nvidia_driver_tell "$branch" "$kernel" "$absent" "$other" "$free"
}

# nvidia_driver_apply_apt BRANCH KERNEL PINNING NAME...: everything that can fail for want of a package, a sum, a key or
# a module that builds does so before anything on the node is changed.
nvidia_driver_apply_apt() {
  begin_packages
  nvidia_driver_clean
  (
    trap nvidia_driver_clean EXIT
    nvidia_driver_change "$@"
  )
  nvidia_driver_build "$2" "$1"
  nvidia_driver_hold
}

nvidia_driver_change() {
  local branch=$1 kernel=$2 pinning=$3 words each
  shift 3
  mkdir -p -- "$nvidia_driver_scratch/archives/partial" "$nvidia_driver_scratch/tree"
  nvidia_driver_preferences "$pinning"
  nvidia_driver_words "$branch" "$@"
  if [ ${#words[@]} -gt 0 ]; then
    echo "::status downloading the driver of branch $branch"
    nvidia_driver_download "${words[@]}"
    if nvidia_driver_is_there; then
      nvidia_driver_unpack_sources
      nvidia_driver_try "$kernel"
    fi
  fi
  if [ -n "$pinning" ]; then nvidia_driver_pin "$pinning"; fi
  if [ ${#words[@]} -gt 0 ]; then
    echo "::status installing the driver of branch $branch"
    if ! nvidia_driver_apt install -- "${words[@]}"; then
      for each in /var/lib/dkms/nvidia*/"$branch".*/build/make.log; do nvidia_driver_show_log "$each"; done
      return 1
    fi
  fi
  nvidia_driver_follow "$branch"
}

# Without Ignore-Hold apt leaves held packages where they are that others of the new version depend on (apt.conf(5)).
nvidia_driver_apt() {
  apt -o APT::Ignore-Hold=true -o Dir::Etc::PreferencesParts="$nvidia_driver_scratch/preferences" \
    -o Dir::Cache::archives="$nvidia_driver_scratch/archives" \
    --no-install-recommends --allow-change-held-packages --allow-downgrades "$@"
}

# Of a sum that does not fit apt says much, and what it comes to first: that is said again last.
nvidia_driver_download() {
  local said=$nvidia_driver_scratch/said
  if nvidia_driver_apt install --download-only -- "$@" 2>"$said"; then return; fi
  cat -- "$said" >&2
  sed -n 's/^E: Failed to fetch/the driver stays as it was, since this did not come whole:/p' "$said" >&2
  return 1
}

# nvidia_driver_preferences PINNING: apt's preferences as they will be once that package is there.
nvidia_driver_preferences() {
  local parts=$nvidia_driver_scratch/preferences old
  mkdir -p -- "$parts"
  find /etc/apt/preferences.d -maxdepth 1 -type f -exec cp -p -t "$parts" -- {} +
  if [ -z "$1" ]; then return; fi
  for old in $(nvidia_driver_pinnings); do
    if [ "$old" != "$1" ]; then dpkg -L "$old" | sed -n "s|^/etc/apt/preferences.d/|$parts/|p" | xargs -r -d '\n' rm -f --; fi
  done
  (cd "$nvidia_driver_scratch" && apt download -- "$1")
  dpkg-deb -x "$nvidia_driver_scratch/$1"_*.deb "$nvidia_driver_scratch/pinning"
  find "$nvidia_driver_scratch/pinning/etc/apt/preferences.d" -type f -exec cp -t "$parts" -- {} +
}

# Pinning packages that are installed.
nvidia_driver_pinnings() {
  dpkg-query -W -f='${Package} ${db:Status-Status}\n' 'nvidia-driver-pinning-*' 2>/dev/null |
    sed -n 's/ installed$//p' || true
}

# nvidia_driver_pin PINNING: in an apt run of its own, before the driver's, which reads it.
nvidia_driver_pin() {
  local old gone=()
  for old in $(nvidia_driver_pinnings); do
    if [ "$old" != "$1" ]; then gone+=("$old-"); fi
  done
  nvidia_driver_apt install -- "$1" "${gone[@]}"
}

# nvidia_driver_words BRANCH NAME...: what apt is to install, and NAME- for what it is to remove, into the caller's `words`.
# Where the branch is there already, what is missing comes at the very version that is: fabric manager does not start at
# another.
nvidia_driver_words() {
  local branch=$1 name version candidate present=''
  shift
  words=()
  for name in "$@"; do
    version=$(nvidia_driver_version "$name")
    case $version in "$branch".*) present=${version%-*} ;; esac
  done
  for name in "$@"; do
    version=$(nvidia_driver_version "$name")
    if [ -n "$version" ] && nvidia_driver_of_branch "$branch" "$version"; then continue; fi
    candidate=$(nvidia_driver_candidate "$name")
    if [ -z "$candidate" ]; then
      echo "no package source has $name" >&2
      return 1
    fi
    if ! nvidia_driver_of_branch "$branch" "${candidate#*:}"; then
      echo "the package sources would install $name $candidate; wanted: branch $branch" >&2
      return 1
    fi
    case $present/${candidate#*:} in
      /* | */"$present"-*) words+=("$name") ;;
      */"$branch".*)
        version=$(nvidia_driver_at "$name" "$present")
        words+=("$name=$version")
        ;;
      *) words+=("$name") ;;
    esac
  done
  nvidia_driver_words_for_stale "$branch" "$@"
}

# Apt does not remove by itself what no package of the new branch conflicts with, nor everything that one does: from 590
# on names of Ubuntu's have no branch (libnvidia-compute-580 and libnvidia-compute).
nvidia_driver_words_for_stale() {
  local branch=$1 name candidate stale
  shift
  stale=$(nvidia_driver_stale "$branch")
  for name in $stale; do
    case " $* " in *" ${name%:*} "*) continue ;; esac
    candidate=$(nvidia_driver_candidate "$name")
    case $name/${candidate#*:} in
      *-[1-9][0-9][0-9][-:/]*) words+=("$name-") ;;
      */"$branch".*) ;; # it moves with the others, is taken away by one of them, or follows
      *) words+=("$name-") ;;
    esac
  done
}

# nvidia_driver_follow BRANCH: what no other package has moved. Not sooner: the other flavour's modules would be asked for
# beside those that are wanted.
nvidia_driver_follow() {
  local stale
  mapfile -t stale < <(nvidia_driver_stale "$1")
  if [ ${#stale[@]} -gt 0 ]; then nvidia_driver_apt install -- "${stale[@]}"; fi
}

nvidia_driver_candidate() {
  apt-cache -o Dir::Etc::PreferencesParts="$nvidia_driver_scratch/preferences" policy -- "$1" |
    awk '$1 == "Candidate:" && $2 != "(none)" { print $2 }'
}

# nvidia_driver_at NAME VERSION: the package's whole version that has this one of the driver.
nvidia_driver_at() {
  local found
  found=$(apt-cache madison -- "$1" | awk -F' [|] ' -v wanted="$2" '
    { version = $2; gsub(/ /, "", version); plain = version; sub(/^[0-9]+:/, "", plain) }
    index(plain, wanted "-") == 1 { print version; exit }')
  if [ -z "$found" ]; then
    echo "no package source has $1 $2, which is the version of the driver that is there" >&2
    return 1
  fi
  echo "$found"
}

# Of what was downloaded, the packages that bring sources for DKMS. Ubuntu has its dkms.conf in one (nvidia-dkms), what
# that builds in another (nvidia-kernel-source).
nvidia_driver_unpack_sources() {
  local file
  for file in "$nvidia_driver_scratch"/archives/*.deb; do
    if dpkg-deb --fsys-tarfile "$file" | tar -t | grep -c '^\./usr/src/nvidia[^/]*/.' >/dev/null; then
      dpkg-deb -x "$file" "$nvidia_driver_scratch/tree"
    fi
  done
}

nvidia_driver_hold() {
  nvidia_driver_held_set | sed -n 's/ [^ ]*$//p' | xargs -r apt-mark hold --
}

# nvidia_driver_mains: a line "URL SUITE FILE" for each place that has the distribution's main, and who names it.
# shellcheck disable=SC2016 # what is quoted is for apt
nvidia_driver_mains() {
  apt-get indextargets --format '$(ORIGIN)|$(CREATED_BY)|$(COMPONENT)|$(SITE)|$(RELEASE)|$(SOURCESENTRY)' |
    awk -F'|' '($1 == "Debian" || $1 == "Ubuntu") && $2 == "Packages" && $3 == "main" && !seen[$4 $5]++ {
      sub(/:[0-9]+$/, "", $6)
      print $4, $5, $6
    }'
}

# nvidia_driver_probe_components WORDS: those of the components that apt reads beside no main. One place that has it will
# do: in some suites a component is empty, and apt keeps no list of it.
# shellcheck disable=SC2016 # as above
nvidia_driver_probe_components() {
  local known mains url suite word found missing=''
  known=$(apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)')
  mains=$(nvidia_driver_mains)
  for word in $1; do
    found=''
    while read -r url suite _; do
      if grep -qxF -- "$url $suite $word" <<<"$known"; then found=yes; fi
    done <<<"$mains"
    if [ -z "$found" ]; then missing+=" $word"; fi
  done
  if [ -z "$missing" ]; then echo "$1"; else echo "without$missing"; fi
}

# nvidia_driver_signed_by FILE: the key as it is named there, which apt wants to be one for one place.
nvidia_driver_signed_by() {
  case $1 in
    *.sources) awk 'tolower($0) ~ /^signed-by:/ { print; found = 1; next } found && /^[ \t]/ { print; next } found { exit }' "$1" ;;
    *) sed -n 's/^[^#]*[[ ]signed-by=\([^] ]*\).*/Signed-By: \1/p' "$1" | tr , ' ' | head -n 1 ;;
  esac
}

# A file of ours beside the distribution's: the same places and keys, the further components alone.
nvidia_driver_apply_components() {
  local url suite from path=/etc/apt/sources.list.d/clustr-components.sources
  {
    echo "# Written by clustr."
    nvidia_driver_mains | while read -r url suite from; do
      printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\n' "$url" "$suite" "$1"
      nvidia_driver_signed_by "$from"
      echo
    done
  } >"${path%/*}/.clustr-new"
  mv -f -T -- "${path%/*}/.clustr-new" "$path"
  keep_source_that_answers "$path"
}
