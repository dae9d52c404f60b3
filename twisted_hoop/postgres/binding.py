"""What goes in: parameters, literals and COPY rows, looked at by masks of direction `request`, and shown to people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from twisted_hoop.errors import ProtocolError
from twisted_hoop.masking.requests import CopyLooker, Finding, RequestMask, look_at_literals, look_at_parameter
from twisted_hoop.model import Facts
from twisted_hoop.policy.findings import FOUND
from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.asking import Question
from twisted_hoop.postgres.copying import copy_of, copy_types
from twisted_hoop.postgres.messages import Bind
from twisted_hoop.postgres.reading import NOTHING, Reading
from twisted_hoop.postgres.registry import Prepared
from twisted_hoop.postgres.state import Run, State

HIDDEN = "*****"


def shown_parameters(
    state: State, bound: Bind | None, candidates: tuple[Prepared, ...], hide: bool
) -> tuple[str | None, ...]:
    """Parameters as text, for the recording and for approvers; `hide` when they may be values of masked columns."""
    if bound is None or not bound.values:
        return ()
    types = candidates[-1].types if candidates else ()
    known, masks = state.knowledge.catalogue.types, state.knowledge.maskset
    out: list[str | None] = []
    for place, value in enumerate(bound.values):
        form = bound.formats[place]
        text = _short_text(value) if form == 0 and not hide and not masks.hides_parameters else None
        if value is None or hide:
            text = None if value is None else HIDDEN
        elif text is None:
            text = masks.value_for_recording(types[place] if place < len(types) else 0, form, value, known)
        out.append(text)
    return tuple(out)


_SHORT: Final = 512


def _short_text(value: bytes | None) -> str | None:
    """What `value_for_recording` makes of most values, at a fraction of its price."""
    if value is None or len(value) > _SHORT:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def fingerprint_of(state: State, bound: Bind | None, hide: bool) -> tuple[tuple[str, str], ...]:
    """Context that tells parameters apart which are not shown whole: other values need another approval (A4)."""
    masks = state.knowledge.maskset
    if bound is None or not bound.values or not (hide or masks.hides_parameters):
        return ()
    return (("parameters", masks.fingerprint(bound.values)),)


def with_found(facts: Iterable[Facts], found: frozenset[str]) -> tuple[Facts, ...]:
    """Facts that say which masks found something."""
    return tuple({**f, FOUND: found} for f in facts)


class InwardMasks:
    """The request direction of one session. Findings name the detector and the place, never the value."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._looker: CopyLooker | None = None
        self._settled = False
        self.run: Run | None = None
        self.dropping = False
        """The COPY was ended by us: what the client still sends of it goes nowhere."""

    def _masks(self) -> tuple[RequestMask, ...]:
        masks = self._state.knowledge.maskset
        return masks.request_masks(self._state.masks()) if masks.looks_inward else ()

    # -- literals and parameters ----------------------------------------------------------------------------------

    def literals(self, question: Question, reading: Reading) -> Question:
        """The question with the names of the masks that found something in the text's constants.

        A constant is not rewritten: the text that is judged is the text that runs.
        """
        masks = self._masks()
        if not masks:
            return question
        found = frozenset(f.mask for r in reading.reads for f in look_at_literals(masks, r.statement.literals))
        if not found:
            return question
        return replace(question, command=replace(question.command, facts=with_found(question.command.facts, found)))

    def parameters(self, bound: Bind, candidates: tuple[Prepared, ...]) -> tuple[Bind, frozenset[str]]:
        """The Bind with its values masked where a mask says so; the masks that must refuse or hold."""
        masks = self._masks() if bound.values else ()
        if not masks:
            return bound, NOTHING
        types, known = candidates[-1].types if candidates else (), self._state.knowledge.catalogue.types
        found, values = NOTHING, list(bound.values)
        for place, (value, form) in enumerate(zip(bound.values, bound.formats, strict=True)):
            if value is not None:
                type_oid = types[place] if place < len(types) else 0
                values[place], findings = look_at_parameter(masks, place + 1, type_oid, form, known, value)
                found |= _unsettled(findings)
        return replace(bound, values=tuple(values)), found

    # -- COPY IN --------------------------------------------------------------------------------------------------

    def copy_started(self, run: Run | None, body: bytes) -> bool:
        """A COPY IN begins; whether its rows are looked at."""
        self.run, self._looker, self._settled, self.dropping = run, None, False, False
        copy = copy_of(run.reads()) if run is not None else None
        masks = self._masks()
        if not masks:
            return False
        if copy is None:
            raise ProtocolError("a COPY began that was not read beforehand", "target")
        _, count = pg.copy_response(body)
        oids, types = copy_types(copy, count, self._state.knowledge), self._state.knowledge.catalogue.types
        self._looker = CopyLooker(
            copy.format, masks, copy.delimiter, copy.quote, copy.escape, copy.null, copy.header, oids, types
        )
        return True

    def copy_rows(self, raw: bytes, body: bytes) -> tuple[bytes, frozenset[str]]:
        """CopyData of the client: what goes to the target, and the masks that must refuse or hold it first."""
        if self._looker is None:
            return raw, NOTHING
        return self._looked(*self._looker.feed(body))

    def copy_rest(self) -> tuple[bytes, frozenset[str]]:
        """What was held back, when the client says that it is done."""
        return (b"", NOTHING) if self._looker is None else self._looked(*self._looker.flush())

    def _looked(self, out: bytes, findings: list[Finding]) -> tuple[bytes, frozenset[str]]:
        found = NOTHING if self._settled else _unsettled(findings)
        return (pg.message(b"d", out) if out else b""), found

    def settle(self) -> None:
        """People agreed to this COPY: it is not asked about again."""
        self._settled = True

    def copy_over(self) -> None:
        """The client has sent everything."""
        self.run = self._looker = None
        self.dropping = False


def _unsettled(findings: list[Finding]) -> frozenset[str]:
    return frozenset(f.mask for f in findings if f.action != "mask")
