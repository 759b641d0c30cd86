# shellcheck shell=sh disable=SC2034 # they are for those who read this file
# What the stand-ins of a lab's GPU node share. POSIX: nvidia-smi runs in pods too, where busybox is all there is.
# In $state, made anew at each boot and seen by pods that have GPUs: board, gpus/INDEX, faults, mig/INDEX, and
# modules/NAME with the version of what is loaded.
state=/run/clustr-lab/gpu
# What is mounted over the kernel's own folders.
sys=/run/clustr-lab/sys
# What the machine itself is, and is again after a boot: the same, as it left the factory, and the faults that are on.
machine=/usr/local/lib/clustr-lab/gpu
label='clustr lab stand-in'

# device_file NAME: a character device that can be opened and does nothing.
device_file() {
  if [ ! -e "/dev/$1" ]; then mknod -m 0666 "/dev/$1" c 1 3; fi
}

# of FIELD FILE: what a board or a GPU has there.
of() {
  sed -n "s/^$1=//p" "$2"
}

# loaded MODULE
loaded() {
  [ -e "$state/modules/$1" ]
}

# faulty FAULT [INDEX]: whether it is on, for this GPU or port where one is named.
faulty() {
  [ -r "$state/faults" ] && grep -qx -- "$1 ${2:-[0-9]*}" "$state/faults"
}
