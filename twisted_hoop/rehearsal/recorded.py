"""The commands of a recording: who sent what where and when, and what was decided then. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twisted_hoop.model import Actor, Effect, Kind, Principal

_REVIEWED = frozenset({"pending", "expired", "withdrawn"})
"""Codes of refusals behind a decision to ask people."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One command of a recording: who sent what where and when, and what was decided then, by which rule."""

    session: str
    principal: Principal
    target: str
    protocol: str
    at: float
    action: str
    text: str
    tables: frozenset[str]
    effect: Effect
    rule: str


def commands(session: str, entries: Iterable[Mapping[str, Any]]) -> Iterator[Recorded]:
    """The commands of one recording that policy decided. Entries of kinds nobody knows are passed over."""
    about: Mapping[str, Any] = {}
    for entry in entries:
        kind = entry.get("kind")
        if kind == "open":
            about = entry
        elif kind in ("command", "refused") and about:
            effect = _effect(entry)
            if effect is not None:
                yield _recorded(session, about, entry, effect)


def _effect(entry: Mapping[str, Any]) -> Effect | None:
    """What policy had said; None when the refusal was not policy's."""
    if entry["kind"] == "command":
        return Effect.REVIEW if entry.get("decision") == "review" else Effect.ALLOW
    code = str(entry.get("code", ""))
    if code == "denied" and entry.get("approval"):
        return Effect.REVIEW  # it was people who said no
    return Effect.DENY if code == "denied" else Effect.REVIEW if code in _REVIEWED else None


def _recorded(session: str, about: Mapping[str, Any], entry: Mapping[str, Any], effect: Effect) -> Recorded:
    return Recorded(
        session,
        _principal(_mapping(about.get("principal"))),
        str(about.get("target", "")),
        str(about.get("protocol", "")),
        _number(about.get("started")) + _number(entry.get("t")),
        str(entry.get("action", "")),
        str(entry.get("text", "")),
        frozenset(map(str, _list(entry.get("tables")))),
        effect,
        str(entry.get("rule") or ""),
    )


def _principal(told: Mapping[str, Any]) -> Principal:
    actors = map(_mapping, _list(told.get("chain")))
    chain = tuple(Actor(str(actor.get("issuer")), str(actor.get("subject"))) for actor in actors)
    return Principal(
        str(told.get("issuer", "")),
        str(told.get("subject", "")),
        str(told.get("name") or ""),
        frozenset(map(str, _list(told.get("groups")))),
        Kind.MACHINE if told.get("kind") == Kind.MACHINE.value else Kind.HUMAN,
        chain,
        str(told.get("proof") or "jwt"),
        within=tuple(_principal(_mapping(each)) for each in _list(told.get("within"))),
        targets=frozenset(map(str, _list(told["targets"]))) if "targets" in told else None,
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()
