# Follows this run's apply from line {{ line }} of its log on; ends with the verdict, or with "cut" where there is none, or
# with "other" where the last apply here is not this one.
follow() {
  local clustr=/var/lib/clustr run={{ run_id | quote }} watcher
  if ! grep -qsxF -- "$run" "$clustr/run" "$clustr/run.read"; then
    echo "::other"
    return
  fi
  (
    # While systemd reloads it may not answer, or not know the unit for a moment: gone is what is gone for a second.
    # To ask it takes longer than to look for the verdict, so it is asked each fifth time, and again where it is gone.
    gone=0 round=0
    while [ ! -f "$clustr/verdict" ] && [ "$gone" -lt 5 ]; do
      round=$((round + 1))
      if [ "$gone" -gt 0 ] || [ "$((round % 5))" = 0 ]; then
        case $(systemctl show -p ActiveState --value clustr-apply.service 2>/dev/null) in
          inactive | failed) gone=$((gone + 1)) ;;
          *) gone=0 ;;
        esac
      fi
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
