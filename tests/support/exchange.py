"""A door with an issuer of its own behind it, for tests of what is exchanged."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from tests.support.api import Answer, Api, listening_api
from tests.support.approvals import Office
from tests.support.loop import Loop
from tests.support.ssh_identity import make_authority
from tests.support.tokens import PEER, Door, Time, issuer_section, make_ring, make_settings, write_jwks
from twisted_hoop.identity.current import CurrentIdentity
from twisted_hoop.identity.narrowing import Narrower, narrowed
from twisted_hoop.identity.own_issuer import Issued, OwnIssuer
from twisted_hoop.identity.own_keys import OwnKeys, make_own_key
from twisted_hoop.identity.provider import IdentityProvider
from twisted_hoop.model import Peer, Principal
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.settings import Settings
from twisted_hoop.web.ways import Ways

URL = "https://hoop.example.com"
AGENTS = "https://agents.example.org"
OTHER = "https://reports.example.com"
ACTORS = [{"name": "agents", "groups": ["ai"]}]
TARGETS = [
    {"name": "shop", "protocol": "postgres", "endpoint": "tcp:db:5432", "groups": ["dev", "ai"]},
    {"name": "crm", "protocol": "postgres", "endpoint": "tcp:db:5432", "groups": ["*"]},
    {"name": "bank", "protocol": "postgres", "endpoint": "tcp:db:5432", "groups": ["dba"]},
]
RULES = [
    {"name": "reads", "effect": "allow", "classes": ["read"]},
    {"name": "writes", "effect": "review", "classes": ["write"], "approvers": ["dba"]},
]
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
KIND = "urn:ietf:params:oauth:token-type:access_token"


def ed_key() -> Any:
    return make_own_key(ed25519.Ed25519PrivateKey.generate())


def p256_key() -> Any:
    return make_own_key(ec.generate_private_key(ec.SECP256R1()))


def form_of(subject: str, actor: str = "", **more: str | list[str]) -> list[tuple[str, str]]:
    """The parameters of a request (RFC 8693, section 2.1); one with an empty value is left out."""
    fields: list[tuple[str, str]] = [("grant_type", GRANT), ("subject_token", subject), ("subject_token_type", KIND)]
    fields += [("actor_token", actor), ("actor_token_type", KIND)] if actor else []
    changed = {name for name in more if isinstance(more[name], str)}
    fields = [pair for pair in fields if pair[0] not in changed]
    for name, value in more.items():
        fields += [(name, each) for each in ([value] if isinstance(value, str) else value) if each]
    return fields


def ask(api: Api, fields: list[tuple[str, str]], **headers: str) -> Answer:
    """POST /oauth/token."""
    sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return api.ask("POST", "/oauth/token", body=urlencode(fields).encode(), headers=sent)


@contextlib.contextmanager
def exchanging_api(office: Office, loop: Loop, folder: Path, **more: Any) -> Iterator[tuple[Exchanging, Api]]:
    """The API over such a door, with three targets."""
    house = Exchanging(loop, folder, **more)
    rules = RulePolicy(house.settings)
    parts: dict[str, Any] = {
        "identity": CurrentIdentity(lambda: house.provider),
        "own": lambda: house.own if house.settings.own_issuer.enabled else None,
        "settings": lambda: house.settings,
        "policy": lambda: rules,
        "ways": Ways(lambda: house.settings, lambda: rules),
    }
    with listening_api(office, loop, folder / "state", **parts) as api:
        yield house, api


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Exchanging:
    """A provider with two issuers (people, agents) whose keys are in files, accounts, an own issuer, and a clock."""

    def __init__(self, loop: Loop, folder: Path, *, actors: Any = ACTORS, **more: Any) -> None:
        self.loop = loop
        self.time = Time(time.time())
        self.ring, self.agents = make_ring(), make_ring(AGENTS)
        self.paths = [write_jwks(self.ring, folder / "people"), write_jwks(self.agents, folder / "agents")]
        self.keys = OwnKeys((ed_key(),))
        self.settings = self.made(actors=actors, **more)
        self.own = OwnIssuer(self.settings.own_issuer, URL, self.keys, self.time)
        self.authority = make_authority(self.time)
        self.provider = Door(loop, self.settings, self.time, own=self.own, authority=self.authority).provider

    def made(
        self, actors: Any = ACTORS, accounts: Any = (), agents: Any = None, enabled: bool = True, **issuer: Any
    ) -> Settings:
        """Settings; `agents` are more keys of the agents' issuer, False leaves it out; `issuer` those of people's."""
        people = issuer_section(self.ring, self.paths[0], **{"kind_claim": "kind", **issuer})
        sections = [people]
        if agents is not False:
            sections.append(issuer_section(self.agents, self.paths[1], name="agents", kind="machine", **(agents or {})))
        own = {"enabled": enabled, "actors": list(actors), "audiences": [OTHER], "rate": 50}
        rest = {"own_issuer": own, "gateway": {"url": URL}, "targets": TARGETS, "rules": RULES}
        return make_settings(*sections, accounts=list(accounts), **rest)

    def reload(self, settings: Settings | None, keys: OwnKeys | None = None) -> None:
        """New settings, and new keys of our own."""
        chosen = settings if settings is not None else self.settings
        self.keys = keys or self.keys
        section = chosen.own_issuer
        own = OwnIssuer(section, URL, self.keys, self.time) if section.enabled else None
        old = self.provider
        self.provider = self.loop.run(
            lambda: IdentityProvider(
                chosen, self.loop.reactor, now=self.time, previous=old, own=own, authority=self.authority
            )
        )

    def person(self, who: str = "alice", *groups: str, **claims: Any) -> str:
        """A person's token."""
        return self.ring.token(who, groups=list(groups or ("dev", "dba")), preferred_username=who.title(), **claims)

    def agent(self, who: str = "agent-7", *groups: str, **claims: Any) -> str:
        """An agent's own token."""
        return self.agents.token(who, groups=list(groups or ("ai",)), **claims)

    def proved(self, token: str, peer: Peer = PEER) -> Principal:
        """Through the door."""
        authenticate: Any = self.provider.authenticate
        who: Principal = self.loop.run(lambda: authenticate(token, peer))
        return who

    def exchange(
        self, subject: str, actor: str = "", targets: Any = None, groups: Any = None, lifetime: float | None = None
    ) -> Issued:
        """As the API does it, without its checks of who may."""
        wanted = Narrower(
            None if targets is None else frozenset(targets), None if groups is None else frozenset(groups)
        )
        made = narrowed(self.proved(subject), wanted, self.proved(actor) if actor else None)
        return self.provider.issue(made, lifetime)
