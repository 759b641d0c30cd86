record 222e44967fb83bb8e7b3037dc469c8a9 <<'END_OF_RECORD'
container_toolkit 
cGFja2FnZSBncGcsIHdoaWNoIHJlYWRzIGtleXM=
0
# stays: apt-get remove gpg
END_OF_RECORD
apply_packages gpg

record ba8d0913215ecc3390338baddc2d3960 <<'END_OF_RECORD'
container_toolkit 
L2V0Yy9hcHQva2V5cmluZ3MvY2x1c3RyLW52aWRpYS1jb250YWluZXItdG9vbGtpdC5hc2M=
1
rm -f -- /etc/apt/keyrings/clustr-nvidia-container-toolkit.asc
END_OF_RECORD
apply_key /etc/apt/keyrings/clustr-nvidia-container-toolkit.asc https://nvidia.github.io/libnvidia-container/gpgkey C95B321B61E88C1809C4F759DDCAE044F796ECB0

record 65a77c7b47ee78963fd32ed4ae1a4919 <<'END_OF_RECORD'
container_toolkit 
c291cmNlcyBvZiBudmlkaWEuZ2l0aHViLmlvL2xpYm52aWRpYS1jb250YWluZXIvc3RhYmxlL2RlYi9hbWQ2NA==
2
undo_only_source nvidia.github.io/libnvidia-container/stable/deb/amd64
END_OF_RECORD
apply_only_source nvidia.github.io/libnvidia-container/stable/deb/amd64 /etc/apt/sources.list.d/clustr-nvidia-container-toolkit.sources

record 3b02b633edc9bfb7bb6202f5c9261fd7 <<'END_OF_RECORD'
container_toolkit 
L2V0Yy9hcHQvc291cmNlcy5saXN0LmQvY2x1c3RyLW52aWRpYS1jb250YWluZXItdG9vbGtpdC5zb3VyY2Vz
3
restore_file /etc/apt/sources.list.d/clustr-nvidia-container-toolkit.sources
END_OF_RECORD
apply_file /etc/apt/sources.list.d/clustr-nvidia-container-toolkit.sources 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
Types: deb
URIs: https://nvidia.github.io/libnvidia-container/stable/deb/amd64/
Suites: /
Signed-By: /etc/apt/keyrings/clustr-nvidia-container-toolkit.asc
END_OF_FILE_BY_CLUSTR
keep_source_that_answers /etc/apt/sources.list.d/clustr-nvidia-container-toolkit.sources

record 6166b39bb7066f20659c73c4c4549adb <<'END_OF_RECORD'
container_toolkit 
cGFja2FnZXMgb2YgdGhlIGNvbnRhaW5lciB0b29sa2l0
4
# stays: apt-get remove nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools libnvidia-container1
END_OF_RECORD
container_toolkit_apply_apt 1.20.1-1 nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools libnvidia-container1

apply_enabled nvidia-cdi-refresh.path enabled
systemctl start nvidia-cdi-refresh.path

apply_enabled nvidia-cdi-refresh.service enabled

nvidia-ctk --quiet config --in-place --set nvidia-container-runtime.mode=cdi

container_toolkit_make_devices

container_toolkit_refresh_cdi

record c0fa708cab8f6cacf25b9bcc3913e40c <<'END_OF_RECORD'
container_toolkit 
Q0RJIHNwZWNzIGluIC9ldGMvY2RpIHRoYXQgbnZpZGlhLWN0ayBvbmNlIHdyb3Rl
10
container_toolkit_restore_specs
END_OF_RECORD
container_toolkit_set_specs_aside
