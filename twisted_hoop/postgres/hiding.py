"""What a target says besides rows: errors, notices and notifications may carry masked values too (M4)."""

from __future__ import annotations

from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.state import Run, State

_HIDDEN = b"*****"


class Hiding:
    """Rewrites fields for one session; None means that a message passes as it is."""

    def __init__(self, state: State) -> None:
        self._state = state

    def error(self, fields: list[tuple[int, bytes]], run: Run | None) -> bytes | None:
        """An ErrorResponse."""
        return self._rewritten(b"E", fields, run)

    def notice(self, fields: list[tuple[int, bytes]], run: Run | None) -> bytes | None:
        """A NoticeResponse."""
        return self._rewritten(b"N", fields, run)

    def _rewritten(self, kind: bytes, fields: list[tuple[int, bytes]], run: Run | None) -> bytes | None:
        effective = run.masks if run is not None else self._state.masks()
        if not effective:
            return None
        tainted = self._columns(effective) and (run is None or run.tainted)
        changed = self._state.knowledge.maskset.redact_fields(fields, tainted, effective)
        return None if changed == fields else pg.from_fields(kind, changed)

    def notification(self, body: bytes) -> bytes | None:
        """A NotificationResponse: its payload comes of another session, whose masks are not known here."""
        effective = self._state.masks()
        if not effective:
            return None
        channel, position = pg.split_cstring(body, 4)
        payload, _ = pg.split_cstring(body, position)
        if self._columns(effective):
            hidden = _HIDDEN if payload else payload
        else:
            hidden = self._state.knowledge.maskset.redact_text(payload, effective)
        return pg.message(b"A", body[:4] + channel + b"\0" + hidden + b"\0")

    def _columns(self, effective: frozenset[str]) -> bool:
        return bool(self._state.knowledge.column_masks & effective)
