"""Files nobody else may read (R11)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from twisted_hoop.store.files import private_file


def test_a_new_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        private_file(tmp_path / "new")
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600
    private_file(tmp_path / "new")


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o602])
def test_r11_a_file_others_reach_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "open").touch()
    (tmp_path / "open").chmod(mode)
    with pytest.raises(OSError, match="chmod 600"):
        private_file(tmp_path / "open")


def test_links_and_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("link", "pipe", "."):
        with pytest.raises(OSError):
            private_file(tmp_path / name)
    assert not (tmp_path / "elsewhere").exists()
