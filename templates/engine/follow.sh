# Follows the apply unit's log from line {{ line }} on; ends with the verdict, or with "cut" where there is none.
follow() {
  local clustr=/var/lib/clustr watcher
  (
    # While systemd reloads it may not answer, or not know the unit for a moment: gone is what is gone for a second.
    gone=0
    while [ ! -f "$clustr/verdict" ] && [ "$gone" -lt 5 ]; do
      case $(systemctl show -p ActiveState --value clustr-apply.service 2>/dev/null) in
        inactive | failed) gone=$((gone + 1)) ;;
        *) gone=0 ;;
      esac
      sleep 0.2
    done
  ) &
  watcher=$!
  tail -n +{{ line }} -s 0.2 -f --pid="$watcher" "$clustr/apply.log"
  [ -z "$(tail -c 1 "$clustr/apply.log")" ] || echo
  if [ -f "$clustr/verdict" ]; then
    echo "::verdict"
    cat "$clustr/verdict"
  else
    echo "::cut"
  fi
}
follow
