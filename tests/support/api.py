"""A whole API for tests: a real store, identities with real tokens, real recordings, on a loopback port."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.support.agents import agent_desk
from tests.support.approvals import ISSUER, Office, session_of
from tests.support.loop import Loop
from tests.support.recordings import command, recorded
from tests.support.ssh_identity import make_authority
from twisted_hoop.approval.access import AccessDesk
from twisted_hoop.archive.holds import Holds
from twisted_hoop.archive.index import Index
from twisted_hoop.archive.job import Job
from twisted_hoop.archive.keeping import compiled
from twisted_hoop.archive.removal import Remover
from twisted_hoop.archive.retention import Retention
from twisted_hoop.demo.keyring import KeyRing
from twisted_hoop.identity.provider import IdentityProvider
from twisted_hoop.locking import LockDesk
from twisted_hoop.model import Principal
from twisted_hoop.notify.deliveries import Deliveries
from twisted_hoop.observability.metrics import Metrics
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.recording.library import Library
from twisted_hoop.recording.recorder import Recorder
from twisted_hoop.sessions import Sessions
from twisted_hoop.settings import RecordingSection, RetentionSection, Settings
from twisted_hoop.store.locks import LockTable
from twisted_hoop.store.reads import ReadLog
from twisted_hoop.store.sessions import SessionIndex
from twisted_hoop.web.feed import Feed
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.site import build_site
from twisted_hoop.web.ways import Ways

GROUPS: Mapping[str, list[str]] = {
    "alice": ["developers"],
    "bob": ["dba"],
    "carol": ["dba", "auditors"],
    "olga": ["operators"],
    "robot": ["dba"],
}
RECORDED = "session-0001"
KEPT = RetentionSection(name="short", keep=60.0, targets=["short-.*"])
"""The rule of retention there is."""
OPEN = Settings.model_validate(
    {
        "gateway": {"url": "https://hoop.example:8443"},
        "issuers": [{"name": "corp", "issuer": ISSUER, "audience": ["hoop"], "client_id": "hoop-cli"}],
        "listeners": [
            {"name": "pg", "protocol": "postgres", "endpoint": "tcp:5432", "certificate": "a", "key": "b"},
            {"name": "local", "protocol": "postgres", "endpoint": "unix:/run/hoop/.s.PGSQL.5433"},
            {"name": "ssh", "protocol": "ssh", "endpoint": "tcp:22", "address": "[2001:db8::1]:2222"},
        ],
        "targets": [
            {"name": "shop", "protocol": "postgres", "endpoint": "tcp:db:5432", "groups": ["developers"]},
            {
                "name": "vault",
                "protocol": "postgres",
                "endpoint": "tcp:db:5432",
                "groups": ["dba"],
                "secret": "env:VAULT_PASSWORD",
                "request_groups": ["developers"],
                "request_approvers": ["dba"],
            },
            {"name": "web-1", "protocol": "ssh", "endpoint": "tcp:web:22", "groups": ["*"], "login": "deploy"},
        ],
        "rules": [
            {"name": "reads", "effect": "allow", "classes": ["read"]},
            {"name": "writes", "effect": "review", "classes": ["write"], "approvers": ["dba"]},
        ],
        "retention": [KEPT.model_dump()],
    }
)
"""What clients are told of, at GET /v1/targets and /v1/login."""


@dataclass(frozen=True)
class Answer:
    """What the API said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Api:
    """A listening API and what stands behind it."""

    port: int
    loop: Loop
    office: Office
    parts: Parts
    ring: KeyRing
    provider: IdentityProvider
    live: Sessions
    state: Path
    ca: str = ""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self.ca else 'http'}://127.0.0.1:{self.port}"

    def token(self, who: str, **claims: Any) -> str:
        """A signed token for somebody; `claims` add to it."""
        kind = "machine" if who == "robot" else "human"
        usual = {"preferred_username": who.title(), "groups": GROUPS.get(who, []), "kind": kind}
        return self.ring.token(who, **{**usual, **claims})

    def ask(
        self,
        method: str,
        path: str,
        who: str = "",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        token: str = "",
    ) -> Answer:
        """One request over a connection of its own. A body that is not bytes is sent as JSON."""
        sent = dict(headers or {})
        if who or token:
            sent["Authorization"] = f"Bearer {token or self.token(who)}"
        if body is not None and not isinstance(body, bytes):
            sent.setdefault("Content-Type", "application/json")
            body = json.dumps(body).encode()
        connection = self._connection()
        with contextlib.closing(connection):
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def _connection(self) -> http.client.HTTPConnection:
        if self.ca:
            context = ssl.create_default_context(cafile=self.ca)
            return http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=20)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def file(self, principal: Principal, decision: Any, command: Any) -> str:
        """File a request; its id."""
        return self.loop.run(lambda: self.office.approver.file(session_of(principal), command, decision)).request.id


@contextlib.contextmanager
def listening_api(
    office: Office, loop: Loop, state: Path, tls: tuple[Path, Path, Path] | None = None, **changed: Any
) -> Iterator[Api]:
    """An API on a free port. `tls` is (CA, certificate, key); `changed` replaces parts."""
    ring = KeyRing(ISSUER)
    ring.add("EdDSA")
    state.mkdir(mode=0o700, exist_ok=True)
    (state / "jwks.json").write_text(json.dumps(ring.jwks()))
    authority = make_authority(time.time)
    provider = IdentityProvider(_settings(state), loop.reactor, authority=authority)
    live = Sessions()
    index = SessionIndex(office.database, office.time)
    feed = Feed(office.database, index, loop.reactor, office.time, provider.still_valid)
    locking = LockDesk(LockTable(office.database, office.time), provider.locks, office.approver, office.time)
    recorded(state, command("select 'x\x1b]0;evil\x07'"), name=RECORDED)
    parts = Parts(
        identity=provider,
        desk=office.desk,
        database=office.database,
        access=AccessDesk(office.shelf, lambda: OPEN),
        sessions=index,
        reads=ReadLog(office.database, office.time),
        live=live,
        recordings=Library(state / "recordings"),
        index=Index(office.database, office.time),
        holds=Holds(office.database, office.time),
        retention=_job(office, loop, state),
        metrics=Metrics().render,
        ways=Ways(lambda: OPEN, lambda: RulePolicy(OPEN)),
        settings=lambda: OPEN,
        policy=lambda: RulePolicy(OPEN),
        locks=locking,
        feed=feed,
        deliveries=Deliveries(office.database, office.time),
        agents=agent_desk(loop, office.database, office.time),
        health=_well,
        unready=_ready,
        auditors=frozenset({"auditors"}),
        operators=frozenset({"operators"}),
        authorities=tuple(key.line for key in (authority.user_ca, authority.host_ca, authority.host_key.public)),
    )
    parts = replace(parts, **changed)
    site = build_site(parts, loop.reactor, encrypted=tls is not None)
    port = loop.run(lambda: _listen(loop.reactor, site, tls))
    try:
        ca = str(tls[0]) if tls else ""
        yield Api(port.getHost().port, loop, office, parts, ring, provider, live, state, ca)
    finally:
        loop.run(feed.stop)
        loop.run(port.stopListening)


def _job(office: Office, loop: Loop, state: Path) -> Job:
    """Retention over the recordings of `state`, with the one rule of `KEPT`."""
    section = RecordingSection(minimum_free=0)
    recorder = Recorder(section, state, loop.reactor, "hoop-test")
    remover = Remover(office.database, recorder.folder, recorder.ledger, time.time)
    retention = Retention(office.database, remover, lambda: compiled([KEPT]), time.time, "replica-1")
    return Job(loop.reactor, office.database, retention, time.time, 3600.0)


async def _well() -> dict[str, Any]:
    """A `shapes.Health`; what it is made of: test_health."""
    words = {"status": "ok", "gateway": "hoop", "version": "0", "policy": "v1"}
    numbers = {"started": 1.0, "sessions": 0, "watchers": 0}
    lists: dict[str, Any] = {"listeners": [], "issuers": [], "channels": [], "replicas": [], "problems": []}
    return {**words, **numbers, **lists, "store": {}, "recorder": {}}


async def _ready() -> list[str]:
    return []


def _listen(reactor: Any, site: Any, tls: tuple[Path, Path, Path] | None) -> Any:
    if tls is None:
        return reactor.listenTCP(0, site, interface="127.0.0.1")
    from twisted.internet.ssl import PrivateCertificate

    pem = tls[2].read_bytes() + tls[1].read_bytes()
    return reactor.listenSSL(0, site, PrivateCertificate.loadPEM(pem).options(), interface="127.0.0.1")


def _settings(state: Path) -> Settings:
    issuer = {
        "name": "corp",
        "issuer": ISSUER,
        "audience": ["hoop"],
        "jwks": str(state / "jwks.json"),
        "algorithms": ["EdDSA"],
        "kind_claim": "kind",
    }
    return Settings.model_validate({"issuers": [issuer]})
