"""Who was let in by a request for access: the door, and the rules behind it."""

from __future__ import annotations

from twisted_hoop.model import Command, Effect, Peer, Principal, Session, Target
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.settings import Settings


def test_a_request_for_access_that_holds_lets_in_and_rules_still_judge() -> None:
    """JIT access: `authorize` lets in, `let_in_by` tells the two kinds of guests apart in rules."""
    sections = [
        {"name": "guests", "effect": "allow", "classes": ["read"], "let_in_by": "request"},
        {"name": "insiders", "effect": "allow", "classes": ["write"], "let_in_by": "group"},
    ]
    target = {
        "name": "shop",
        "protocol": "postgres",
        "endpoint": "tcp:db:5432",
        "groups": ["dba"],
        "request_groups": ["developers"],
        "request_approvers": ["dba"],
    }
    settings = Settings.model_validate({"rules": sections, "targets": [target]})
    grants: dict[str, str] = {}
    subject = RulePolicy(settings, lambda: 0.0, lambda who, name, now: grants.get(f"{who.subject}@{name}", ""))
    shop = Target("shop", "postgres", "tcp:db:5432", frozenset({"dba"}))
    guest = Principal("i", "alice", groups=frozenset({"developers"}))
    insider = Principal("i", "bob", groups=frozenset({"dba"}))
    assert subject.authorize(guest, shop).effect is Effect.DENY
    grants["alice@shop"] = grants["eve@shop"] = "3f1c"
    assert subject.authorize(guest, shop).rule == "access request 3f1c"
    # A6: who may not ask any more is not let in by what was granted before.
    assert subject.authorize(Principal("i", "eve", groups=frozenset({"x"})), shop).effect is Effect.DENY
    read, write = (Command("query", "", ({"class": frozenset({kind})},)) for kind in ("read", "write"))
    for who, reads, writes in ((guest, Effect.ALLOW, Effect.DENY), (insider, Effect.DENY, Effect.ALLOW)):
        session = Session("s", who, shop, Peer("::1"), 0.0)
        assert subject.decide(session, read).effect is reads and subject.decide(session, write).effect is writes
    trace = subject.explain(Session("s", insider, shop, Peer("::1"), 0.0), write).trace
    assert "let_in_by" in trace[0]
    grants.clear()
    assert subject.authorize(guest, shop).effect is Effect.DENY
