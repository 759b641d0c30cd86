# /etc/clustr/proxy.env: 0600 root:root | ffd23928536a284b8d5f50c214afc6ee9ce51b3b066d4966fc082e5a2c580ee1
probe_secret_file /etc/clustr/proxy.env

# reached without the proxy: 10.0.0.0/24: yes
package_source_probe_past_proxy 10.0.0.0/24

# /etc/apt/apt.conf.d/95clustr: 0644 root:root | // Written by clustr: proxies and authorities of artifacts. Logins are in auth.conf.d. | Acquire::http::Proxy "http://proxy.example.com:3128"; | Acquire::https::Proxy "http://proxy.example.com:3128"; | Acquire::http::Proxy::10.9.0.5 "DIRECT"; | Acquire::https::Proxy::10.9.0.5 "DIRECT"; | Acquire::http::Proxy::git.example.net "DIRECT"; | Acquire::https::Proxy::git.example.net "DIRECT"; | Acquire::http::Proxy::mirror.example.com "DIRECT"; | Acquire::https::Proxy::mirror.example.com "DIRECT"; | Acquire::https::mirror.example.com::CAInfo "/etc/clustr/artifacts-ca.pem";
probe_file /etc/apt/apt.conf.d/95clustr

# /etc/apt/auth.conf.d/95clustr.conf: 0600 root:root | 3a6a83a18893268712a931fcb0563533f5fdb3e380b99a68a41db1e89c4737cc
probe_secret_file /etc/apt/auth.conf.d/95clustr.conf

# package sources: the mirror alone
package_source_probe_sources apt ubuntu https://mirror.example.com/ubuntu ubuntu-ports https://mirror.example.com/ubuntu
