"""Commands that a screen proposes, so written that they can be copied as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote

DEFAULT_INVENTORY = Path("inventory.yaml")
PROPOSED = re.compile(r"\bclustr (plan|bootstrap|doctor|exec|kubeconfig|unlock|validate)\b(?! -i| --inventory)")


def copyable(text: str, inventory: Path) -> str:
    """Names the inventory in each proposed command, where it is not the one that clustr takes by itself."""
    if inventory == DEFAULT_INVENTORY:
        return text
    return PROPOSED.sub(lambda found: f"clustr {found[1]} -i {quote(str(inventory))}", text)
