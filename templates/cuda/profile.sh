# Written by clustr: the compiler and tools of CUDA, for shells.
case ":$PATH:" in
  *:{{ folder }}/bin:*) ;;
  *) export PATH="$PATH:{{ folder }}/bin" ;;
esac
