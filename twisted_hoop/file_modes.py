"""Whether a file is kept from others: its mode, and the access list that can stand behind the mode (acl(5)).

systemd hands a service its credentials as files of root's, mode 0400, with an access list that lets the account of the
service read. With such a list, the group bits of the mode are the list's mask, and no longer say that a group may read.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

OTHERS = 0o077
_ACCESS = "system.posix_acl_access"
_ENTRY = struct.Struct("<HHI")
_OWNER, _USER, _MASK = 0x01, 0x02, 0x10


def open_to_others(mode: int, file: int | Path) -> bool:
    """Whether anybody but its owner, root and ourselves may read or write it (R11). `mode` is the file's st_mode."""
    if not mode & OTHERS:
        return False
    return bool(mode & 0o007) or not _list_is_for_us(file)


def _list_is_for_us(file: int | Path) -> bool:
    """Whether there is an access list, and it lets in nobody but us; False when in doubt."""
    try:
        data = os.getxattr(file, _ACCESS)
    except (OSError, AttributeError):  # none, or a system without them
        return False
    version, entries = data[:4], data[4:]
    if version != b"\2\0\0\0" or len(entries) % _ENTRY.size:
        return False
    found = list(_ENTRY.iter_unpack(entries))
    mask = next((rights for tag, rights, _ in found if tag == _MASK), 0)
    return not any(rights & mask and (tag, who) != (_USER, os.geteuid()) for tag, rights, who in found if _counts(tag))


def _counts(tag: int) -> bool:
    return tag not in (_OWNER, _MASK)
