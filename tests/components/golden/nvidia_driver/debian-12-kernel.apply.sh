record 8f3a204739cce13f882982cf02c4a43b <<'END_OF_RECORD'
nvidia_driver 
Y29tcG9uZW50cyBvZiB0aGUgZGlzdHJpYnV0aW9uJ3MgcGFja2FnZXM=
0
rm -f -- /etc/apt/sources.list.d/clustr-components.sources
END_OF_RECORD
nvidia_driver_apply_components contrib

record b9001a98d37a8e7a78397cf466143cf5 <<'END_OF_RECORD'
nvidia_driver 
cGFja2FnZSBncGcsIHdoaWNoIHJlYWRzIGtleXM=
1
# stays: apt-get remove gpg
END_OF_RECORD
apply_packages gpg

record 113da6a37b6eb68f626cd545bb8e73ea <<'END_OF_RECORD'
nvidia_driver 
L2V0Yy9hcHQva2V5cmluZ3MvY2x1c3RyLW52aWRpYS5hc2M=
2
rm -f -- /etc/apt/keyrings/clustr-nvidia.asc
END_OF_RECORD
apply_key /etc/apt/keyrings/clustr-nvidia.asc https://developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64/3bf863cc.pub EB693B3035CD5710E231E123A4B469963BF863CC

record a6e18b72c115de27bf3dd448ff9a30ca <<'END_OF_RECORD'
nvidia_driver 
c291cmNlcyBvZiBkZXZlbG9wZXIuZG93bmxvYWQubnZpZGlhLmNvbS9jb21wdXRlL2N1ZGEvcmVwb3MvZGViaWFuMTIveDg2XzY0
3
undo_only_source developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64
END_OF_RECORD
apply_only_source developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64 /etc/apt/sources.list.d/clustr-nvidia.sources

record 86d7f05ae1f029df65842b9c4c371d67 <<'END_OF_RECORD'
nvidia_driver 
L2V0Yy9hcHQvc291cmNlcy5saXN0LmQvY2x1c3RyLW52aWRpYS5zb3VyY2Vz
4
restore_file /etc/apt/sources.list.d/clustr-nvidia.sources
END_OF_RECORD
apply_file /etc/apt/sources.list.d/clustr-nvidia.sources 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
Types: deb
URIs: https://developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64/
Suites: /
Signed-By: /etc/apt/keyrings/clustr-nvidia.asc
END_OF_FILE_BY_CLUSTR
keep_source_that_answers /etc/apt/sources.list.d/clustr-nvidia.sources

record 50c83fdc264b4ac8459008cc21362fd6 <<'END_OF_RECORD'
nvidia_driver 
a2VybmVsIDYuMS4wLTU3LWFtZDY0
5
# stays: apt-get remove linux-image-6.1.0-57-amd64 linux-headers-6.1.0-57-amd64
END_OF_RECORD
apply_packages linux-image-6.1.0-57-amd64 linux-headers-6.1.0-57-amd64

record 6ec58171208d9580ffab89f176c36187 <<'END_OF_RECORD'
nvidia_driver 
L2V0Yy9tb2Rwcm9iZS5kL2NsdXN0ci1ub3V2ZWF1LmNvbmY=
6
restore_file /etc/modprobe.d/clustr-nouveau.conf
END_OF_RECORD
apply_file /etc/modprobe.d/clustr-nouveau.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr: GPUs are NVIDIA's driver's. nova_core is what follows nouveau (https://docs.kernel.org/gpu/nova).
blacklist nouveau
blacklist nova_core
options nouveau modeset=0
END_OF_FILE_BY_CLUSTR

nvidia_driver_apply_initramfs 6.1.0-57-amd64

record bcd895773c17e9048db64bfd6f172583 <<'END_OF_RECORD'
nvidia_driver 
REtNUyBhbmQga2VybmVsIGhlYWRlcnM=
8
# stays: apt-get remove dkms linux-headers-6.1.0-57-amd64
END_OF_RECORD
apply_packages dkms linux-headers-6.1.0-57-amd64

record b78710f0a2b458180425175613d05b64 <<'END_OF_RECORD'
nvidia_driver 
ZHJpdmVy
9
# stays: apt-get remove nvidia-kernel-open-dkms nvidia-driver-cuda nvidia-persistenced
END_OF_RECORD
nvidia_driver_apply_apt 580 6.1.0-57-amd64 nvidia-driver-pinning-580 nvidia-kernel-open-dkms nvidia-driver-cuda nvidia-persistenced

reload_gpu_driver 580 open 6.1.0-57-amd64

:

record 11c80e644c9d4f82870064c8003ce56b <<'END_OF_RECORD'
nvidia_driver 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9udmlkaWEtcGVyc2lzdGVuY2VkLnNlcnZpY2UuZC81MC1jbHVzdHIuY29uZg==
12
restore_file /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Records at each start which files this unit was started with.
[Service]
ExecStartPre=-+/usr/local/sbin/clustr-record-start nvidia-persistenced.service /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf
END_OF_FILE_BY_CLUSTR

record a5e035613d5bf48653f1aa41ab0d944d <<'END_OF_RECORD'
nvidia_driver 
bnZpZGlhLXBlcnNpc3RlbmNlZC5zZXJ2aWNlIGF0IGJvb3Q=
13
undo_enabled nvidia-persistenced.service
END_OF_RECORD
nvidia_driver_apply_at_boot nvidia-persistenced.service

record 299818697f22732a856a8d9fe296ba2f <<'END_OF_RECORD'
nvidia_driver 
bnZpZGlhLXBlcnNpc3RlbmNlZC5zZXJ2aWNlIHJ1bnM=
14
undo_started nvidia-persistenced.service
END_OF_RECORD
apply_started nvidia-persistenced.service a90b5f2651d80e6ee57ca9805e5b92b5d822276eec04607a86746af46b02b238
