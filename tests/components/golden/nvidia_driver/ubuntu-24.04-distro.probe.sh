# components of the distribution's packages: restricted
nvidia_driver_probe_components restricted

# /etc/modprobe.d/clustr-nouveau.conf: 0644 root:root | # Written by clustr: GPUs are NVIDIA's driver's. nova_core is what follows nouveau (https://docs.kernel.org/gpu/nova). | blacklist nouveau | blacklist nova_core | options nouveau modeset=0
probe_file /etc/modprobe.d/clustr-nouveau.conf

# nouveau in the initramfs: without nouveau
nvidia_driver_probe_initramfs 6.8.0-94-generic

# driver: 580, held
nvidia_driver_probe_apt 580 6.8.0-94-generic '' linux-modules-nvidia-580-server-open-6.8.0-94-generic nvidia-headless-no-dkms-580-server-open nvidia-utils-580-server

# driver in the kernel: 580 open
probe_gpu_driver 580 open 6.8.0-94-generic

# /etc/systemd/system/nvidia-persistenced.service.d/40-clustr.conf: 0644 root:root | # Written by clustr. | [Unit] | StopWhenUnneeded=false |  | [Service] | ExecStartPost=/usr/bin/nvidia-smi --persistence-mode=1
probe_file /etc/systemd/system/nvidia-persistenced.service.d/40-clustr.conf

# /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf: 0644 root:root | # Written by clustr. Records at each start which files this unit was started with. | [Service] | ExecStartPre=-+/usr/local/sbin/clustr-record-start nvidia-persistenced.service /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf /etc/systemd/system/nvidia-persistenced.service.d/40-clustr.conf
probe_file /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf

# nvidia-persistenced.service at boot: enabled
probe_enabled nvidia-persistenced.service

# nvidia-persistenced.service runs: runs with its present files
probe_started nvidia-persistenced.service 6e37b35a5e21f83812a0406d73ddd410bf8721bb70515e71877c67f79ca516f6
