"""Files nobody else may read (R11)."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def private_file(path: str | Path) -> None:
    """Make the file with mode 0600 when it is missing; OSError when it is not ours alone or not a plain file.

    SQLite gives its journal files the mode of the database, so this one check covers them.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    try:
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{path} is not a plain file")
    if found.st_mode & 0o077:
        raise OSError(f"{path} can be read by others: chmod 600 it")
