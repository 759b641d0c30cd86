# /usr/local/bin/k3s: v1.36.5+k3s1
probe_binary /usr/local/bin/k3s 5555555555555555555555555555555555555555555555555555555555555555 v1.36.5+k3s1

# /usr/local/bin/kubectl: -> k3s
probe_link /usr/local/bin/kubectl

# /usr/local/bin/crictl: -> k3s
probe_link /usr/local/bin/crictl

# /usr/local/bin/ctr: -> k3s
probe_link /usr/local/bin/ctr

# /usr/local/bin/k3s-killall.sh: 0755 root:root | #!/bin/bash
probe_file /usr/local/bin/k3s-killall.sh

# /usr/local/bin/k3s-uninstall.sh: 0755 root:root | #!/bin/bash
probe_file /usr/local/bin/k3s-uninstall.sh

# join token: 0600 root:root | 59b4a2332541af612e69ab228cc6311dae75adf6101c1de746f1b662999a7649
k3s_probe_token /etc/rancher/k3s/token ''

# agents' token: 0600 root:root | 2111e727b7ac741ed33f5f8d7ce4daa1baf623b7aeedaab2aa2783ec0c9a4239
k3s_probe_token /etc/rancher/k3s/agent-token ''

# /etc/rancher/k3s/config.yaml: 0600 root:root | # Written by clustr.
probe_file /etc/rancher/k3s/config.yaml

# /etc/systemd/system/k3s.service: 0644 root:root | # Written by clustr. Its settings are in /etc/rancher/k3s/config.yaml; proxies are artifacts of the inventory.
probe_file /etc/systemd/system/k3s.service

# /etc/systemd/system/k3s.service.d/zz-clustr-umask.conf: 0644 root:root | # Written by clustr. Last by its name: what this unit makes is read by others, whatever umask services have here.
probe_file /etc/systemd/system/k3s.service.d/zz-clustr-umask.conf

# /etc/systemd/system/k3s.service.d/50-clustr.conf: 0644 root:root | # Written by clustr. Records at each start which files this unit was started with.
probe_file /etc/systemd/system/k3s.service.d/50-clustr.conf

# k3s.service at boot: enabled
probe_enabled k3s.service

# cluster founded: founded
k3s_probe_founded /etc/rancher/k3s/config.yaml.d/00-clustr-founding.yaml

# k3s.service runs: runs with its present files
probe_started k3s.service fb83ac5389148067007db962e21ef46776ccd882a9dd110b733e212a29834cca
