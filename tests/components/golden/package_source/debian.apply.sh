record fff20459f1b5dd856b95b72f96e52d88 <<'END_OF_RECORD'
package_source 
L2V0Yy9jbHVzdHIvcHJveHkuZW52
0
restore_file /etc/clustr/proxy.env
use_proxy
END_OF_RECORD
apply_file /etc/clustr/proxy.env 0600 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
http_proxy='http://clustr:p%40ss@proxy.example.com:3128'
HTTP_PROXY='http://clustr:p%40ss@proxy.example.com:3128'
https_proxy='http://clustr:p%40ss@proxy.example.com:3128'
HTTPS_PROXY='http://clustr:p%40ss@proxy.example.com:3128'
no_proxy='localhost,127.0.0.1,127.0.0.0/8,10.42.0.0/16,10.43.0.0/16,10.0.0.0/24,.svc,.cluster.local,test.k3s.internal,.example.com,10.9.0.0/16,git.example.net,10.9.0.5,mirror.example.com'
NO_PROXY='localhost,127.0.0.1,127.0.0.0/8,10.42.0.0/16,10.43.0.0/16,10.0.0.0/24,.svc,.cluster.local,test.k3s.internal,.example.com,10.9.0.0/16,git.example.net,10.9.0.5,mirror.example.com'
END_OF_FILE_BY_CLUSTR
use_proxy

record 56e3fc2e9bcd007d3e0949f1e0e158cb <<'END_OF_RECORD'
package_source 
cmVhY2hlZCB3aXRob3V0IHRoZSBwcm94eTogMTAuMC4wLjAvMjQ=
1
:
END_OF_RECORD
[ "$(package_source_probe_past_proxy 10.0.0.0/24)" = yes ]

record 8efbbfddfde062a990040dc982d2f27b <<'END_OF_RECORD'
package_source 
L2V0Yy9hcHQvYXB0LmNvbmYuZC85NWNsdXN0cg==
2
restore_file /etc/apt/apt.conf.d/95clustr
END_OF_RECORD
apply_file /etc/apt/apt.conf.d/95clustr 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
// Written by clustr: proxies and authorities of artifacts. Logins are in auth.conf.d.
Acquire::http::Proxy "http://proxy.example.com:3128";
Acquire::https::Proxy "http://proxy.example.com:3128";
Acquire::http::Proxy::10.9.0.5 "DIRECT";
Acquire::https::Proxy::10.9.0.5 "DIRECT";
Acquire::http::Proxy::git.example.net "DIRECT";
Acquire::https::Proxy::git.example.net "DIRECT";
Acquire::http::Proxy::mirror.example.com "DIRECT";
Acquire::https::Proxy::mirror.example.com "DIRECT";
Acquire::https::mirror.example.com::CAInfo "/etc/clustr/artifacts-ca.pem";
END_OF_FILE_BY_CLUSTR

record e6202572d251f0ccd862d0c3236fd259 <<'END_OF_RECORD'
package_source 
L2V0Yy9hcHQvYXV0aC5jb25mLmQvOTVjbHVzdHIuY29uZg==
3
restore_file /etc/apt/auth.conf.d/95clustr.conf
END_OF_RECORD
apply_file /etc/apt/auth.conf.d/95clustr.conf 0600 root:root <<'END_OF_FILE_BY_CLUSTR'
machine http://proxy.example.com:3128 login clustr password p@ss
END_OF_FILE_BY_CLUSTR

record c4de3e8567c91dffde5b3a700f4ce3fd <<'END_OF_RECORD'
package_source 
cGFja2FnZSBzb3VyY2Vz
4
package_source_undo_sources
END_OF_RECORD
package_source_apply_sources apt debian https://mirror.example.com/debian debian-security http://10.9.0.5/security <<'END_BY_CLUSTR'
# Written by clustr.
Types: deb
URIs: https://mirror.example.com/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://10.9.0.5/security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END_BY_CLUSTR
