"""Host keys: what counts as known, and what a person is told when one is not."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest

from clustr.errors import HostKeyError
from clustr.remote.known_hosts import HostKey, KnownHosts

OLD = HostKey("ssh-ed25519", b"\0\0\0\x0bssh-ed25519 old")
NEW = HostKey("ssh-ed25519", b"\0\0\0\x0bssh-ed25519 new")
OTHER_KIND = HostKey("ssh-rsa", b"\0\0\0\x07ssh-rsa")


def verify(known: KnownHosts, name: str, key: HostKey, *, accept_new: bool = True) -> None:
    known.verify(name, key, accept_new=accept_new, node="n1")


def test_a_new_key_is_appended_and_then_known(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "known_hosts"
    verify(KnownHosts([file]), "h1", OLD)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    again = KnownHosts([file])
    verify(again, "h1", OLD, accept_new=False)
    with pytest.raises(HostKeyError):
        verify(again, "h1", NEW)


def test_a_changed_key_names_both_keys_the_line_and_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text("# a comment\n\n")
    KnownHosts([file]).add("[h1]:2222", OLD)
    with pytest.raises(HostKeyError) as caught:
        verify(KnownHosts([file]), "[h1]:2222", NEW)
    error = caught.value
    assert error.problem == "its host key has changed"
    assert error.node == "n1"
    assert f"known     {OLD.fingerprint} ({file}:3)" in error.detail
    assert f"offered   {NEW.fingerprint}" in error.detail
    assert error.remedy.endswith(f"ssh-keygen -R '[h1]:2222' -f {file}")


def test_the_remedy_leaves_out_the_default_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    known = KnownHosts([Path("~/.ssh/known_hosts")])
    verify(known, "h1", OLD)
    with pytest.raises(HostKeyError) as caught:
        verify(known, "h1", NEW)
    assert caught.value.remedy.endswith("ssh-keygen -R h1")


def test_a_key_of_another_kind_counts_as_changed(tmp_path: Path) -> None:
    known = KnownHosts([tmp_path / "known_hosts"])
    verify(known, "h1", OLD)
    with pytest.raises(HostKeyError, match="changed"):
        verify(known, "h1", OTHER_KIND)


def test_strict_accepts_nothing_new(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    with pytest.raises(HostKeyError, match="not known") as caught:
        verify(KnownHosts([file]), "h1", OLD, accept_new=False)
    assert OLD.fingerprint in caught.value.detail
    assert not file.exists()


def test_names_that_ssh_keygen_hashed_are_read(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    known = KnownHosts([file])
    known.add("h1", OLD)
    known.add("[h2]:2222", NEW)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
    assert "h1" not in file.read_text()
    hashed = KnownHosts([file])
    verify(hashed, "h1", OLD, accept_new=False)
    verify(hashed, "[h2]:2222", NEW, accept_new=False)
    with pytest.raises(HostKeyError, match="not known"):
        verify(hashed, "h2", NEW, accept_new=False)


def test_patterns_negations_and_revoked_keys(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    KnownHosts([file]).add("x", OLD)
    key = file.read_text().split(" ", 1)[1]
    KnownHosts([file]).add("y", NEW)
    revoked = file.read_text().splitlines()[1].split(" ", 1)[1]
    file.write_text(f"*.lab,!bad.lab {key}\n@revoked * {revoked}\nbroken line\nh9 ssh-ed25519 !!!\n")
    known = KnownHosts([file])
    verify(known, "h1.lab", OLD, accept_new=False)
    with pytest.raises(HostKeyError, match="not known"):
        verify(known, "bad.lab", OLD, accept_new=False)
    with pytest.raises(HostKeyError, match="revoked"):
        verify(known, "h2", NEW)


def test_a_last_line_without_an_end_is_not_damaged(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    KnownHosts([file]).add("h1", OLD)
    file.write_text(file.read_text().rstrip("\n"))
    KnownHosts([file]).add("h2", NEW)
    known = KnownHosts([file])
    verify(known, "h1", OLD, accept_new=False)
    verify(known, "h2", NEW, accept_new=False)


def test_threads_lose_no_line(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    shared = [KnownHosts([file]) for _ in range(4)]  # as four processes would have it
    threads = [
        threading.Thread(target=known.add, args=(f"h{number}-{place}", OLD))
        for place, known in enumerate(shared)
        for number in range(25)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(file.read_text().splitlines())) == 100


def test_a_file_that_cannot_be_used_is_an_error_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(HostKeyError, match=f"{tmp_path}/folder cannot be read"):
        KnownHosts([tmp_path / "folder"])
    with pytest.raises(HostKeyError, match="cannot be kept in /proc/none/known_hosts"):
        verify(KnownHosts([Path("/proc/none/known_hosts")]), "h1", OLD)
