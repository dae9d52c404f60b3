"""Masks that ask people about what goes in (`direction = "request"`, `action = "review"`): looked at before the gate.

Such a request waits for its whole body, up to a bound. Masks that find something in it are told to policy as facts, and
the request is held for their approvers. A longer body goes by in pieces, and is refused where something is found.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted_hoop.http.dialect import BodyRefused, Dialect, Reading
from twisted_hoop.http.messages import Framing, RequestHead
from twisted_hoop.model import Facts
from twisted_hoop.policy.findings import FOUND
from twisted_hoop.settings import MaskSection

WHOLE = 1 << 20
"""Bytes of a body that are kept for it."""


def asking(head: RequestHead, masks: Sequence[MaskSection]) -> tuple[MaskSection, ...]:
    """The masks that ask about this request's body."""
    if head.framing is Framing.NONE:
        return ()
    return tuple(mask for mask in masks if mask.direction == "request" and mask.action == "review")


def with_findings(
    dialect: Dialect, head: RequestHead, reading: Reading, masks: Sequence[MaskSection], body: bytes
) -> tuple[Facts, ...] | None:
    """The facts with the names of the masks that found something; None when none did. Raises BodyRefused for others."""
    found = frozenset(mask.name for mask in masks if _finds(dialect, head, reading, mask, body))
    return tuple({**facts, FOUND: found} for facts in reading.facts) if found else None


def _finds(dialect: Dialect, head: RequestHead, reading: Reading, mask: MaskSection, body: bytes) -> bool:
    looked = dialect.request_body(head, reading, (mask,))
    if looked is None:
        return False
    try:
        looked.feed(body)
        looked.flush()
    except BodyRefused as refused:
        if refused.answer.status != 403:
            raise
        return True
    return False
