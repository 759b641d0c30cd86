# shellcheck shell=bash
# Keeps what follows on stdin in a folder of its own and prints the folder, for a sudo that runs only where there is a
# terminal: a script cannot go through one (lines are cut at 4,096 bytes). See run.sh for what may stand here.
umask 077 ;
echo clustr:arrived >&2 ;
box=$(mktemp -d /dev/shm/clustr.XXXXXXXX) || { cat >/dev/null ; echo clustr:no-box >&2 ; exit 90 ; } ;
cat >"$box/script" || { rm -rf "$box" ; echo clustr:no-box >&2 ; exit 90 ; } ;
printf "\n%s\n" clustr:started ; printf "\n%s\n" clustr:started >&2 ;
echo "$box"
