# shellcheck shell=dash disable=SC2154,SC2034 # nvidia-smi, which reads this file, sets what it uses
# MIG, as far as nvidia-smi's stand-in goes: the mode of a GPU is a folder in the node's state, its instances are lines
# of a file in there.

# set_mig MINOR INDEX
set_mig() {
  if [ "$(own "$1" mig.mode.current)" != Disabled ]; then
    echo "Unable to set MIG Mode for GPU $(own "$1" pci.bus_id): Not Supported"
    status=3
  elif [ "$switch" = 1 ]; then
    mkdir -p "$state/mig/$1"
    echo "Enabled MIG Mode for GPU $(own "$1" pci.bus_id)"
  else
    rm -rf "$state/mig/$1"
    echo "Disabled MIG Mode for GPU $(own "$1" pci.bus_id)"
  fi
}

create_instances() {
  if [ ! -d "$state/mig/$1" ]; then
    echo "No MIG-enabled devices found." && exit 6
  fi
  for profile in $(echo "$profiles" | tr , ' '); do
    id=$(awk 'END { print NR + 1 }' "$state/mig/$1/instances" 2>/dev/null || echo 1)
    if [ "$id" -gt 7 ]; then
      echo "Failed to create GPU instances: Insufficient Resources" && exit 19
    fi
    echo "$id $profile MIG-$(own "$1" uuid | sed "s/^GPU-.\{8\}/$(printf %08x "$id")/")" >>"$state/mig/$1/instances"
    printf 'Successfully created GPU instance ID %2d on GPU %2d using profile MIG %s\n' "$id" "$2" "$profile"
    printf 'Successfully created compute instance ID  0 on GPU %2d GPU instance ID %2d ' "$2" "$id"
    printf 'using profile MIG %s\n' "$profile"
  done
}

# list_profiles: those of the board, and how many instances more of each there may be.
list_profiles() {
  made=$(awk 'END { print NR + 0 }' "$state/mig/$1/instances" 2>/dev/null || echo 0)
  for profile in $(of mig "$state/board"); do
    total=${profile##*:} id=${profile#*:}
    left=$((made < total ? total - made : 0))
    printf '| %3d  MIG %-14s %2d     %d/%d        9.75       No     16     1     0   |\n' \
      "$2" "${profile%%:*}" "${id%%:*}" "$left" "$total"
  done
}

list_instances() {
  if [ -s "$state/mig/$1/instances" ]; then
    awk -v gpu="$2" '{ printf "| %3d  MIG %-14s   %2d  |\n", gpu, $2, $1 }' "$state/mig/$1/instances"
  fi
}

destroy_instances() {
  if [ -s "$state/mig/$1/instances" ]; then
    awk -v gpu="$2" -v what="$what" '{ printf "Successfully destroyed %s ID %2d from GPU %2d\n", what, $1, gpu }' \
      "$state/mig/$1/instances"
    if [ "$what" = 'GPU instance' ]; then rm "$state/mig/$1/instances"; fi
  fi
}

mig() {
  case ${1:-} in
    -cgi | --create-gpu-instance) profiles=$2 && each create_instances ;;
    -lgip | --list-gpu-instance-profiles) each list_profiles ;;
    -lgi | --list-gpu-instances | -lci | --list-compute-instances)
      found=$(each list_instances)
      if [ -z "$found" ]; then echo 'No MIG-enabled devices found.' && exit 6; fi
      echo "$found"
      ;;
    -dci | --destroy-compute-instance) what='compute instance' && each destroy_instances ;;
    -dgi | --destroy-gpu-instance) what='GPU instance' && each destroy_instances ;;
    *) usage && exit 2 ;;
  esac
}
