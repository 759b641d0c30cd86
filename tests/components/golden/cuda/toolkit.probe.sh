# package cuda-toolkit-13-0: held
probe_packages --hold cuda-toolkit-13-0

# /etc/profile.d/clustr-cuda.sh: 0644 root:root | # Written by clustr: the compiler and tools of CUDA, for shells. | case ":$PATH:" in |   *:/usr/local/cuda-13.0/bin:*) ;; |   *) export PATH="$PATH:/usr/local/cuda-13.0/bin" ;; | esac
probe_file /etc/profile.d/clustr-cuda.sh
