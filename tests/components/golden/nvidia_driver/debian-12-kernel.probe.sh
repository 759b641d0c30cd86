# components of the distribution's packages: contrib
nvidia_driver_probe_components contrib

# package gpg, which reads keys: installed
probe_packages gpg

# /etc/apt/keyrings/clustr-nvidia.asc: EB693B3035CD5710E231E123A4B469963BF863CC
probe_key /etc/apt/keyrings/clustr-nvidia.asc

# sources of developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64: ours alone
probe_only_source developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64 /etc/apt/sources.list.d/clustr-nvidia.sources

# /etc/apt/sources.list.d/clustr-nvidia.sources: 0644 root:root | # Written by clustr. | Types: deb | URIs: https://developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64/ | Suites: / | Signed-By: /etc/apt/keyrings/clustr-nvidia.asc
probe_file /etc/apt/sources.list.d/clustr-nvidia.sources

# kernel 6.1.0-57-amd64: linux-image-6.1.0-57-amd64 installed | linux-headers-6.1.0-57-amd64 installed
probe_packages linux-image-6.1.0-57-amd64 linux-headers-6.1.0-57-amd64

# /etc/modprobe.d/clustr-nouveau.conf: 0644 root:root | # Written by clustr: GPUs are NVIDIA's driver's. nova_core is what follows nouveau (https://docs.kernel.org/gpu/nova). | blacklist nouveau | blacklist nova_core | options nouveau modeset=0
probe_file /etc/modprobe.d/clustr-nouveau.conf

# nouveau in the initramfs: without nouveau
nvidia_driver_probe_initramfs 6.1.0-57-amd64

# DKMS and kernel headers: dkms installed | linux-headers-6.1.0-57-amd64 installed
probe_packages dkms linux-headers-6.1.0-57-amd64

# driver: 580, held
nvidia_driver_probe_apt 580 6.1.0-57-amd64 nvidia-driver-pinning-580 nvidia-kernel-open-dkms nvidia-driver-cuda nvidia-persistenced

# driver in the kernel: 580 open
probe_gpu_driver 580 open 6.1.0-57-amd64

# kernel that runs: 6.1.0-57-amd64
uname -r

# /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf: 0644 root:root | # Written by clustr. Records at each start which files this unit was started with. | [Service] | ExecStartPre=-+/usr/local/sbin/clustr-record-start nvidia-persistenced.service /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf
probe_file /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf

# nvidia-persistenced.service at boot: enabled
probe_enabled nvidia-persistenced.service

# nvidia-persistenced.service runs: runs with its present files
probe_started nvidia-persistenced.service a90b5f2651d80e6ee57ca9805e5b92b5d822276eec04607a86746af46b02b238
