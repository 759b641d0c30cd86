record b9001a98d37a8e7a78397cf466143cf5 <<'END_OF_RECORD'
nvidia_driver 
cGFja2FnZSBncGcsIHdoaWNoIHJlYWRzIGtleXM=
0
# stays: apt-get remove gpg
END_OF_RECORD
apply_packages gpg

record 113da6a37b6eb68f626cd545bb8e73ea <<'END_OF_RECORD'
nvidia_driver 
L2V0Yy9hcHQva2V5cmluZ3MvY2x1c3RyLW52aWRpYS5hc2M=
1
rm -f -- /etc/apt/keyrings/clustr-nvidia.asc
END_OF_RECORD
apply_key /etc/apt/keyrings/clustr-nvidia.asc https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64/3bf863cc.pub EB693B3035CD5710E231E123A4B469963BF863CC

record 6b3e3ae62043592632f907dd37bca5af <<'END_OF_RECORD'
nvidia_driver 
c291cmNlcyBvZiBkZXZlbG9wZXIuZG93bmxvYWQubnZpZGlhLmNvbS9jb21wdXRlL2N1ZGEvcmVwb3MvdWJ1bnR1MjQwNC94ODZfNjQ=
2
undo_only_source developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64
END_OF_RECORD
apply_only_source developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64 /etc/apt/sources.list.d/clustr-nvidia.sources

record 86d7f05ae1f029df65842b9c4c371d67 <<'END_OF_RECORD'
nvidia_driver 
L2V0Yy9hcHQvc291cmNlcy5saXN0LmQvY2x1c3RyLW52aWRpYS5zb3VyY2Vz
3
restore_file /etc/apt/sources.list.d/clustr-nvidia.sources
END_OF_RECORD
apply_file /etc/apt/sources.list.d/clustr-nvidia.sources 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
Types: deb
URIs: https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64/
Suites: /
Signed-By: /etc/apt/keyrings/clustr-nvidia.asc
END_OF_FILE_BY_CLUSTR
keep_source_that_answers /etc/apt/sources.list.d/clustr-nvidia.sources

record 86ee13edb10d0bb1ea6f7931959a0452 <<'END_OF_RECORD'
nvidia_driver 
L2V0Yy9hcHQvcHJlZmVyZW5jZXMuZC9jbHVzdHItbnZpZGlh
4
restore_file /etc/apt/preferences.d/clustr-nvidia
END_OF_RECORD
apply_file /etc/apt/preferences.d/clustr-nvidia 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr: the driver comes from NVIDIA's repository alone. Ubuntu has packages of the same names.
Package: src:*nvidia*:any
Pin: release o=Ubuntu
Pin-Priority: -1
END_OF_FILE_BY_CLUSTR

record 6ec58171208d9580ffab89f176c36187 <<'END_OF_RECORD'
nvidia_driver 
L2V0Yy9tb2Rwcm9iZS5kL2NsdXN0ci1ub3V2ZWF1LmNvbmY=
5
restore_file /etc/modprobe.d/clustr-nouveau.conf
END_OF_RECORD
apply_file /etc/modprobe.d/clustr-nouveau.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr: GPUs are NVIDIA's driver's. nova_core is what follows nouveau (https://docs.kernel.org/gpu/nova).
blacklist nouveau
blacklist nova_core
options nouveau modeset=0
END_OF_FILE_BY_CLUSTR

nvidia_driver_apply_initramfs 6.8.0-94-generic

record bcd895773c17e9048db64bfd6f172583 <<'END_OF_RECORD'
nvidia_driver 
REtNUyBhbmQga2VybmVsIGhlYWRlcnM=
7
# stays: apt-get remove dkms linux-headers-6.8.0-94-generic
END_OF_RECORD
apply_packages dkms linux-headers-6.8.0-94-generic

record b78710f0a2b458180425175613d05b64 <<'END_OF_RECORD'
nvidia_driver 
ZHJpdmVy
8
# stays: apt-get remove nvidia-dkms-580-open libnvidia-compute-580 nvidia-utils-580 nvidia-persistenced
END_OF_RECORD
nvidia_driver_apply_apt 580 6.8.0-94-generic nvidia-driver-pinning-580 nvidia-dkms-580-open libnvidia-compute-580 nvidia-utils-580 nvidia-persistenced

reload_gpu_driver 580 open 6.8.0-94-generic

record 20c7c72a174e42696c2e5f54ecd5a0d3 <<'END_OF_RECORD'
nvidia_driver 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9udmlkaWEtcGVyc2lzdGVuY2VkLnNlcnZpY2UuZC80MC1jbHVzdHIuY29uZg==
10
restore_file /etc/systemd/system/nvidia-persistenced.service.d/40-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/nvidia-persistenced.service.d/40-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
[Unit]
StopWhenUnneeded=false

[Service]
ExecStartPost=/usr/bin/nvidia-smi --persistence-mode=1
END_OF_FILE_BY_CLUSTR

record 11c80e644c9d4f82870064c8003ce56b <<'END_OF_RECORD'
nvidia_driver 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9udmlkaWEtcGVyc2lzdGVuY2VkLnNlcnZpY2UuZC81MC1jbHVzdHIuY29uZg==
11
restore_file /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Records at each start which files this unit was started with.
[Service]
ExecStartPre=-+/usr/local/sbin/clustr-record-start nvidia-persistenced.service /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf /etc/systemd/system/nvidia-persistenced.service.d/40-clustr.conf
END_OF_FILE_BY_CLUSTR

record a5e035613d5bf48653f1aa41ab0d944d <<'END_OF_RECORD'
nvidia_driver 
bnZpZGlhLXBlcnNpc3RlbmNlZC5zZXJ2aWNlIGF0IGJvb3Q=
12
undo_enabled nvidia-persistenced.service
END_OF_RECORD
nvidia_driver_apply_at_boot nvidia-persistenced.service

record 299818697f22732a856a8d9fe296ba2f <<'END_OF_RECORD'
nvidia_driver 
bnZpZGlhLXBlcnNpc3RlbmNlZC5zZXJ2aWNlIHJ1bnM=
13
undo_started nvidia-persistenced.service
END_OF_RECORD
apply_started nvidia-persistenced.service 6e37b35a5e21f83812a0406d73ddd410bf8721bb70515e71877c67f79ca516f6
