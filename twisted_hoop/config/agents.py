"""Agents: somebody must be able to be one, nobody by accident, and targets name those there are."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from twisted_hoop.config.draft import Draft, closest
from twisted_hoop.config.lines import Key, Problem
from twisted_hoop.config.rules import patterns
from twisted_hoop.settings import AgentSection, GatewaySection
from twisted_hoop.transport.bindings import TcpBinding, UnixBinding
from twisted_hoop.transport.names import client_place, server_binding


def check_agents(draft: Draft) -> Iterator[Problem]:
    """Everything that is wrong with `[[agents]]`, and with targets that name an agent."""
    for number, agent in draft.agents:
        yield from _agent(("agents", number), agent, draft)
    yield from _targets(draft)
    yield from _peers(draft.gateway)


def _agent(key: Key, agent: AgentSection, draft: Draft) -> Iterator[Problem]:
    issuers = draft.names("issuers")
    if agent.issuer and agent.issuer not in issuers:
        yield Problem((*key, "issuer"), f"no issuer has this name. {closest(agent.issuer, issuers)}".strip())
    if not agent.issuer and not agent.join_tokens:
        yield Problem(key, "write issuer, or join_tokens = true: nobody can be this agent")
    if agent.issuer and not (agent.subjects or agent.groups):
        # I4: without them every token of the issuer, any person's among them, would make an agent.
        yield Problem((*key, "subjects"), "is missing: write which subjects (or groups) of the issuer are this agent")
    for name in ("subjects", "groups"):
        if getattr(agent, name) and not agent.issuer:
            yield Problem((*key, name), "says nothing without issuer: write that, or remove it")
        if any(not value.strip() for value in getattr(agent, name)):
            yield Problem((*key, name), "is empty: write something, or remove it")
    yield from patterns((*key, "subjects"), agent.subjects)
    for number, text in enumerate(agent.sources):
        try:
            ipaddress.ip_network(text)
        except ValueError as error:
            yield Problem((*key, "sources", number), f"{error}: write 10.0.0.0/8 or 2001:db8::/32")


def _targets(draft: Draft) -> Iterator[Problem]:
    """An agent whose name is not configured does not exist: a target behind it would never be reached."""
    known = draft.names("agents")
    for number, target in draft.targets:
        try:
            place = client_place(target.endpoint)
        except ValueError:
            continue  # said by check_target
        if place is not None and place.agent and place.agent not in known:
            near = closest(place.agent, known)
            what = f"there is no agent {place.agent!r}: write [[agents]] with its name. {near}".strip()
            yield Problem(("targets", number, "endpoint"), what)


def _peers(gateway: GatewaySection) -> Iterator[Problem]:
    key: Key = ("gateway", "peers")
    if not gateway.peers:
        if gateway.peers_address:
            yield Problem(("gateway", "peers_address"), "says nothing without peers: write that, or remove it")
        return
    try:
        binding = server_binding(gateway.peers)
    except ValueError as error:
        yield Problem(key, f"{error}: write tcp:7081:interface=10.0.0.5")
        return
    if isinstance(binding, UnixBinding):
        yield Problem(key, "is for other machines: a unix socket is there without it, so remove it")
    elif not isinstance(binding, TcpBinding):
        yield Problem(key, "write tcp:7081:interface=10.0.0.5")
    elif binding.interface in ("", "0.0.0.0", "::") and not gateway.peers_address:  # noqa: S104  nothing is bound here
        yield Problem(key, "listens everywhere, which is no address: write interface=10.0.0.5, or peers_address")
