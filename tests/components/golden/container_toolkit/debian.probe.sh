# package gpg, which reads keys: installed
probe_packages gpg

# /etc/apt/keyrings/clustr-nvidia-container-toolkit.asc: C95B321B61E88C1809C4F759DDCAE044F796ECB0
probe_key /etc/apt/keyrings/clustr-nvidia-container-toolkit.asc

# sources of nvidia.github.io/libnvidia-container/stable/deb/amd64: ours alone
probe_only_source nvidia.github.io/libnvidia-container/stable/deb/amd64 /etc/apt/sources.list.d/clustr-nvidia-container-toolkit.sources

# /etc/apt/sources.list.d/clustr-nvidia-container-toolkit.sources: 0644 root:root | # Written by clustr. | Types: deb | URIs: https://nvidia.github.io/libnvidia-container/stable/deb/amd64/ | Suites: / | Signed-By: /etc/apt/keyrings/clustr-nvidia-container-toolkit.asc
probe_file /etc/apt/sources.list.d/clustr-nvidia-container-toolkit.sources

# packages of the container toolkit: 1.20.1-1, held
container_toolkit_probe_apt 1.20.1-1 nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools libnvidia-container1

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
