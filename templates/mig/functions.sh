# What the goals of mig and the unit that divides GPUs at boot call. Messages and tables are nvidia-smi's: NVIDIA's MIG user
# guide (docs.nvidia.com/datacenter/tesla/mig-user-guide), "Getting started".

# mig_total GPU PROFILE: how many of them one GPU can have: "|   0  MIG 1g.10gb        19     7/7        9.75 ..."
mig_total() {
  nvidia-smi mig -i "$1" -lgip | awk -v profile="$2" '$3 == "MIG" && $4 == profile { split($6, of, "/"); print of[2]; exit }'
}

# mig_made GPU: the profiles of its MIG devices, one each line.
mig_made() {
  nvidia-smi -L -i "$1" | awk '$1 == "MIG" { print $2 }'
}

mig_mode() {
  nvidia-smi -i "$1" --query-gpu=mig.mode.current --format=csv,noheader
}

# mig_has GPU PROFILE: whether it is divided so, wholly; with `off`, whether it is whole.
mig_has() {
  local made
  if [ "$2" = off ]; then
    [ "$(mig_mode "$1")" != Enabled ]
    return
  fi
  made=$(mig_made "$1")
  [ "$(sort -u <<<"$made")" = "$2" ] && [ "$(grep -c . <<<"$made")" = "$(mig_total "$1" "$2")" ]
}

# mig_probe PROFILE
mig_probe() {
  local gpu all found=
  if ! all=$(nvidia-smi --query-gpu=index --format=csv,noheader 2>/dev/null); then
    echo "no driver answers"
    return
  fi
  for gpu in $all; do
    if mig_has "$gpu" "$1"; then continue; fi
    found+="${found:+; }GPU $gpu: $(mig_made "$gpu" | sort | uniq -c | awk '
      { all = all (all ? ", " : "") $1 " x " $2 } END { print all ? all : "whole" }')"
  done
  echo "${found:-$1 on every GPU}"
}

# mig_divide PROFILE: every GPU, as often as the profile fits. Hopper forgets its mode when nothing keeps the driver awake.
mig_divide() {
  local gpu total
  for gpu in $(nvidia-smi --query-gpu=index --format=csv,noheader); do
    if mig_has "$gpu" "$1"; then continue; fi
    if [ "$(mig_mode "$gpu")" = Enabled ]; then
      nvidia-smi mig -i "$gpu" -dci || true # there may be none
      nvidia-smi mig -i "$gpu" -dgi || true
    fi
    if [ "$1" = off ]; then
      nvidia-smi -i "$gpu" -mig 0
    else
      nvidia-smi -i "$gpu" -mig 1
      if [ "$(mig_mode "$gpu")" != Enabled ]; then
        echo "GPU $gpu takes MIG mode at its next reset: end what uses it, or reboot the node" >&2
        return 1
      fi
      total=$(mig_total "$gpu" "$1")
      if [ -z "$total" ]; then
        echo "GPU $gpu has no MIG profile $1: nvidia-smi mig -i $gpu -lgip lists those it has" >&2
        return 1
      fi
      nvidia-smi mig -i "$gpu" -cgi "$(printf "$1%.0s," $(seq "$total") | sed 's/,$//')" -C
    fi
  done
}

# mig_change PROFILE: while nobody uses the GPUs. Then what pods get is told anew; the device plugin, a pod that holds them,
# was ended and starts with k3s.
mig_change() {
  if systemctl cat nvidia-persistenced.service >/dev/null 2>&1; then systemctl start nvidia-persistenced.service; fi
  mig_divide "$1"
  container_toolkit_refresh_cdi
}
