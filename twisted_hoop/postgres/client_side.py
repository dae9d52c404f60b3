"""What a client sends, message by message: judged, recorded, forwarded. Pure; the gate answers through `decided`.

A refusal is sent as a statement that must fail at the target (a bare unknown word), whose error is then rewritten:
transaction state, pipelines and savepoints come out as they do for any failed statement.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from twisted_hoop.errors import LimitExceeded, ProtocolError
from twisted_hoop.model import Admission, Command, Decision, Effect, Entry, Facts, Outcome, Refusal, Verdict
from twisted_hoop.postgres import letters
from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.asking import (
    Question,
    compared_masks,
    context_of,
    execute_question,
    explained,
    guard_refusal,
    mask_refusal,
    may_reread,
    parse_question,
    query_question,
)
from twisted_hoop.postgres.binding import InwardMasks, fingerprint_of, shown_parameters, with_found
from twisted_hoop.postgres.creations import know_made
from twisted_hoop.postgres.effects import announce
from twisted_hoop.postgres.entries import command_entry, detail_of, refused_entry
from twisted_hoop.postgres.reading import NOTHING
from twisted_hoop.postgres.registry import Portal, Prepared
from twisted_hoop.postgres.renames import renames
from twisted_hoop.postgres.state import Expect, Run, State, sqlstate
from twisted_hoop.postgres.wire import Cutter
from twisted_hoop.steps import Ask, Finish, Record, Refresh, Step, ToTarget

Continue = Callable[[Run], None]


class ClientSide:
    """See the module. `allowed_functions` are OIDs that FunctionCall may name (P12)."""

    def __init__(self, state: State, inward: InwardMasks, allowed_functions: frozenset[int]) -> None:
        self._state = state
        self._inward = inward
        self._functions = allowed_functions
        self._cutter = Cutter()
        self._out: list[bytes] = []
        self._segment = 0
        self._discarding = False
        self._question: Question | None = None
        self._then: Continue | None = None
        self._refused: Callable[[Refusal], None] = lambda refusal: None
        self._retry: tuple[int, bytes] | None = None
        self._early = False
        self._finish: Finish | None = None
        self._handlers: dict[int, Callable[[bytes, bytes], Step | None]] = {
            letters.QUERY: self._query,
            letters.PARSE: self._parse,
            letters.BIND: self._bind,
            letters.DESCRIBE: self._describe,
            letters.EXECUTE: self._execute,
            letters.CLOSE: self._close,
            letters.SYNC: self._sync,
            letters.FLUSH: self._pass,
            letters.COPY_DATA: self._copy_data,
            letters.COPY_DONE: self._copy_end,
            letters.COPY_FAIL: self._copy_end,
            letters.FUNCTION: self._function,
            letters.TERMINATE: self._terminate,
        }

    @property
    def asking(self) -> bool:
        """Whether a question is outstanding; no message is handled meanwhile."""
        return self._question is not None or self._retry is not None

    @property
    def question(self) -> Question | None:
        """The outstanding question."""
        return self._question

    def waiting(self) -> int:
        """Bytes held back behind the outstanding question."""
        return self._cutter.waiting()

    def received(self, data: bytes) -> list[Step]:
        """Bytes from the client."""
        self._cutter.feed(data)
        return [] if self.asking else self._pump()

    def _pump(self) -> list[Step]:
        """Handle messages until one must be asked about. What is forwarded leaves in one piece, behind its records."""
        step: Step | None = None
        while step is None and self._finish is None and self._retry is None:
            kind = self._cutter.next()
            if kind < 0:
                break
            step = self._handle(kind, self._cutter.raw())
        return self._collect(step)

    def _handle(self, kind: int, raw: bytes) -> Step | None:
        handler = self._handlers.get(kind)
        if handler is None:
            raise ProtocolError(f"invalid frontend message type {kind}")
        if (self._discarding or self._state.skipping) and kind != letters.SYNC and kind != letters.TERMINATE:
            return None
        if kind == letters.BIND:  # what queries are made of is called by its name: compiled, that costs a third
            return self._bind(raw, raw[5:])
        if kind == letters.DESCRIBE:
            return self._describe(raw, raw[5:])
        if kind == letters.EXECUTE:
            return self._execute(raw, raw[5:])
        if kind == letters.SYNC:
            return self._sync(raw, b"")
        if kind == letters.QUERY:
            return self._query(raw, raw[5:])
        return handler(raw, raw[5:])

    def _collect(self, step: Step | None) -> list[Step]:
        """Records first, then the bytes; while a question is open the bytes wait, so that they leave together."""
        steps = self._state.take_records()
        if step is not None:
            return [*steps, step]
        steps += self.flush()
        if self._finish is not None:
            steps.append(self._finish)
        return steps

    def flush(self) -> list[Step]:
        """What is ready for the target; also called when people must be waited for."""
        if not self._out:
            return []
        data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out = []
        return [ToTarget(data)]

    # -- asking ---------------------------------------------------------------------------------------------------

    def refreshed(self) -> list[Step]:
        """The catalogue is fresh: handle the message that waited for it."""
        retry, self._retry = self._retry, None
        if retry is None:
            return []
        step = self._handle(retry[0], retry[1])
        return self._collect(step) if step is not None else self._pump()

    def answered(self) -> list[Step]:
        """The target has said something: rows that came before it asked for them may go on."""
        if not self._early or self._too_early():
            return []
        self._early = False
        return self.refreshed()

    def _too_early(self) -> bool:
        state = self._state
        return bool(state.expects) and not state.copying_in and not state.skipping

    def _stray(self, kind: int, raw: bytes) -> bool:
        """Rows for a COPY not under way: while one may begin they wait, for masks look at them; or they end here."""
        if self._state.copying_in:
            return False
        if self._too_early():
            self._early, self._retry = True, (kind, raw)
        return True

    def _stale(self, kind: int, raw: bytes) -> Step | None:
        know_made(self._state)
        if not self._state.knowledge.stale:
            return None
        self._retry = (kind, raw)
        return Refresh()

    def _ask(
        self, question: Question, extended: bool, then: Continue, refuse: Callable[[Refusal], None] | None = None
    ) -> Step:
        self._question, self._then = question, then
        self._refused = refuse or (lambda refusal: self._refuse(refusal, extended))
        return Ask(question.command)

    def decided(self, verdict: Verdict) -> list[Step]:
        """The gate's answer to the outstanding question."""
        question, then = self._question, self._then
        if question is None or then is None:
            return []
        self._question = self._then = None
        refusal = self._objection(question, verdict)
        if refusal is not None:
            self._refused(refusal)
        elif isinstance(verdict, Admission):
            self._admit(question, verdict, then)
        return self._pump()

    def _objection(self, question: Question, verdict: Verdict) -> Refusal | None:
        if isinstance(verdict, Refusal):
            return explained(verdict, self._state.knowledge)
        if not self._state.knowledge.column_masks:
            return None
        return mask_refusal(question, self._state.effective(verdict.decision), self._state.knowledge)

    def _admit(self, question: Question, verdict: Admission, then: Continue) -> None:
        state, decision = self._state, verdict.decision
        effective = state.effective(decision)
        tainted = bool(effective) and any(
            r.opaque or bool(r.touched & effective) for choices in question.resolved for r in choices
        )
        run = Run(state.number, question.resolved, effective, tainted, own=question.own)
        run.names_of = state.knowledge.renames.now
        run.keep = decision.rows
        if question.command.executes:
            if renames(question.resolved):
                run.renames = True
                state.begin_renaming()
            run.number = state.number = state.number + 1
            entry = command_entry(run.number, question.command, decision, verdict)
            entry["text"] = state.knowledge.recordable(question.command.text)
            if compared := compared_masks(question, effective):
                entry["masked_predicates"] = compared
            state.records.append(Record(Entry("command", entry)))
            if question.moves_path:
                run.moves_path = state.path_dirty = True
                state.path_moving += 1
                if may_reread(question):
                    run.rereads = state.rereading = True
        then(run)

    # -- refusing -------------------------------------------------------------------------------------------------

    def _record_refusal(self, refusal: Refusal) -> tuple[bytes, bytes]:
        """(a word that must fail at the target, the error the client gets for it)."""
        state = self._state
        state.number += 1
        entry = {**refused_entry(state.number, refusal), "text": state.knowledge.recordable(refusal.command.text)}
        state.records.append(Record(Entry("refused", entry)))
        nonce = b"hoop_refused_" + secrets.token_hex(8).encode()
        return nonce, pg.error(sqlstate(refusal), f"hoop: {refusal.message}", detail_of(refusal), refusal.hint)

    def _refuse(self, refusal: Refusal, extended: bool) -> None:
        """Record it, and send what must fail in its place."""
        state = self._state
        nonce, error = self._record_refusal(refusal)
        if extended:
            self._out.append(pg.parse(nonce, nonce))
            state.expects.append(Expect(letters.PARSE, nonce=nonce, error=error))
            self._discarding = True
        else:
            self._out.append(pg.query(nonce))
            state.expects.append(Expect(letters.QUERY, nonce=nonce, error=error))

    def _read_too_early(self, action: str, text: str, extended: bool) -> bool:
        """While the target may read SQL otherwise than we do, nothing is read (P16)."""
        if not self._state.rereading:
            return False
        reason = "the statement before may change how SQL is read"
        hint = "Send Sync, and wait for the answer before the next statement."
        self._refuse_locally(Command(action, text), "denied", reason, hint, extended)
        return True

    def _refuse_locally(self, command: Command, code: str, reason: str, hint: str, extended: bool) -> None:
        decision = Decision(Effect.DENY, "gateway", reason)
        self._refuse(Refusal(command, decision, code, reason, hint), extended)

    # -- simple query ---------------------------------------------------------------------------------------------

    def _query(self, raw: bytes, body: bytes) -> Step | None:
        if (stale := self._stale(letters.QUERY, raw)) is not None:
            return stale
        text = pg.statement_text(body)
        if text is None:
            self._refuse_locally(Command("query", repr(body[:200])), "denied", "the text is not UTF-8", "", False)
            return None
        if self._read_too_early("query", text, False):
            return None
        state = self._state
        reading = state.knowledge.reading(text, state.names_path())
        if state.knowledge.news(reading):
            return self._stale(letters.QUERY, raw)
        question = self._inward.literals(query_question(state, reading), reading)
        if reading.guard is not None:
            self._refuse(guard_refusal(question.command, reading.guard), False)
            return None

        def forward(run: Run) -> None:
            if self._within_limit(lambda: announce(state, run), question.command, False):
                state.expects.append(Expect(letters.QUERY, run=run))
                self._out.append(raw)

        return self._ask(question, False, forward)

    # -- extended query -------------------------------------------------------------------------------------------

    def _parse(self, raw: bytes, body: bytes) -> Step | None:
        if (stale := self._stale(letters.PARSE, raw)) is not None:
            return stale
        name, position = pg.split_cstring(body, 0)
        source, position = pg.split_cstring(body, position)
        text = pg.statement_text(source + b"\0")
        if text is None:
            self._refuse_locally(Command("prepare", repr(source[:200])), "denied", "the text is not UTF-8", "", True)
            return None
        if self._read_too_early("prepare", text, True):
            return None
        state = self._state
        reading = state.knowledge.reading(text, state.names_path())
        if state.knowledge.news(reading):
            return self._stale(letters.PARSE, raw)
        question = self._inward.literals(parse_question(state, reading), reading)
        if reading.guard is not None:
            self._refuse(guard_refusal(question.command, reading.guard), True)
            return None

        def forward(run: Run) -> None:
            types = pg.declared_types(body, position)
            reads = tuple(r for choices in run.resolved for r in choices)
            prepared = Prepared(name, text, reading.facts, reads, self._segment, reading, types)
            if self._within_limit(lambda: state.registry.prepare(prepared), question.command):
                state.expects.append(Expect(letters.PARSE, prepared=prepared))
                self._out.append(raw)

        return self._ask(question, True, forward)

    def _within_limit(self, register: Callable[[], None], command: Command, extended: bool = True) -> bool:
        try:
            register()
        except LimitExceeded as error:
            self._refuse_locally(command, "limited", str(error), "Close what is not needed any more.", extended)
            return False
        return True

    def _bind(self, raw: bytes, body: bytes) -> Step | None:
        state = self._state
        bound = pg.bind(body)
        candidates = state.registry.prepared(bound.statement, self._segment)
        sent, (bound, found) = bound, self._inward.parameters(bound, candidates)
        portal = Portal(bound.portal, candidates, self._segment, bound, found=found, path=state.names_path())
        if self._within_limit(lambda: state.registry.bind(portal), Command("bind", "")):
            state.expects.append(Expect(letters.BIND, portal=portal))
            self._out.append(raw if bound is sent else pg.build_bind(bound))
        return None

    def _describe(self, raw: bytes, body: bytes) -> Step | None:
        state = self._state
        name, _ = pg.split_cstring(body, 1)
        expect = Expect(letters.DESCRIBE, name=name)
        if body[:1] == b"P":
            portals = state.registry.portals(name, self._segment)
            expect.portal = portals[-1] if len(portals) == 1 else None
            for portal in portals:
                portal.described = expect.portal is not None
        elif body[:1] == b"S":
            prepared = state.registry.prepared(name, self._segment)
            expect.prepared = prepared[-1] if len(prepared) == 1 else None
        else:
            raise ProtocolError("invalid Describe message")
        state.expects.append(expect)
        self._out.append(raw)
        return None

    def _execute(self, raw: bytes, body: bytes) -> Step | None:
        if (stale := self._stale(letters.EXECUTE, raw)) is not None:
            return stale
        state = self._state
        name, _ = pg.split_cstring(body, 0)
        portals = state.registry.portals(name, self._segment)
        portal = portals[-1] if portals else None
        candidates = portal.candidates if portal is not None else ()
        bound = portal.bind if portal is not None else None
        hide = self._hides(candidates)
        shown = shown_parameters(state, bound, candidates, hide)
        question = execute_question(state, portal, shown, fingerprint_of(state, bound, hide))
        if state.registry.uncertain(name, self._segment):  # P10, A3
            reason = "which portal this is cannot be told before the target has answered"
            self._refuse_locally(
                question.command, "denied", reason, "Send Bind and Execute without a Sync between.", True
            )
            return None

        def forward(run: Run) -> None:
            if not self._within_limit(lambda: announce(state, run), question.command):
                return
            runs = portal if portal is not None else Portal(name, ())
            self._describe_first(name, runs, run)
            state.execute(Expect(letters.EXECUTE, run=run, portal=runs))
            self._out.append(raw)

        return self._ask(question, True, forward)

    def _hides(self, candidates: tuple[Prepared, ...]) -> bool:
        """Whether parameters may stand for values of masked columns, and are not shown or recorded (M12)."""
        if not self._state.knowledge.column_masks:
            return False
        effective = self._state.masks() & self._state.knowledge.column_masks
        return bool(effective) and any(r.touched & effective or r.opaque for c in candidates for r in c.reads)

    def _describe_first(self, name: bytes, portal: Portal, run: Run) -> None:
        """Never trust a client to describe: ask for the portal's columns ourselves when a mask may apply."""
        state = self._state
        if portal.described or not run.masks:
            return
        portal.described = True
        state.expects.append(Expect(letters.DESCRIBE, portal=portal, name=name, swallow=True))
        self._out.append(pg.describe_portal(name))

    def _close(self, raw: bytes, body: bytes) -> Step | None:
        if body[:1] not in (b"S", b"P"):
            raise ProtocolError("invalid Close message")
        name, _ = pg.split_cstring(body, 1)
        self._state.expects.append(Expect(letters.CLOSE, name=body[:1] + name, mark=self._state.registry.mark()))
        self._out.append(raw)
        return None

    def _sync(self, raw: bytes, body: bytes) -> Step | None:
        state = self._state
        self._discarding = state.skipping = False
        self._segment += 1
        if state.copying_in:
            state.spare_syncs += 1  # ignored by the target while it copies in
        else:
            state.expects.append(Expect(letters.SYNC))
        self._out.append(raw)
        return None

    def _pass(self, raw: bytes, body: bytes) -> Step | None:
        self._out.append(raw)
        return None

    # -- copy in, function call, end ------------------------------------------------------------------------------

    def copy_in_started(self, looking: bool) -> None:
        """The target awaits CopyData; runs of it pass unread unless something looks into them."""
        self._cutter.through = not looking

    def _copy_data(self, raw: bytes, body: bytes) -> Step | None:
        if self._stray(letters.COPY_DATA, raw) or self._inward.dropping:
            return None
        return self._copy_on(*self._inward.copy_rows(raw, body))

    def _copy_on(self, data: bytes, found: frozenset[str], end: bytes = b"") -> Step | None:
        """Rows go on, unless something in them must be refused or asked about first."""
        if not found:
            self._out.append(data + end)
            return None
        run = self._inward.run
        reads = run.reads() if run is not None else ()
        facts = with_found((r.statement.facts for r in reads), found)
        text = reads[0].statement.text if reads else ""
        question = Question(Command("copy-in", text, facts, (), context_of(self._state)), (reads,))

        def forward(run: Run) -> None:
            self._inward.settle()
            self._out.append(data + end)

        return self._ask(question, False, forward, self._copy_refused)

    def _copy_refused(self, refusal: Refusal) -> None:
        """The copy fails at the target, and the client gets the reason."""
        state = self._state
        nonce, error = self._record_refusal(refusal)
        self._inward.dropping = True
        if state.expects:
            state.expects[0].nonce, state.expects[0].error = nonce, error
        self._out.append(pg.message(b"f", nonce + b"\0"))

    def _copy_end(self, raw: bytes, body: bytes) -> Step | None:
        if self._stray(raw[0], raw):
            return None
        dropping = self._inward.dropping
        self._cutter.through = False
        self._state.copying_in = False
        rest, found = (b"", NOTHING) if dropping else self._inward.copy_rest()
        step = None if dropping else self._copy_on(rest, found, raw)
        self._inward.dropping = False
        return step

    def _function(self, raw: bytes, body: bytes) -> Step | None:
        state = self._state
        oid = int.from_bytes(body[:4], "big")
        facts: Facts = {"class": frozenset({"function-call"}), "kind": frozenset({"function-call"})}
        command = Command("function-call", f"function {oid}", (facts,))
        reason, hint = "the function call protocol is refused here", "Call the function in a SELECT."
        if oid not in self._functions or state.masking():  # P12, and M8: its result could not be masked
            self._refuse_locally(command, "denied", reason, hint, False)
            return None

        def forward(run: Run) -> None:
            if run.masks:
                self._refuse_locally(command, "denied", reason, hint, False)
                return
            state.expects.append(Expect(letters.FUNCTION, run=run))
            self._out.append(raw)

        return self._ask(Question(command, ((),)), False, forward)

    def _terminate(self, raw: bytes, body: bytes) -> Step | None:
        self._out.append(raw)
        self._finish = Finish(Outcome("closed", "the client said goodbye"))
        return None
