"""Streams of text for tests of masking: masks, and what comes out however the stream is cut."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Protocol

from hypothesis import strategies as st

from twisted_hoop.masking.fields import Fields
from twisted_hoop.masking.masker import MaskSet
from twisted_hoop.masking.streams import StreamLooker, StreamMasker
from twisted_hoop.settings import MaskSection

KEY = b"k" * 32
DETECTORS = ["card", "iban", "email", "jwt", "private-key", "ssn", "api-key", "phone"]
CARD = b"4111111111111111"
KEY_LINES = (
    b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAA\nQyNTUxOQAAACBtZXNzYWdl\n"
    b"-----END OPENSSH PRIVATE KEY-----\n"
)


class Stage(Protocol):
    """What every part of a stream's masking has."""

    def feed(self, data: bytes) -> bytes: ...

    def flush(self) -> bytes: ...


def fields(*patterns: str, strategy: str = "redact") -> Fields:
    """The fields of one mask."""
    return Fields([MaskSection(name="m", fields=list(patterns), strategy=strategy)], KEY)  # type: ignore[arg-type]


@functools.cache
def _everything() -> MaskSet:
    return masks(detect=DETECTORS, fields=["card_number", ".*_token"])


def masks(**more: object) -> MaskSet:
    """One mask called `m`."""
    return MaskSet([MaskSection(name="m", **more)], KEY)  # type: ignore[arg-type]


def masker(**more: object) -> StreamMasker:
    """A stream under one mask; with nothing said, all detectors and two fields."""
    chosen = masks(**more) if more else _everything()
    found = chosen.stream_masker(frozenset({"m"}))
    assert found is not None
    return found


def looker(**more: object) -> StreamLooker:
    """What looks at a stream that goes in."""
    found = masks(**{"direction": "request", **more}).stream_looker(frozenset({"m"}))
    assert found is not None
    return found


def through(stage: Stage, *pieces: bytes) -> bytes:
    """Everything that comes out."""
    return b"".join(stage.feed(piece) for piece in pieces) + stage.flush()


def cut(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    """The data in pieces of these sizes, again and again."""
    pieces, at, turn = [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        pieces.append(data[at : at + size])
        at += size
        turn += 1
    return pieces


SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=6)
"""How a stream is cut."""
