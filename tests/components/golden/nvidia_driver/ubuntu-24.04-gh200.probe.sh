# package gpg, which reads keys: installed
probe_packages gpg

# /etc/apt/keyrings/clustr-nvidia.asc: EB693B3035CD5710E231E123A4B469963BF863CC
probe_key /etc/apt/keyrings/clustr-nvidia.asc

# sources of developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/sbsa: ours alone
probe_only_source developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/sbsa /etc/apt/sources.list.d/clustr-nvidia.sources

# /etc/apt/sources.list.d/clustr-nvidia.sources: 0644 root:root | # Written by clustr. | Types: deb | URIs: https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/sbsa/ | Suites: / | Signed-By: /etc/apt/keyrings/clustr-nvidia.asc
probe_file /etc/apt/sources.list.d/clustr-nvidia.sources

# /etc/apt/preferences.d/clustr-nvidia: 0644 root:root | # Written by clustr: the driver comes from NVIDIA's repository alone. Ubuntu has packages of the same names. | Package: src:*nvidia*:any | Pin: release o=Ubuntu | Pin-Priority: -1
probe_file /etc/apt/preferences.d/clustr-nvidia

# /etc/modprobe.d/clustr-nouveau.conf: 0644 root:root | # Written by clustr: GPUs are NVIDIA's driver's. nova_core is what follows nouveau (https://docs.kernel.org/gpu/nova). | blacklist nouveau | blacklist nova_core | options nouveau modeset=0
probe_file /etc/modprobe.d/clustr-nouveau.conf

# nouveau in the initramfs: without nouveau
nvidia_driver_probe_initramfs 6.8.0-94-generic

# /etc/modprobe.d/clustr-nvidia.conf: 0644 root:root | # Written by clustr: the driver manages the GPUs' memory, the kernel does not take it for its own. | options nvidia NVreg_CoherentGPUMemoryMode=driver
probe_file /etc/modprobe.d/clustr-nvidia.conf

# DKMS and kernel headers: dkms installed | linux-headers-6.8.0-94-generic installed
probe_packages dkms linux-headers-6.8.0-94-generic

# driver: 580, held
nvidia_driver_probe_apt 580 6.8.0-94-generic nvidia-driver-pinning-580 nvidia-dkms-580-open libnvidia-compute-580 nvidia-utils-580 nvidia-persistenced

# driver in the kernel: 580 open
probe_gpu_driver 580 open 6.8.0-94-generic

# mode of the GPUs' coherent memory: driver
nvidia_driver_probe_option CoherentGPUMemoryMode driver

# /etc/systemd/system/nvidia-persistenced.service.d/40-clustr.conf: 0644 root:root | # Written by clustr. | [Unit] | StopWhenUnneeded=false |  | [Service] | ExecStartPost=/usr/bin/nvidia-smi --persistence-mode=1
probe_file /etc/systemd/system/nvidia-persistenced.service.d/40-clustr.conf

# /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf: 0644 root:root | # Written by clustr. Records at each start which files this unit was started with. | [Service] | ExecStartPre=-+/usr/local/sbin/clustr-record-start nvidia-persistenced.service /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf /etc/systemd/system/nvidia-persistenced.service.d/40-clustr.conf
probe_file /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf

# nvidia-persistenced.service at boot: enabled
probe_enabled nvidia-persistenced.service

# nvidia-persistenced.service runs: runs with its present files
probe_started nvidia-persistenced.service 6e37b35a5e21f83812a0406d73ddd410bf8721bb70515e71877c67f79ca516f6
