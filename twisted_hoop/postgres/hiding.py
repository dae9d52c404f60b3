"""What a target says besides rows: errors, notices and notifications may carry masked values too (M4)."""

from __future__ import annotations

from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.state import Run, State

_HIDDEN = b"*****"
_PARSING = frozenset(
    {b"42601", b"42P01", b"42703", b"42702", b"42883", b"42704", b"42P09", b"42725", b"42803", b"3F000"}
)
"""Syntax errors; relations, columns, functions, types and schemas that are not there or may be several."""


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
        tainted = (
            self._columns(effective)
            and not _of_parsing(fields)
            and (run is None or run.tainted or self._tells_of_rows(fields, run, effective))
        )
        changed = self._state.knowledge.maskset.redact_fields(fields, tainted, effective)
        return None if changed == fields else pg.from_fields(kind, changed)

    def _tells_of_rows(self, fields: list[tuple[int, bytes]], run: Run, effective: frozenset[str]) -> bool:
        """Whether an error may show a row that the statement did not name, like "Failing row contains" does (M4).

        A function that was running (a trigger's, say) may show anything, and can imitate every other field.
        """
        told = dict(fields)
        context = told.get(ord("W"), b"")
        if context and (b"\n" in context or not context.startswith(b"COPY ")):
            return True
        if table := told.get(ord("t")):
            return self._hides(
                told.get(ord("s"), b"").decode("utf-8", "replace"), table.decode("utf-8", "replace"), effective
            )
        written = {name for read in run.reads() for name in read.statement.facts.get("table_write", ())}
        return any(self._hides(*name.rpartition(".")[::2], effective) for name in written)

    def _hides(self, schema: str, table: str, effective: frozenset[str]) -> bool:
        """Whether some column of the relation is masked, or that cannot be told; a view shows the rows of others."""
        knowledge = self._state.knowledge
        found = knowledge.catalogue.candidates(schema, table)
        columns = frozenset((r.oid, c.number) for r in found for c in r.columns)
        return not found or any(r.kind == "v" for r in found) or bool(knowledge.masks_of(columns) & effective)

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


def _of_parsing(fields: list[tuple[int, bytes]]) -> bool:
    """Whether the error is about the text itself, before a row was looked at: it names what the client wrote.

    Only the parser tells a position in the client's text (P). Functions, which can imitate every other field, have a
    context (W), or a text of their own (p, q). Source: protocol-error-fields.
    """
    told = dict(fields)
    return told.get(ord("C"), b"") in _PARSING and ord("P") in told and not told.keys() & {ord("W"), ord("p"), ord("q")}
