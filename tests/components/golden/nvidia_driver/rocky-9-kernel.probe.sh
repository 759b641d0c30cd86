# /etc/pki/rpm-gpg/RPM-GPG-KEY-clustr-nvidia: 610C7B14E068A878070DA4E99CD0A493D42D0685
probe_key /etc/pki/rpm-gpg/RPM-GPG-KEY-clustr-nvidia

# /etc/yum.repos.d/clustr-nvidia.repo: 0644 root:root | # Written by clustr. | [clustr-nvidia] | name=NVIDIA CUDA | baseurl=https://developer.download.nvidia.com/compute/cuda/repos/rhel9/x86_64 | enabled=1 | gpgcheck=1 | # Its packages are signed, its lists are not everywhere. | repo_gpgcheck=0 | gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-clustr-nvidia
probe_file /etc/yum.repos.d/clustr-nvidia.repo

# kernel 5.14.0-611.5.1.el9_7.x86_64: kernel-5.14.0-611.5.1.el9_7.x86_64 installed | kernel-devel-5.14.0-611.5.1.el9_7.x86_64 installed
probe_packages kernel-5.14.0-611.5.1.el9_7.x86_64 kernel-devel-5.14.0-611.5.1.el9_7.x86_64

# /etc/modprobe.d/clustr-nouveau.conf: 0644 root:root | # Written by clustr: GPUs are NVIDIA's driver's. nova_core is what follows nouveau (https://docs.kernel.org/gpu/nova). | blacklist nouveau | blacklist nova_core | options nouveau modeset=0
probe_file /etc/modprobe.d/clustr-nouveau.conf

# /etc/dracut.conf.d/clustr-nouveau.conf: 0644 root:root | # Written by clustr. | omit_drivers+=" nouveau nova_core "
probe_file /etc/dracut.conf.d/clustr-nouveau.conf

# nouveau in the initramfs: without nouveau
nvidia_driver_probe_initramfs 5.14.0-611.5.1.el9_7.x86_64

# package epel-release, whose repository has dkms: installed
probe_packages epel-release

# DKMS and kernel headers: dkms installed | kernel-devel-5.14.0-611.5.1.el9_7.x86_64 installed
probe_packages dkms kernel-devel-5.14.0-611.5.1.el9_7.x86_64

# driver: 580, held
nvidia_driver_probe_dnf 580 5.14.0-611.5.1.el9_7.x86_64 nvidia-driver:580-open kmod-nvidia-open-dkms nvidia-driver-cuda nvidia-persistenced

# driver in the kernel: 580 open
probe_gpu_driver 580 open 5.14.0-611.5.1.el9_7.x86_64

# kernel that runs: 5.14.0-611.5.1.el9_7.x86_64
uname -r

# /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf: 0644 root:root | # Written by clustr. Records at each start which files this unit was started with. | [Service] | ExecStartPre=-+/usr/local/sbin/clustr-record-start nvidia-persistenced.service /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf
probe_file /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf

# nvidia-persistenced.service at boot: enabled
probe_enabled nvidia-persistenced.service

# nvidia-persistenced.service runs: runs with its present files
probe_started nvidia-persistenced.service a90b5f2651d80e6ee57ca9805e5b92b5d822276eec04607a86746af46b02b238
