"""Ids of sessions, as people paste them."""

from __future__ import annotations

import re

from twisted_hoop.recording.files import checked_id
from twisted_hoop.sessions import new_session_id


def test_an_id_is_never_taken_for_an_option() -> None:
    ids = {new_session_id() for _ in range(5000)}
    assert len(ids) == 5000
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{21}", found) and checked_id(found) for found in ids)
