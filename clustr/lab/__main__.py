import sys

from clustr.lab import Spec, down, up

if sys.argv[1] == "up":
    print(up(Spec(name=sys.argv[2], servers=int(sys.argv[3]), agents=int(sys.argv[4]), artifacts="none"), print))
else:
    down(sys.argv[2], print)
