"""Who holds a cluster's lock, and whether it is to be freed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from clustr.views.layout import folded
from clustr.views.question import agreed
from clustr.views.screen import Screen
from clustr.views.units import duration
from clustr.views.view import View

if TYPE_CHECKING:
    from clustr.remote.lock import Held


def may_free(held: Held, view: View, *, yes: bool) -> bool:
    """Shows the holder and asks. A run that still beats would lose its lock in the middle of its work."""
    view.pause()
    screen = Screen(sys.stderr)
    text = (
        f"Locked by {held.holder} for {duration(held.held_for)} ({held.holder.command}, last beat "
        f"{duration(held.silent_for)} ago, as {held.server} tells it)."
    )
    screen.show(folded(text, screen.width, ""))
    return yes or agreed("Free it?")


def show_unlocked(held: Held | None, *, freed: bool) -> None:
    if held is None:
        text = "No server that answered has a lock."
    else:
        text = "The lock is free." if freed else "The lock stays."
    Screen(sys.stdout).show([text])
