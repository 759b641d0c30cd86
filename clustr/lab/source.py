"""Where a lab's nodes get their downloads: a folder that the lab serves, a mirror, or the real releases."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from clustr.errors import LabError, UsageError
from clustr.lab.model import Origin, Source, Spec

RELEASES = "https://github.com/k3s-io/k3s/releases"
NOTHING = "none"


def choose(spec: Spec) -> Source:
    """Raises UsageError for what cannot be a source, LabError when the real releases cannot be reached."""
    if spec.artifacts == NOTHING:
        return Source(Origin.NOTHING)
    if spec.artifacts.startswith("https://"):
        return Source(Origin.MIRROR, mirror=spec.artifacts.rstrip("/"), ca=_absolute(spec.artifacts_ca))
    if spec.artifacts_ca is not None:
        raise UsageError("--artifacts-ca belongs to a mirror.", "Give it with --artifacts https://...")
    if "://" in spec.artifacts:
        raise UsageError(f"{spec.artifacts} is no mirror: it must be https.", "Give an https URL, or a folder.")
    if spec.artifacts:
        folder = Path(spec.artifacts).resolve()
        if not folder.is_dir():
            raise UsageError(f"There is no folder {spec.artifacts}.", "Give --artifacts a folder or an https URL.")
        return Source(Origin.FOLDER, folder=folder, k3s_version=k3s_version(folder))
    _reach_releases()
    return Source(Origin.RELEASES)


def k3s_version(folder: Path) -> str:
    """The version of k3s in a mirror's folder, if there is exactly one, else an empty string."""
    versions = [path.parent.name for path in folder.glob("k3s-io/k3s/releases/download/*/k3s")]
    return versions[0] if len(versions) == 1 else ""


def _absolute(file: Path | None) -> Path | None:
    if file is not None and not file.is_file():
        raise UsageError(f"There is no file {file}.", "Give --artifacts-ca the mirror's CA certificate.")
    return file.resolve() if file is not None else None


def _reach_releases() -> None:
    request = urllib.request.Request(RELEASES, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310
    except (urllib.error.URLError, OSError) as error:
        raise LabError(
            f"k3s's releases at {RELEASES} cannot be reached from here: {getattr(error, 'reason', error)}.",
            "Give the lab a mirror: --artifacts FOLDER or --artifacts https://... "
            "(--artifacts none: nodes alone, on which clustr bootstrap cannot install k3s).",
        ) from error
