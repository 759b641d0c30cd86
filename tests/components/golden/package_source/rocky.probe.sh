# /etc/clustr/proxy.env: 0600 root:root | ffd23928536a284b8d5f50c214afc6ee9ce51b3b066d4966fc082e5a2c580ee1
probe_secret_file /etc/clustr/proxy.env

# reached without the proxy: 10.0.0.0/24: yes
package_source_probe_past_proxy 10.0.0.0/24

# proxy of dnf: 0e0a8154dc314d44646ea7f025a4c25a9a5be2c8cfab9c1032b68d7d240a3bcd
package_source_probe_dnf_proxy

# package sources: the mirror alone
package_source_probe_sources dnf dl.rockylinux.org/pub/rocky https://mirror.example.com/rocky download.example/pub/epel https://mirror.example.com/epel download.fedoraproject.org/pub/epel https://mirror.example.com/epel
