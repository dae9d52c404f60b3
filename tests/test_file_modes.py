"""R11: what others can read is no secret; a credential that systemd hands over is one. Real access lists and files."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.file_modes import open_to_others
from twisted_hoop.secrets.files import read_secret_file

OWNER, USER, GROUP, NAMED_GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
NOBODY = 0xFFFFFFFF
US, SOMEBODY = os.geteuid(), os.geteuid() + 4711


def listed(folder: Path, *entries: tuple[int, int, int]) -> Path:
    path = folder / "secret"
    path.write_text("s3cret\n")
    path.chmod(0o400)
    base = [(OWNER, 4, NOBODY), *entries, (MASK, 4, NOBODY), (OTHER, 0, NOBODY)]
    data = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in sorted(base))
    os.setxattr(path, "system.posix_acl_access", data)
    return path


def test_a_credential_as_systemd_hands_it_over(tmp_path: Path) -> None:
    path = listed(tmp_path, (USER, 4, US), (GROUP, 0, NOBODY))
    assert path.stat().st_mode & 0o077 == 0o040, "the group bits are the mask"
    assert not open_to_others(path.stat().st_mode, path)
    assert read_secret_file(path) == "s3cret"


@pytest.mark.parametrize(
    "entries",
    [
        [(USER, 4, SOMEBODY), (GROUP, 0, NOBODY)],
        [(USER, 4, US), (USER, 4, SOMEBODY), (GROUP, 0, NOBODY)],
        [(USER, 4, US), (GROUP, 4, NOBODY)],
        [(USER, 4, US), (GROUP, 0, NOBODY), (NAMED_GROUP, 4, SOMEBODY)],
    ],
)
def test_R11_a_list_that_lets_somebody_else_in(tmp_path: Path, entries: list[tuple[int, int, int]]) -> None:
    path = listed(tmp_path, *entries)
    assert open_to_others(path.stat().st_mode, path)
    with pytest.raises(SecretUnavailable, match="R11"):
        read_secret_file(path)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o604, 0o660, 0o602, 0o610])
def test_R11_modes_without_a_list(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret"
    path.write_text("x")
    path.chmod(mode)
    assert open_to_others(path.stat().st_mode, path) is bool(mode & 0o077)
