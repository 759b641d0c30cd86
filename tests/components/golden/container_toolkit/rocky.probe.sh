# /etc/pki/rpm-gpg/RPM-GPG-KEY-clustr-nvidia-container-toolkit: C95B321B61E88C1809C4F759DDCAE044F796ECB0
probe_key /etc/pki/rpm-gpg/RPM-GPG-KEY-clustr-nvidia-container-toolkit

# /etc/yum.repos.d/clustr-nvidia-container-toolkit.repo: 0644 root:root | # Written by clustr. | [clustr-nvidia-container-toolkit] | name=NVIDIA Container Toolkit | baseurl=https://nvidia.github.io/libnvidia-container/stable/rpm/x86_64 | enabled=1 | # Its lists are signed and name its packages by their sums; the packages are not signed. | gpgcheck=0 | repo_gpgcheck=1 | gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-clustr-nvidia-container-toolkit
probe_file /etc/yum.repos.d/clustr-nvidia-container-toolkit.repo

# packages of the container toolkit: 1.20.1-1, held
container_toolkit_probe_dnf 1.20.1-1 nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools libnvidia-container1

# nvidia-cdi-refresh.path at boot: enabled
probe_enabled nvidia-cdi-refresh.path

# nvidia-cdi-refresh.service at boot: enabled
probe_enabled nvidia-cdi-refresh.service

# mode of nvidia-container-runtime: cdi
container_toolkit_probe_mode

# device files of the driver: nvidiactl, nvidia-uvm
container_toolkit_probe_devices

# CDI spec: of the loaded driver
container_toolkit_probe_cdi

# CDI specs in /etc/cdi that nvidia-ctk once wrote: none
container_toolkit_probe_other_specs
