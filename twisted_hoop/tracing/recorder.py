"""Spans out of what is recorded: the recorder every session has, with a look at each entry that passes.

So a span says what the recording says of times and decisions, and no relay knows of traces. Of an entry only what is
listed here is taken: never a text, a parameter, a table's name or a reason (R11).
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from zope.interface import implementer

from twisted_hoop.interfaces import IRecorder, IRecording
from twisted_hoop.model import Entry, Outcome, Session
from twisted_hoop.tracing.spans import CLIENT, INTERNAL, SERVER, Span, Value, new_span, new_trace

_MAX_OPEN = 1000
_COUNTS = ("rows", "masked", "bytes", "status", "exit")
_FAILED = frozenset({"failed", "target-lost", "interrupted"})
_OVER_HTTP = frozenset({"http", "kubernetes"})
_FAULT = 500
"""Status of HTTP from which on the target failed; below, it is who asked."""


class _Open:
    """A command that runs: its span and the one above, when it was asked for and when it went to the target."""

    __slots__ = ("asked", "attributes", "ident", "name", "parent", "sent")

    def __init__(self, parent: str, name: str, attributes: dict[str, Value], asked: int, sent: int) -> None:
        self.ident = new_span()
        self.parent = parent
        self.name = name
        self.attributes = attributes
        self.asked = asked
        self.sent = sent


@implementer(IRecorder)
class TracedRecorder:
    """An IRecorder over another. `clock` gives ns since 1970; `sample` is the share of sessions that are traced."""

    def __init__(self, inner: Any, add: Callable[[Span], None], clock: Callable[[], int], sample: float = 1.0) -> None:
        self._inner = inner
        self._add = add
        self._clock = clock
        self._sample = sample

    def open(self, session: Session, policy_version: str = "") -> Any:
        """See IRecorder."""
        recording = self._inner.open(session, policy_version)
        if random.random() >= self._sample:  # noqa: S311 - which sessions are traced is no secret
            return recording
        return TracedRecording(recording, session, self._add, self._clock)


@implementer(IRecording)
class TracedRecording:
    """An IRecording over another; what it is told is told on first."""

    def __init__(self, inner: Any, session: Session, add: Callable[[Span], None], clock: Callable[[], int]) -> None:
        self._inner = inner
        self._session = session
        self._add = add
        self._clock = clock
        self._trace, self._span = new_trace(), new_span()
        self._began = clock()
        self._commands = 0
        self._reviews: dict[str, int] = {}
        self._open: dict[object, _Open] = {}
        self._closed = False
        self.id: str = inner.id

    @property
    def on_failure(self) -> Any:
        """See IRecording."""
        return self._inner.on_failure

    @on_failure.setter
    def on_failure(self, called: Any) -> None:
        """See IRecording."""
        self._inner.on_failure = called

    def write(self, entry: Entry, lazy: bool = False) -> None:
        """See IRecording."""
        self._inner.write(entry, lazy)
        kind = entry.kind
        if kind == "command":
            self._sent(entry.data)
        elif kind == "outcome":
            self._answered(entry.data)
        elif kind == "refused":
            self._refused(entry.data)
        elif kind == "review" and len(self._reviews) < _MAX_OPEN:
            self._reviews[str(entry.data.get("approval"))] = self._clock()

    def barrier(self) -> Awaitable[None] | None:
        """See IRecording."""
        found: Awaitable[None] | None = self._inner.barrier()
        return found

    def close(self, outcome: Outcome) -> Awaitable[None]:
        """See IRecording."""
        if not self._closed:
            self._closed = True
            self._over(outcome)
        done: Awaitable[None] = self._inner.close(outcome)
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    # -- spans ----------------------------------------------------------------------------------------------------

    def _command(self, data: Mapping[str, Any], now: int) -> _Open:
        """A command that was decided just now; it was asked for when its review was filed, if there was one."""
        self._commands += 1
        approval = data.get("approval")
        ident = str(approval["id"]) if isinstance(approval, Mapping) else ""
        asked = self._reviews.pop(ident, now)
        attributes: dict[str, Value] = {
            "hoop.action": str(data.get("action", "")),
            "hoop.decision": str(data.get("decision", "")),
            "hoop.rule": str(data.get("rule") or ""),
        }
        number = data.get("command")
        attributes |= {"hoop.command": number} if isinstance(number, int) else {}
        attributes |= {"hoop.approval": ident} if ident else {}
        whole = self._open.get((*_key(data)[:2], None)) if "operation" in data else None
        parent = self._span if whole is None else whole.ident
        return _Open(parent, f"command {attributes['hoop.action']}", attributes, asked, now)

    def _sent(self, data: Mapping[str, Any]) -> None:
        made = self._command(data, self._clock())
        if made.asked != made.sent:
            self._tell("approval", INTERNAL, made.ident, made.asked, made.sent, {})
        if len(self._open) < _MAX_OPEN:
            self._open[_key(data)] = made

    def _refused(self, data: Mapping[str, Any]) -> None:
        made = self._command(data, self._clock())
        made.attributes["hoop.code"] = str(data.get("code", ""))
        if made.asked != made.sent:
            self._tell("approval", INTERNAL, made.ident, made.asked, made.sent, {})
        self._finish(made, made.sent, failed=False)

    def _answered(self, data: Mapping[str, Any]) -> None:
        made = self._open.pop(_key(data), None)
        if made is None:
            return
        now = self._clock()
        for name in _COUNTS:
            value = data.get(name)
            if isinstance(value, int):
                made.attributes[f"hoop.{name}"] = value
        code = data.get("sqlstate")
        made.attributes |= {"hoop.sqlstate": str(code)} if code else {}
        failed = bool(data.get("error") or code) or self._at_fault(data)
        self._tell("target", CLIENT, made.ident, made.sent, now, {}, failed)
        self._finish(made, now, failed)

    def _at_fault(self, data: Mapping[str, Any]) -> bool:
        """Whether the target answered so; a status of SSH is the program's own business."""
        status = data.get("status")
        return isinstance(status, int) and status >= _FAULT and self._session.target.protocol in _OVER_HTTP

    def _finish(self, made: _Open, ended: int, failed: bool) -> None:
        self._add(
            Span(self._trace, made.ident, made.parent, made.name, INTERNAL, made.asked, ended, made.attributes, failed)
        )

    def _tell(
        self, name: str, kind: int, parent: str, began: int, ended: int, more: Mapping[str, Value], failed: bool = False
    ) -> None:
        self._add(Span(self._trace, new_span(), parent, name, kind, began, ended, more, failed))

    def _over(self, outcome: Outcome) -> None:
        now, session = self._clock(), self._session
        for made in self._open.values():
            self._finish(made, now, failed=outcome.code in _FAILED)
        self._open.clear()
        who = session.principal
        attributes: dict[str, Value] = {
            "hoop.session": session.id,
            "hoop.target": session.target.name,
            "hoop.protocol": session.target.protocol,
            "hoop.outcome": outcome.code,
            "hoop.commands": self._commands,
            "enduser.id": who.key,
        }
        if who.chain:
            attributes["hoop.actors"] = ", ".join(f"{actor.issuer}|{actor.subject}" for actor in who.chain)
        name = f"session {session.target.name}"
        failed = outcome.code in _FAILED
        self._add(Span(self._trace, self._span, "", name, SERVER, self._began, now, attributes, failed))


def _key(data: Mapping[str, Any]) -> tuple[object, ...]:
    """Commands are numbered in each channel of SSH for itself, operations (on files, say) in each command."""
    return data.get("channel"), data.get("command"), data.get("operation")
