"""What exactly an approval is for: one digest over everything that must not change between yes and execution.

Covered: the exact text, action, parameters, context such as search_path (P18), facts (an object that is something
else by now, A5), target and the session's database, the principal with its delegation chain (A4), the policy's version
and the terms of the rule (A5). Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Union

from twisted_hoop.model import Command, Decision, Facts, Principal, Session
from twisted_hoop.store.codec import text_bytes

Value = Union[None, str, Iterable["Value"]]

_DOMAIN = "hoop approval 1"
_ACCESS_DOMAIN = "hoop access 1"
# What a client may call itself changes nothing about what is run.
_IDLE_ATTRIBUTES = frozenset({"application", "application_name"})


def canonical(value: Value) -> bytes:
    """One byte string for each value and for no other: a type byte, a length or count of eight bytes, the content."""
    if value is None:
        return b"n"
    if isinstance(value, str):
        data = text_bytes(value)
        return b"s" + len(data).to_bytes(8, "big") + data
    items = [canonical(item) for item in value]
    return b"l" + len(items).to_bytes(8, "big") + b"".join(items)


def digest_of(session: Session, command: Command, decision: Decision) -> str:
    """SHA-256 (hex) of the command as this principal asks it of this target under this decision.

    The gate may compare it with `Approval.digest` after deciding again: unequal means that the approval is for
    something else.
    """
    whole = (_DOMAIN, _who(session.principal), _where(session), _what(command), _terms(decision))
    return hashlib.sha256(canonical(whole)).hexdigest()


def digest_of_access(principal: Principal, target: str, seconds: float, terms: Iterable[str]) -> str:
    """SHA-256 (hex) of a request for a target: who, which, how long, and who may agree. Never that of a command."""
    whole = (_ACCESS_DOMAIN, _who(principal), target, repr(float(seconds)), list(terms))
    return hashlib.sha256(canonical(whole)).hexdigest()


def _who(principal: Principal) -> Value:
    return (principal.issuer, principal.subject, [(actor.issuer, actor.subject) for actor in principal.chain])


def _where(session: Session) -> Value:
    attributes = [pair for pair in sorted(session.attributes.items()) if pair[0] not in _IDLE_ATTRIBUTES]
    return (session.target.name, session.target.protocol, attributes)


def _what(command: Command) -> Value:
    facts = [_fact(fact) for fact in command.facts]
    return (command.action, command.text, command.parameters, sorted(command.context), facts)


def _fact(fact: Facts) -> Value:
    return [(name, sorted(values)) for name, values in sorted(fact.items())]


def _terms(decision: Decision) -> Value:
    """The rule and what it asks for: who approved under easier terms has not approved under these.

    Whether the command waits (`wait` > 0) is part of it: such an approval ends with its session, others do not.
    """
    waits = "waits" if decision.wait > 0 else "retried"
    terms = (str(decision.quorum), str(decision.uses), repr(float(decision.valid)), waits)
    return (decision.policy_version, decision.rule, sorted(decision.approvers), sorted(decision.masks), terms)
