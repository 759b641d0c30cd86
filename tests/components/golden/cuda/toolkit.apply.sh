record 196bea69bc3eba38f90d0da48da26841 <<'END_OF_RECORD'
cuda 
cGFja2FnZSBjdWRhLXRvb2xraXQtMTMtMA==
0
# stays: apt-get remove cuda-toolkit-13-0
END_OF_RECORD
apply_packages --hold cuda-toolkit-13-0

record 3981f0c922d13c12ff758b252f6f938e <<'END_OF_RECORD'
cuda 
L2V0Yy9wcm9maWxlLmQvY2x1c3RyLWN1ZGEuc2g=
1
restore_file /etc/profile.d/clustr-cuda.sh
END_OF_RECORD
apply_file /etc/profile.d/clustr-cuda.sh 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr: the compiler and tools of CUDA, for shells.
case ":$PATH:" in
  *:/usr/local/cuda-13.0/bin:*) ;;
  *) export PATH="$PATH:/usr/local/cuda-13.0/bin" ;;
esac
END_OF_FILE_BY_CLUSTR
