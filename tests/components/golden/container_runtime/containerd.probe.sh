# packages of containerd: containerd held | runc held
probe_packages --hold containerd runc

# /etc/containerd/config.toml: 0644 root:root | # Written by clustr. | version = 2 |  | [plugins."io.containerd.internal.v1.opt"] |   path = "/var/lib/containerd" |  | [plugins."io.containerd.grpc.v1.cri"] |   # Only counts where containerd may not lower a score itself, as in a container. |   restrict_oom_score_adj = true |  | [plugins."io.containerd.grpc.v1.cri".cni] |   bin_dir = "/var/lib/rancher/k3s/data/cni" |   conf_dir = "/var/lib/rancher/k3s/agent/etc/cni/net.d" |  | [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc] |   runtime_type = "io.containerd.runc.v2" |  | [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options] |   SystemdCgroup = true
probe_file /etc/containerd/config.toml

# /etc/systemd/system/containerd.service.d/zz-clustr-umask.conf: 0644 root:root | # Written by clustr. Last by its name: what this unit makes is read by others, whatever umask services have here. | [Service] | UMask=0022
probe_file /etc/systemd/system/containerd.service.d/zz-clustr-umask.conf

# /etc/systemd/system/containerd.service.d/50-clustr.conf: 0644 root:root | # Written by clustr. Records at each start which files this unit was started with. | [Service] | ExecStartPre=-+/usr/local/sbin/clustr-record-start containerd.service /etc/systemd/system/containerd.service.d/50-clustr.conf /etc/containerd/config.toml /etc/systemd/system/containerd.service.d/zz-clustr-umask.conf
probe_file /etc/systemd/system/containerd.service.d/50-clustr.conf

# containerd.service at boot: enabled
probe_enabled containerd.service

# containerd.service runs: runs with its present files
probe_started containerd.service 33f2dc53710d66a1e19aec656c09e80378b625f7cdf9f15c432ff5e77da0103a
