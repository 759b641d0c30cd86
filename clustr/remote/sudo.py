"""What it means when sudo does not let a script through."""

from __future__ import annotations

from enum import Enum, auto

from clustr.errors import ClustrError, SudoError, UnreachableError

ARRIVED = "clustr:arrived"
LAST = 8  # lines of what was said that are shown


class Refusal(Enum):
    """Why a script did not start; sudo tells by words alone (its status is always 1), in English under LC_ALL=C."""

    NO_BASH = auto()
    NO_BOX = auto()
    NO_SUDO = auto()
    NO_TERMINAL = auto()
    NO_PASSWORD = auto()
    WRONG_PASSWORD = auto()
    NOT_ALLOWED = auto()
    NO_SHELL = auto()  # the login shell ran nothing at all
    UNKNOWN = auto()


# The words of sudo 1.8 and 1.9 (plugins/sudoers) and of sudo-rs 0.2, in the order in which they are looked for.
_WORDS = (
    ("clustr:no-bash", Refusal.NO_BASH),
    ("clustr:no-box", Refusal.NO_BOX),
    ("clustr:no-sudo", Refusal.NO_SUDO),
    ("must have a tty", Refusal.NO_TERMINAL),
    ("not in the sudoers file", Refusal.NOT_ALLOWED),
    ("is not allowed to", Refusal.NOT_ALLOWED),
    ("may not run sudo", Refusal.NOT_ALLOWED),
    ("afraid I can't do that", Refusal.NOT_ALLOWED),
    ("Sorry, try again", Refusal.WRONG_PASSWORD),
    ("incorrect password attempt", Refusal.WRONG_PASSWORD),
    ("incorrect authentication attempt", Refusal.WRONG_PASSWORD),
    ("Authentication failed", Refusal.WRONG_PASSWORD),
    ("a password is required", Refusal.NO_PASSWORD),
    ("no password was provided", Refusal.NO_PASSWORD),
    ("authentication is required", Refusal.NO_PASSWORD),
)


def refusal(noise: str) -> Refusal:
    """Reads the words that came instead of a started script."""
    if ARRIVED not in noise:
        return Refusal.NO_SHELL
    return next((kind for words, kind in _WORDS if words in noise), Refusal.UNKNOWN)


def refusal_error(noise: str, *, user: str, node: str) -> ClustrError:
    """The error a person can act on; `noise` is what sudo or the shell said."""
    kind = refusal(noise)
    words = [line.strip() for line in noise.splitlines() if line.strip() and not line.startswith("clustr:")]
    # A login shell's own noise comes first. What sudo asks for is said by the error itself.
    words = {Refusal.WRONG_PASSWORD: words[-1:], Refusal.NO_PASSWORD: []}.get(kind, words[-LAST:])
    return _error(kind, "\n".join(words), user, node)


def _error(kind: Refusal, noise: str, user: str, node: str) -> ClustrError:
    sudo_errors = {
        Refusal.NO_SUDO: (f"{user} is not root and there is no sudo", "install sudo there, or set ssh.user: root"),
        Refusal.NO_PASSWORD: (
            f"sudo asks {user} for a password and the inventory has none",
            "set sudo.password: {env: NAME}, or allow NOPASSWD for this user in /etc/sudoers.d",
        ),
        Refusal.WRONG_PASSWORD: (f"sudo refuses the password of {user}", "correct what sudo.password points to"),
        Refusal.NOT_ALLOWED: (
            f"{user} may not use sudo for everything",
            f"as root on the node: echo '{user} ALL=(ALL) ALL' >/etc/sudoers.d/{user}",
        ),
        Refusal.NO_TERMINAL: ("sudo asks for a terminal", f"as root on the node: remove requiretty for {user}"),
    }
    if kind in sudo_errors:
        problem, remedy = sudo_errors[kind]
        return SudoError(problem, remedy, node=node, detail=noise)
    if kind is Refusal.NO_BASH:
        return UnreachableError("there is no bash", "install bash there", node=node, detail=noise)
    if kind is Refusal.NO_BOX:
        problem = "no folder can be made in /dev/shm, or it is full"
        return UnreachableError(problem, "free some memory there: df /dev/shm", node=node, detail=noise)
    if kind is Refusal.UNKNOWN:
        problem, remedy = f"sudo did not run the script as root for {user}", "log in and see: sudo -l"
        return SudoError(problem, remedy, node=node, detail=noise)
    problem = f"the login shell of {user} does not run commands"
    return UnreachableError(problem, f"give {user} a shell: chsh -s /bin/bash {user}", node=node, detail=noise)
