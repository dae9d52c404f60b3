"""Requests of Kubernetes clients in one line, and what rules say to them through the dialect itself."""

from __future__ import annotations

from typing import Any

from twisted_hoop.http.dialect import Reading
from twisted_hoop.http.messages import Framing, RequestHead
from twisted_hoop.kubernetes.dialect import KubernetesDialect
from twisted_hoop.model import Command, Decision, Peer, Principal, Session, Target
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.settings import RuleSection, Settings, TargetSection
from twisted_hoop.shell.reader import ShellReader

ISSUER = "https://id.example.com"
TARGET = Target("prod", "kubernetes", "tcp:k8s:6443", groups=frozenset({"*"}))


def kube_section(**more: Any) -> TargetSection:
    """A target of protocol kubernetes."""
    given = {"name": "prod", "protocol": "kubernetes", "endpoint": "tcp:k8s:6443", "credential": "bearer"}
    return TargetSection.model_validate({**given, "secret": "env:TOKEN", **more})


def kube_dialect(**more: Any) -> KubernetesDialect:
    """Its dialect."""
    return KubernetesDialect(kube_section(**more), b"k" * 32, ShellReader())


def head_of(line: str, body: bytes | None = None, upgrade: bytes = b"", **headers: str) -> RequestHead:
    """`GET /api/v1/pods?watch=1` as a request; underscores in names of headers stand for hyphens."""
    method, _, target = line.partition(" ")
    path, _, query = target.partition("?")
    told = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    framing, length = (Framing.NONE, 0) if body is None else (Framing.LENGTH, len(body))
    return RequestHead(method.encode(), path.encode(), query.encode(), b"gw:6443", told, framing, length, upgrade)


def reading_of(line: str, body: bytes | None = None, **more: Any) -> Reading:
    """What the dialect makes of it, with its body."""
    dialect, head = kube_dialect(), head_of(line, body, **more)
    reading = dialect.read(head)
    return dialect.with_body(head, reading, body) if body is not None and reading.wants else reading


def kube_session(principal: Principal | None = None) -> Session:
    """A session of alice at the target."""
    who = principal or Principal(ISSUER, "alice", "Alice", groups=frozenset({"developers"}))
    return Session("s1", who, TARGET, Peer("192.0.2.1"), 0.0)


def said(rules: list[dict[str, Any]], line: str, body: bytes | None = None, **more: Any) -> Decision:
    """What rules say to a request, in the order of a gateway: what is open needs none."""
    reading = reading_of(line, body, **more)
    sections = [RuleSection.model_validate({"name": f"r{n}", **rule}) for n, rule in enumerate(rules, 1)]
    command = Command(reading.action, reading.text, reading.facts, reading.parameters)
    return RulePolicy(Settings(rules=sections)).decide(kube_session(), command)


def effect(rules: list[dict[str, Any]], line: str, body: bytes | None = None, **more: Any) -> str:
    """`allow`, `deny` or `review`."""
    return said(rules, line, body, **more).effect.value


def allowing(**rule: Any) -> list[dict[str, Any]]:
    """One rule that permits."""
    return [{"effect": "allow", **rule}]


def denying(**rule: Any) -> list[dict[str, Any]]:
    """One rule that forbids, before one that permits all that can be permitted in general."""
    return [{"effect": "deny", **rule}, {"effect": "allow"}]
