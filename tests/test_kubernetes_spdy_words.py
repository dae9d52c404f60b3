"""The dictionary of SPDY/3 is the one that every implementation has: another would make all headers unreadable."""

from __future__ import annotations

import hashlib
import zlib

from twisted_hoop.kubernetes.spdy_words import DICTIONARY


def test_the_dictionary_is_that_of_the_draft() -> None:
    assert len(DICTIONARY) == 1423 and zlib.adler32(DICTIONARY) == 0xE3C6A7C2
    assert hashlib.sha256(DICTIONARY).hexdigest().startswith("51d27341373f923f")
