# shellcheck shell=bash
# Runs the bash script that follows on stdin, as root where it is asked for. Sent as one constant command, whatever the
# login shell: lines are joined with spaces, so each statement ends in a semicolon, and neither single quotes,
# exclamation marks nor doubled backslashes may stand here.
# It says clustr:arrived, so that a login shell that runs nothing can be told from a sudo that lets nothing through. A
# script is run in the shell that read it, with as few programs as can be: hundreds of nodes may share two cores. One
# whose end did not come, because the line was cut, is not run at all.
# stdin: "root" or "user"; a limit in seconds (0: none); the password for sudo or nothing; the script; its end.
echo clustr:arrived >&2 ;
IFS= read -r how ; IFS= read -r limit ; IFS= read -r password ;
run="cd / ; umask 022 ; export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin ;
  set -- \"\$(cat)\" ; exec </dev/null ;
  [[ \$1 = *\"#clustr:end\" ]] || exit 90 ;
  printf \"\n%s\n\" clustr:started ; printf \"\n%s\n\" clustr:started >&2 ;
  eval \"\$1\"" ;
words=(bash --norc -c "$run") ;
[ "$limit" = 0 ] || words=(timeout -k 5 "$limit" "${words[@]}") ;
if [ "$how" = user ] || [ "$EUID" = 0 ] ; then
  [ "$limit" = 0 ] || exec "${words[@]}" ;
  set -- "$run" ; unset how limit password run words ; eval "$1" ; exit ;
fi ;
cd / ; export LC_ALL=C ;
command -v sudo >/dev/null || { cat >/dev/null ; echo clustr:no-sudo >&2 ; exit 90 ; } ;
if [ -z "$password" ] ; then exec sudo -n -k "${words[@]}" ; fi ;
umask 077 ;
box=$(mktemp -d /dev/shm/clustr.XXXXXXXX) || { cat >/dev/null ; echo clustr:no-box >&2 ; exit 90 ; } ;
trap "rm -rf \"\$box\"" EXIT ;
trap "exit 129" HUP INT TERM ;
cat >"$box/script" || { echo clustr:no-box >&2 ; exit 90 ; } ;
start="script=\$1 ; shift ; exec \"\$@\" <\"\$script\"" ;
printf "%s\n" "$password" | sudo -S -p "" -k sh -c "$start" sh "$box/script" "${words[@]}"
