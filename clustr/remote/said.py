"""What a script said of its machine, key=value a line. Nothing in it can be trusted to be whole, short or true."""

from __future__ import annotations

import base64


class Said:
    """The facts script's output: key=value a line, a key as often as there are such things."""

    def __init__(self, output: str) -> None:
        self._values: dict[str, list[str]] = {}
        for line in output.split("\n"):
            key, separator, value = line.partition("=")
            if separator:
                self._values.setdefault(key, []).append(printable(value.strip()))

    def one(self, key: str) -> str:
        return self._values.get(key, [""])[0]

    def all(self, key: str) -> list[list[str]]:
        """The words of each such line."""
        return [value.split() for value in self._values.get(key, [])]

    def number(self, key: str) -> int:
        return int(value) if (value := self.one(key)).isdigit() else 0

    def text(self, key: str) -> str:
        """Free text; control characters but line ends are dropped."""
        return "\n".join(printable(line) for line in self.raw(key).split("\n"))

    def raw(self, key: str) -> str:
        try:
            return base64.b64decode(self.one(key)).decode(errors="replace")
        except ValueError:  # binascii.Error is one too
            return ""


def printable(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(character for character in line if character.isprintable() or character == "\t")
