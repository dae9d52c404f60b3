"""What a target answers, message by message: matched with what was asked, masked, counted, forwarded.

Called by the byte loop for everything that is not a row. An answer that nobody asked for ends the session: framing and
queue out of step would mean masking by the wrong plan (P7).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted_hoop.errors import ProtocolError
from twisted_hoop.masking.copyrows import CopyMasker
from twisted_hoop.model import Entry
from twisted_hoop.postgres import letters
from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.copying import copy_out_masker, quick_plan
from twisted_hoop.postgres.creations import forget_made, know_made
from twisted_hoop.postgres.effects import apply_effects, take_back
from twisted_hoop.postgres.hiding import Hiding
from twisted_hoop.postgres.letters import BIND, CLOSE, DESCRIBE, EXECUTE, FUNCTION, IDLE, PARSE, QUERY, SYNC
from twisted_hoop.postgres.plan import row_plan
from twisted_hoop.postgres.results import result_of
from twisted_hoop.postgres.rows import RowPlan
from twisted_hoop.postgres.state import Expect, Run, State
from twisted_hoop.sql.statements import Statement
from twisted_hoop.steps import Record

_PLANS: Final = 64
_NO_ROWS = RowPlan([], None)
"""Rows that come when nothing is known of them end the session: they could not be masked."""
_PINNED = {"client_encoding": "UTF8", "standard_conforming_strings": "on"}


class TargetSide:
    """See the module. `copy_in` is called with the statement when the target awaits CopyData."""

    def __init__(self, state: State, hiding: Hiding, copy_in: Callable[[Run | None, bytes], None]) -> None:
        self._state = state
        self._hiding = hiding
        self._copy_in = copy_in
        self._copy_out: CopyMasker | None = None
        state.activate = self._activate
        state.rewriter.plan = _NO_ROWS
        self._handlers: dict[int, Callable[[bytes], bytes | None]] = {
            ord("1"): self._parse_complete,
            ord("2"): self._bind_complete,
            ord("3"): self._close_complete,
            ord("t"): self._parameter_description,
            ord("T"): self._row_description,
            ord("n"): self._no_data,
            ord("C"): self._complete,
            IDLE: self._empty,
            ord("s"): self._suspended,
            ord("E"): self._error,
            ord("N"): self._notice,
            ord("A"): self._notification,
            ord("S"): self._parameter_status,
            ord("G"): self._copy_in_response,
            ord("H"): self._copy_out_response,
            ord("c"): self._copy_done,
            ord("Z"): self._ready,
            ord("V"): self._function_result,
        }

    def message(self, kind: int, body: bytes) -> bytes | None:
        """One message of the target: None to forward it, other bytes to send instead."""
        if kind == letters.BIND_COMPLETE:  # what queries are answered with is called by its name, see client_side.py
            self._bind_complete(body)
            return None
        if kind == letters.ROW_DESCRIPTION:
            return self._row_description(body)
        if kind == letters.COMMAND_COMPLETE:
            self._complete(body)
            return None
        if kind == letters.READY:
            return self._ready(body)
        handler = self._handlers.get(kind)
        if handler is None:
            raise ProtocolError(f"unexpected message type {kind} from the target", "target")
        return handler(body)

    # -- the queue ------------------------------------------------------------------------------------------------

    def _head(self, *kinds: int) -> Expect:
        expects = self._state.expects
        if not expects or expects[0].kind not in kinds:
            raise ProtocolError("the target answered what was not asked", "target")
        return expects[0]

    def _pop(self) -> None:
        expects = self._state.expects
        expects.popleft()
        if expects and expects[0].kind == EXECUTE:
            self._activate(expects[0])
        else:
            self._state.rewriter.plan = _NO_ROWS

    def _activate(self, expect: Expect) -> None:
        """Rows that come now belong to this Execute: its portal's own description says what they hold."""
        run, portal = expect.run, expect.portal
        self._keep(run, portal.row if portal is not None else None)
        if run is None or portal is None or not run.masks:
            self._state.rewriter.plan = None
        elif portal.row is None:
            self._state.rewriter.plan = _NO_ROWS
        else:
            self._state.rewriter.plan = self._plan(portal.row, run)

    def _keep(self, run: Run | None, row: bytes | None) -> None:
        """Rows that come now are recorded, as many as the rule says."""
        self._state.rewriter.kept.wanted = run.keep if run is not None else 0
        if run is not None and run.keep:
            run.row = row or b""

    def _plan(self, row: bytes, run: Run) -> RowPlan | None:
        reads = run.reads()
        know_made(self._state)
        if not self._state.knowledge.renames.hold(run.names_of):
            return row_plan(pg.row_description(row), (), run.masks, self._state.knowledge)
        cache = reads[0].plans if len(reads) == 1 else {}
        key = (row, run.masks)
        if key in cache:
            return cache[key]
        plan = row_plan(pg.row_description(row), reads, run.masks, self._state.knowledge)
        if not self._state.knowledge.stale:
            if len(cache) >= _PLANS:
                cache.clear()
            cache[key] = plan
        return plan

    # -- extended query -------------------------------------------------------------------------------------------

    def _parse_complete(self, body: bytes) -> None:
        prepared = self._head(PARSE).prepared
        if prepared is not None:
            self._state.registry.confirm(prepared)
        self._pop()

    def _bind_complete(self, body: bytes) -> None:
        portal = self._head(BIND).portal
        if portal is not None:
            self._state.registry.confirm_portal(portal)
        self._pop()

    def _close_complete(self, body: bytes) -> None:
        head = self._head(CLOSE)
        if head.name[:1] == b"S":
            self._state.registry.forget(head.name[1:], head.mark)
        else:
            self._state.registry.forget_portal(head.name[1:], head.mark)
        self._pop()

    def _parameter_description(self, body: bytes) -> None:
        prepared = self._head(DESCRIBE).prepared
        if prepared is not None:
            prepared.types = tuple(int.from_bytes(body[p : p + 4], "big") for p in range(2, len(body) - 3, 4))

    def _row_description(self, body: bytes) -> bytes | None:
        head = self._head(DESCRIBE, QUERY)
        if head.kind == QUERY:
            run = head.run
            self._state.rewriter.plan = self._plan(body, run) if run is not None and run.masks else None
            self._keep(run, body)
            return None
        return self._described(head, body)

    def _no_data(self, body: bytes) -> bytes | None:
        return self._described(self._head(DESCRIBE), None)

    def _described(self, head: Expect, row: bytes | None) -> bytes | None:
        if head.portal is not None:
            head.portal.row = row
        self._pop()
        return b"" if head.swallow else None

    # -- results --------------------------------------------------------------------------------------------------

    def _complete(self, body: bytes) -> None:
        head = self._head(QUERY, EXECUTE)
        tag = body.rstrip(b"\0").decode("ascii", "replace")
        if head.run is not None:
            apply_effects(self._state, head.run, tag)
        self._outcome(head, {"tag": tag})
        self._result_over(head)

    def _empty(self, body: bytes) -> None:
        head = self._head(QUERY, EXECUTE)
        self._outcome(head, {"tag": ""})
        self._result_over(head)

    def _suspended(self, body: bytes) -> None:
        head = self._head(EXECUTE)
        self._outcome(head, {"tag": "", "suspended": True})
        self._pop()

    def _result_over(self, head: Expect) -> None:
        state = self._state
        state.copying_in = False
        state.spare_syncs = 0
        if head.kind == EXECUTE:
            if head.run is not None:
                self._unsettle(head.run)
            self._pop()
            return
        state.rewriter.plan = _NO_ROWS
        if head.run is not None:
            head.run.index += 1

    def _outcome(self, head: Expect, data: dict[str, object]) -> None:
        state, rewriter, run = self._state, self._state.rewriter, head.run
        if run is not None:
            data["command"] = run.number
            data["rows"] = rewriter.rows
            data["bytes"] = rewriter.volume
            data["masked"] = rewriter.masked
            if run.row is not None:
                data |= result_of(run.row, rewriter.kept.rows)
                run.row = None
            state.records.append(Record(Entry("outcome", data)))
        rewriter.rows = rewriter.volume = rewriter.masked = 0
        rewriter.kept.forget()

    def _function_result(self, body: bytes) -> None:
        self._outcome(self._head(FUNCTION), {"tag": "FUNCTION"})

    # -- errors and notices ---------------------------------------------------------------------------------------

    def _error(self, body: bytes) -> bytes | None:
        state = self._state
        fields = pg.error_fields(body)
        head = state.expects[0] if state.expects else None
        self._copy_stopped()
        state.copying_in = False  # whatever a Sync is worth from here on, it is answered
        state.said_farewell = any(kind == ord("V") and value in (b"FATAL", b"PANIC") for kind, value in fields)
        instead: bytes | None
        if head is not None and head.nonce and any(head.nonce in value for _, value in fields):
            instead = head.error
        else:
            instead = self._hiding.error(fields, head.run if head is not None else None)
            self._failed(head, fields)
        if head is not None and head.kind not in (QUERY, FUNCTION):
            self._drop_to_sync()
        return instead

    def _failed(self, head: Expect | None, fields: list[tuple[int, bytes]]) -> None:
        if head is None or head.run is None:
            return
        head.run.started = True
        code = next((value.decode("ascii", "replace") for kind, value in fields if kind == ord("C")), "")
        self._outcome(head, {"tag": "", "sqlstate": code})
        self._unsettle(head.run)
        take_back(self._state, head.run)

    def _unsettle(self, run: Run) -> None:
        if run.moves_path:
            run.moves_path = False
            self._state.path_moving -= 1
            if not self._state.path_reported:
                self._state.path = None

    def _drop_to_sync(self) -> None:
        """The target discards what follows up to the next Sync, queued or still to come (protocol-flow)."""
        state = self._state
        while state.expects and state.expects[0].kind != SYNC:
            dropped = state.expects.popleft()
            if dropped.prepared is not None and dropped.kind == PARSE:
                state.registry.discard(dropped.prepared)
            if dropped.portal is not None and dropped.kind == BIND:
                state.registry.discard_portal(dropped.portal)
            if dropped.run is not None and dropped.kind == EXECUTE:
                if not dropped.run.started:
                    state.record("outcome", command=dropped.run.number, tag="", skipped=True)
                self._unsettle(dropped.run)
            if dropped.run is not None:
                take_back(state, dropped.run)
        state.skipping = not state.expects
        state.rewriter.plan = _NO_ROWS

    def _notice(self, body: bytes) -> bytes | None:
        head = self._state.expects[0] if self._state.expects else None
        return self._hiding.notice(pg.error_fields(body), head.run if head is not None else None)

    def _notification(self, body: bytes) -> bytes | None:
        return self._hiding.notification(body)

    def _parameter_status(self, body: bytes) -> None:
        """Every change is relayed; a change of what the text means ends the session (P16)."""
        name, value = pg.parameter_status(body)
        if name in _PINNED and value.upper() != _PINNED[name].upper():
            raise ProtocolError(f"{name} was changed to {value} behind the gateway's back", "target")
        state = self._state
        state.parameters[name] = value
        if name == "search_path":
            state.path_reported = True
            state.path = None if state.role_changed and "$user" in value else split_path(value, state.login)

    # -- copy -----------------------------------------------------------------------------------------------------

    def _copy_in_response(self, body: bytes) -> None:
        state = self._state
        head = self._head(QUERY, EXECUTE)
        if head.run is not None and not any(_may_copy(r.statement) for r in head.run.reads()):
            raise ProtocolError("the target awaits rows for a statement that is no COPY", "target")
        state.copying_in = True
        if head.kind == EXECUTE:
            while len(state.expects) > 1 and state.expects[1].kind == SYNC:
                del state.expects[1]  # the target ignores a Sync while it copies in
                state.spare_syncs += 1
        self._copy_in(head.run, body)

    def _copy_out_response(self, body: bytes) -> None:
        state = self._state
        run = self._head(QUERY, EXECUTE).run
        if run is None or not run.masks:
            return
        form, count = pg.copy_response(body)
        trusted = state.knowledge.renames.hold(run.names_of)
        masker = copy_out_masker(run.reads(), run.masks, form, count, state, trusted)
        if masker is not None:
            state.rewriter.copier = masker.feed
            state.rewriter.copy_plan = quick_plan(masker)
            self._copy_out = masker

    def _copy_done(self, body: bytes) -> bytes | None:
        rest = self._copy_out.flush() if self._copy_out is not None else b""
        self._copy_stopped()
        return pg.message(b"d", rest) + pg.message(b"c") if rest else None

    def _copy_stopped(self) -> None:
        if self._copy_out is not None:
            self._state.rewriter.masked += self._copy_out.masked
        self._copy_out = None
        self._state.rewriter.copier = self._state.rewriter.copy_plan = None

    # -- ready ----------------------------------------------------------------------------------------------------

    def _ready(self, body: bytes) -> bytes | None:
        state = self._state
        if state.spare_syncs and not (state.expects and state.expects[0].kind in (SYNC, QUERY, FUNCTION)):
            state.spare_syncs -= 1
        else:
            run = self._head(SYNC, QUERY, FUNCTION).run
            if run is not None:
                self._unsettle(run)
            self._pop()
        state.copying_in = False
        if state.rereading:
            state.rereading = any(e.run is not None and e.run.rereads for e in state.expects)
        state.transaction = body[0] if body else IDLE
        if state.transaction == IDLE:
            state.path_dirty = bool(state.path_moving)
            state.registry.transaction_over()
            forget_made(state)
            if state.schema_changed:
                state.schema_changed = False
                state.knowledge.invalidate()
            if state.renaming and not any(e.run is not None and e.run.renames for e in state.expects):
                state.end_renaming()
        return None


def _may_copy(statement: Statement) -> bool:
    """Whether it is a COPY, or was not understood."""
    return statement.copy is not None or statement.tree is None


def split_path(value: str, login: str) -> tuple[str, ...]:
    """The schemas of a search_path as the target shows it."""
    parts = [p.strip() for p in value.split(",")]
    names = [p[1:-1].replace('""', '"') if p.startswith('"') else p for p in parts if p]
    return tuple(login if n == "$user" else n for n in names)
