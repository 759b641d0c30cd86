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

record edfc3aa2b4d01a0b9b251f09adfda430 <<'END_OF_RECORD'
package_source 
cHJveHkgb2YgZG5m
2
package_source_apply_dnf_proxy </dev/null
END_OF_RECORD
package_source_apply_dnf_proxy <<'END_BY_CLUSTR'
proxy=http://proxy.example.com:3128
proxy_username=clustr
proxy_password=p@ss
END_BY_CLUSTR

record c4de3e8567c91dffde5b3a700f4ce3fd <<'END_OF_RECORD'
package_source 
cGFja2FnZSBzb3VyY2Vz
3
package_source_undo_sources
END_OF_RECORD
package_source_apply_sources dnf dl.rockylinux.org/pub/rocky https://mirror.example.com/rocky download.example/pub/epel https://mirror.example.com/epel download.fedoraproject.org/pub/epel https://mirror.example.com/epel <<'END_BY_CLUSTR'
sslcacert=/etc/clustr/artifacts-ca.pem
proxy=
END_BY_CLUSTR
