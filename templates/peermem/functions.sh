# What the goal of peermem calls.

peermem_probe() {
  if [ -e /sys/module/nvidia_peermem ]; then echo loaded; else echo "not loaded"; fi
}

# What DKMS built before DOCA-OFED came answers "Invalid argument": it was built without the fabric.
peermem_load() {
  local said module
  if said=$(modprobe nvidia_peermem 2>&1); then return; fi
  echo "$said" >&2
  case $said in *'Invalid argument'*)
    module=$(dkms status | sed -n 's|^\(nvidia[^:,]*\).*|\1|p' | sort -u | tail -n 1)
    echo "it was built before DOCA-OFED was there: dkms build --force ${module:-nvidia/VERSION} -k $(uname -r), then" \
      "dkms install --force of the same; then run the same again" >&2
    ;;
  esac
  return 1
}
