# components of the distribution's packages: contrib non-free non-free-firmware
nvidia_driver_probe_components 'contrib non-free non-free-firmware'

# /etc/modprobe.d/clustr-nouveau.conf: 0644 root:root | # Written by clustr: GPUs are NVIDIA's driver's. nova_core is what follows nouveau (https://docs.kernel.org/gpu/nova). | blacklist nouveau | blacklist nova_core | options nouveau modeset=0
probe_file /etc/modprobe.d/clustr-nouveau.conf

# nouveau in the initramfs: without nouveau
nvidia_driver_probe_initramfs 6.1.0-57-amd64

# DKMS and kernel headers: dkms installed | linux-headers-6.1.0-57-amd64 installed
probe_packages dkms linux-headers-6.1.0-57-amd64

# driver: 535, held
nvidia_driver_probe_apt 535 6.1.0-57-amd64 '' nvidia-kernel-dkms libcuda1 libnvidia-cfg1 libnvidia-ml1 nvidia-smi nvidia-persistenced

# driver in the kernel: 535 proprietary
probe_gpu_driver 535 proprietary 6.1.0-57-amd64

# /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf: 0644 root:root | # Written by clustr. Records at each start which files this unit was started with. | [Service] | ExecStartPre=-+/usr/local/sbin/clustr-record-start nvidia-persistenced.service /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf
probe_file /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf

# nvidia-persistenced.service at boot: enabled
probe_enabled nvidia-persistenced.service

# nvidia-persistenced.service runs: runs with its present files
probe_started nvidia-persistenced.service a90b5f2651d80e6ee57ca9805e5b92b5d822276eec04607a86746af46b02b238
