record 8f3a204739cce13f882982cf02c4a43b <<'END_OF_RECORD'
nvidia_driver 
Y29tcG9uZW50cyBvZiB0aGUgZGlzdHJpYnV0aW9uJ3MgcGFja2FnZXM=
0
rm -f -- /etc/apt/sources.list.d/clustr-components.sources
END_OF_RECORD
nvidia_driver_apply_components restricted

record 6ec58171208d9580ffab89f176c36187 <<'END_OF_RECORD'
nvidia_driver 
L2V0Yy9tb2Rwcm9iZS5kL2NsdXN0ci1ub3V2ZWF1LmNvbmY=
1
restore_file /etc/modprobe.d/clustr-nouveau.conf
END_OF_RECORD
apply_file /etc/modprobe.d/clustr-nouveau.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr: GPUs are NVIDIA's driver's. nova_core is what follows nouveau (https://docs.kernel.org/gpu/nova).
blacklist nouveau
blacklist nova_core
options nouveau modeset=0
END_OF_FILE_BY_CLUSTR

nvidia_driver_apply_initramfs 6.8.0-94-generic

record b78710f0a2b458180425175613d05b64 <<'END_OF_RECORD'
nvidia_driver 
ZHJpdmVy
3
# stays: apt-get remove linux-modules-nvidia-580-server-open-6.8.0-94-generic nvidia-headless-no-dkms-580-server-open nvidia-utils-580-server
END_OF_RECORD
nvidia_driver_apply_apt 580 6.8.0-94-generic '' linux-modules-nvidia-580-server-open-6.8.0-94-generic nvidia-headless-no-dkms-580-server-open nvidia-utils-580-server

reload_gpu_driver 580 open 6.8.0-94-generic

record 20c7c72a174e42696c2e5f54ecd5a0d3 <<'END_OF_RECORD'
nvidia_driver 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9udmlkaWEtcGVyc2lzdGVuY2VkLnNlcnZpY2UuZC80MC1jbHVzdHIuY29uZg==
5
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
6
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
7
undo_enabled nvidia-persistenced.service
END_OF_RECORD
nvidia_driver_apply_at_boot nvidia-persistenced.service

record 299818697f22732a856a8d9fe296ba2f <<'END_OF_RECORD'
nvidia_driver 
bnZpZGlhLXBlcnNpc3RlbmNlZC5zZXJ2aWNlIHJ1bnM=
8
undo_started nvidia-persistenced.service
END_OF_RECORD
apply_started nvidia-persistenced.service 6e37b35a5e21f83812a0406d73ddd410bf8721bb70515e71877c67f79ca516f6
