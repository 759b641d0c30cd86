"""Who runs this, at this end."""

from __future__ import annotations

import getpass
import os


def local_user() -> str:
    """A name, or the number of a user that has none, as in many a container of a CI.

    getpass.getuser raises KeyError there, OSError since Python 3.13 (https://docs.python.org/3/library/getpass.html).
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
