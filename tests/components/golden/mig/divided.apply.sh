record e6fae8edbf2935e0e559af46ca80f82d <<'END_OF_RECORD'
mig 
L3Vzci9sb2NhbC9saWIvY2x1c3RyL21pZw==
0
restore_file /usr/local/lib/clustr/mig
END_OF_RECORD
apply_file /usr/local/lib/clustr/mig 0755 root:root <<'END_OF_FILE_BY_CLUSTR'
#!/bin/bash
# Written by clustr: divides the GPUs at boot, which they do not remember.
set -Eeuo pipefail
export LC_ALL=C PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# What the goals of mig and the unit that divides GPUs at boot call. Messages and tables are nvidia-smi's: NVIDIA's MIG user
# guide (docs.nvidia.com/datacenter/tesla/mig-user-guide), "Getting started".

# mig_total GPU PROFILE: how many of them one GPU can have: "|   0  MIG 1g.10gb        19     7/7        9.75 ..."
mig_total() {
  nvidia-smi mig -i "$1" -lgip | awk -v profile="$2" '$3 == "MIG" && $4 == profile { split($6, of, "/"); print of[2] }'
}

mig_profiles() {
  nvidia-smi mig -i "$1" -lgip | awk '$3 == "MIG" { all = all (all ? ", " : "") $4 } END { print all ? all : "none" }'
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
  local gpu
  for gpu in $(nvidia-smi --query-gpu=index --format=csv,noheader); do
    if mig_has "$gpu" "$1"; then continue; fi
    if [ "$1" = off ]; then
      if [ "$(mig_mode "$gpu")" = Enabled ]; then mig_destroy "$gpu"; fi
      nvidia-smi -i "$gpu" -mig 0
    else
      mig_divide_gpu "$gpu" "$1"
    fi
  done
}

# mig_destroy GPU: all instances that it has, if any.
mig_destroy() {
  nvidia-smi mig -i "$1" -dci || true
  nvidia-smi mig -i "$1" -dgi || true
}

# mig_divide_gpu GPU PROFILE: what it has goes only once it is known to have the profile. Profiles are listed in MIG mode
# alone, so a GPU without this one is given its mode back.
mig_divide_gpu() {
  local total before
  before=$(mig_mode "$1")
  if [ "$before" != Enabled ]; then
    nvidia-smi -i "$1" -mig 1
    if [ "$(mig_mode "$1")" != Enabled ]; then
      echo "GPU $1 takes MIG mode at its next reset: end what uses it, or reboot the node" >&2
      return 1
    fi
  fi
  total=$(mig_total "$1" "$2" || true)
  if [ -z "$total" ]; then
    echo "GPU $1 has no MIG profile $2; it has: $(mig_profiles "$1")" >&2
    if [ "$before" != Enabled ]; then nvidia-smi -i "$1" -mig 0 >&2; fi
    return 1
  fi
  if [ "$before" = Enabled ]; then mig_destroy "$1"; fi
  nvidia-smi mig -i "$1" -cgi "$(printf "$2%.0s," $(seq "$total") | sed 's/,$//')" -C
}

# mig_change PROFILE: while nobody uses the GPUs. Then what pods get is told anew; the device plugin, a pod that holds them,
# was ended and starts with k3s.
mig_change() {
  if systemctl cat nvidia-persistenced.service >/dev/null 2>&1; then systemctl start nvidia-persistenced.service; fi
  mig_divide "$1"
  container_toolkit_refresh_cdi
}

mig_divide 1g.10gb
END_OF_FILE_BY_CLUSTR

record 230de7b0ea319a0c1a2accc6ab408b8f <<'END_OF_RECORD'
mig 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9jbHVzdHItbWlnLnNlcnZpY2U=
1
restore_file /etc/systemd/system/clustr-mig.service
END_OF_RECORD
apply_file /etc/systemd/system/clustr-mig.service 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
[Unit]
Description=MIG devices of this node's class
After=nvidia-persistenced.service nvidia-fabricmanager.service
Before=nvidia-cdi-refresh.service nvidia-dcgm.service k3s.service k3s-agent.service containerd.service docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/clustr/mig

[Install]
WantedBy=multi-user.target
END_OF_FILE_BY_CLUSTR

record c8aea2771eabd8e15978ba33580fe3fd <<'END_OF_RECORD'
mig 
Y2x1c3RyLW1pZy5zZXJ2aWNlIGF0IGJvb3Q=
2
undo_enabled clustr-mig.service
END_OF_RECORD
systemctl daemon-reload
apply_enabled clustr-mig.service enabled

with_idle_gpus mig_change 1g.10gb
