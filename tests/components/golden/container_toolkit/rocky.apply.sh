record 1c8f5c3a6314ffe85ee3a1891327029a <<'END_OF_RECORD'
container_toolkit 
L2V0Yy9wa2kvcnBtLWdwZy9SUE0tR1BHLUtFWS1jbHVzdHItbnZpZGlhLWNvbnRhaW5lci10b29sa2l0
0
rm -f -- /etc/pki/rpm-gpg/RPM-GPG-KEY-clustr-nvidia-container-toolkit
END_OF_RECORD
apply_key /etc/pki/rpm-gpg/RPM-GPG-KEY-clustr-nvidia-container-toolkit https://nvidia.github.io/libnvidia-container/gpgkey C95B321B61E88C1809C4F759DDCAE044F796ECB0

record 35a56eb790e966d4050cacd22fc63582 <<'END_OF_RECORD'
container_toolkit 
L2V0Yy95dW0ucmVwb3MuZC9jbHVzdHItbnZpZGlhLWNvbnRhaW5lci10b29sa2l0LnJlcG8=
1
restore_file /etc/yum.repos.d/clustr-nvidia-container-toolkit.repo
END_OF_RECORD
apply_file /etc/yum.repos.d/clustr-nvidia-container-toolkit.repo 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
[clustr-nvidia-container-toolkit]
name=NVIDIA Container Toolkit
baseurl=https://nvidia.github.io/libnvidia-container/stable/rpm/x86_64
enabled=1
# Its lists are signed and name its packages by their sums; the packages are not signed.
gpgcheck=0
repo_gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-clustr-nvidia-container-toolkit
END_OF_FILE_BY_CLUSTR

record 6166b39bb7066f20659c73c4c4549adb <<'END_OF_RECORD'
container_toolkit 
cGFja2FnZXMgb2YgdGhlIGNvbnRhaW5lciB0b29sa2l0
2
# stays: dnf remove nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools libnvidia-container1
END_OF_RECORD
container_toolkit_apply_dnf 1.20.1-1 nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools libnvidia-container1

apply_enabled nvidia-cdi-refresh.path enabled
systemctl start nvidia-cdi-refresh.path

apply_enabled nvidia-cdi-refresh.service enabled

nvidia-ctk --quiet config --in-place --set nvidia-container-runtime.mode=cdi

container_toolkit_make_devices

container_toolkit_refresh_cdi

record c0fa708cab8f6cacf25b9bcc3913e40c <<'END_OF_RECORD'
container_toolkit 
Q0RJIHNwZWNzIGluIC9ldGMvY2RpIHRoYXQgbnZpZGlhLWN0ayBvbmNlIHdyb3Rl
8
container_toolkit_restore_specs
END_OF_RECORD
container_toolkit_set_specs_aside
