"""SAML at the one door: what was used before, where from, locks, and what a reload leaves."""

from __future__ import annotations

import builtins
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.loop import Loop
from tests.support.saml import ENTITY, REQUEST, URL, encoded, make_signer, told
from twisted_hoop.errors import AuthenticationFailed, ConfigurationError, IssuerUnavailable
from twisted_hoop.identity.own_issuer import OwnIssuer
from twisted_hoop.identity.own_keys import load_own_keys
from twisted_hoop.identity.provider import IdentityProvider
from twisted_hoop.model import Peer, Principal
from twisted_hoop.settings import Settings

HERE = Peer("10.0.0.1", 1, True)


class Desk:
    """A provider in force, at a time of its own."""

    def __init__(self, loop: Loop, folder: Path, **section: Any) -> None:
        self.loop, self.folder, self.now = loop, folder, time.time()
        self.pem = make_signer().pem(folder / "idp.pem")
        self.settings = self.with_(**section)
        own = self.settings.own_issuer
        self.own = OwnIssuer(own, URL, load_own_keys(own, folder), lambda: self.now)
        self.identity = self.made(self.settings)

    def with_(self, **section: Any) -> Settings:
        given = {"name": "corp", "entity_id": ENTITY, "sso_url": "https://idp/sso", "certificate": str(self.pem)}
        saml = [{**given, "groups_attribute": "groups", **section}]
        return Settings.model_validate({"gateway": {"url": URL}, "saml": saml, "own_issuer": {"enabled": True}})

    def made(self, settings: Settings, previous: IdentityProvider | None = None, **more: Any) -> IdentityProvider:
        reactor = self.loop.reactor
        return self.loop.run(
            lambda: IdentityProvider(settings, reactor, now=lambda: self.now, previous=previous, own=self.own, **more)
        )

    def answer(self, ident: str = "_a1", **changed: Any) -> str:
        near = {"issued": self.now, "begins": self.now - 5, "until": self.now + 60, "shown_until": self.now + 60}
        return encoded(make_signer().answer(told(assertion_id=ident, **{**near, **changed})))

    def log_in(self, sent: str = "", peer: Peer = HERE, name: str = "corp") -> Principal:
        door: Any = self.identity
        found: Principal = self.loop.run(lambda: door.saml_login(name, sent or self.answer(), REQUEST, peer))
        return found


@pytest.fixture
def desk(loop: Loop, tmp_path: Path) -> Iterator[Desk]:
    yield Desk(loop, tmp_path)


def test_a_log_in_is_proved_counted_and_goes_on(desk: Desk) -> None:
    counted: list[str] = []
    desk.identity = desk.made(desk.settings, counted=counted.append)
    ann = desk.log_in()
    assert ann.key == f"{ENTITY}|u-4711" and ann.groups == {"dba", "staff"} and ann.proof == "saml"
    assert desk.identity.still_valid(ann)
    with pytest.raises(AuthenticationFailed):
        desk.log_in("x")
    assert counted == ["ok", "failed"]
    desk.now += 28800
    assert not desk.identity.still_valid(ann)


def test_i7_an_assertion_opens_one_visit(desk: Desk) -> None:
    """I7: shown again, also after a reload, which keeps what was used; another one is taken."""
    sent = desk.answer()
    desk.log_in(sent)
    with pytest.raises(AuthenticationFailed, match="used before"):
        desk.log_in(sent)
    desk.identity = desk.made(desk.settings, desk.identity)
    with pytest.raises(AuthenticationFailed, match="used before"):
        desk.log_in(sent)
    assert desk.log_in(desk.answer("_a2"))


def test_i7_without_the_store_nobody_logs_in(desk: Desk) -> None:
    """I7: what cannot be asked is not taken for new."""

    class Away:
        async def first_use(self, issuer: str, token_id: str, until: float) -> bool:
            raise IssuerUnavailable("the store is away")

    desk.identity = desk.made(desk.settings, replay=Away())
    with pytest.raises(IssuerUnavailable):
        desk.log_in()


def test_i8_locks_hold(desk: Desk) -> None:
    """I8, I9: of the person, of a group, of the provider: before and after."""
    ann = desk.log_in()
    for number, lock in enumerate((("principal", ann.key), ("group", "dba"), ("issuer", ENTITY))):
        desk.identity.locks.lock(*lock)  # type: ignore[arg-type]
        assert not desk.identity.still_valid(ann)
        with pytest.raises(AuthenticationFailed, match="locked"):
            desk.log_in(desk.answer(f"_locked{number}"))
        desk.identity.locks.unlock(*lock)  # type: ignore[arg-type]
    assert desk.identity.still_valid(ann)


def test_i10_source_ranges_hold_for_log_ins_and_for_tokens(loop: Loop, tmp_path: Path) -> None:
    """I10, I8."""
    desk = Desk(loop, tmp_path, sources=["10.0.0.0/8"])
    with pytest.raises(AuthenticationFailed, match="I10"):
        desk.log_in(peer=Peer("192.0.2.1", 1, True))
    token = desk.identity.issue(desk.log_in(), 60.0).token
    assert loop.run(lambda: desk.identity.authenticate(token, HERE)).key == f"{ENTITY}|u-4711"
    with pytest.raises(AuthenticationFailed, match="I10"):
        loop.run(lambda: desk.identity.authenticate(token, Peer("192.0.2.1", 1, True)))


def test_i9_a_reload_ends_what_it_would_not_give(desk: Desk) -> None:
    """I9: other rules for groups, another certificate, or no provider: of the log-in, and of the token made from it."""
    ann = desk.log_in()
    token = desk.identity.issue(ann, 600.0).token
    assert desk.loop.run(lambda: desk.identity.authenticate(token, HERE)).subject == "u-4711"
    same = desk.made(desk.settings, desk.identity)
    assert same.still_valid(ann) and desk.loop.run(lambda: same.authenticate(token, HERE))
    prefixed = desk.with_(group_prefix="x:")
    none = Settings.model_validate({"gateway": {"url": URL}, "own_issuer": {"enabled": True}})
    make_signer("other").pem(desk.pem)
    for settings in (desk.settings, prefixed, none):
        after = desk.made(settings, desk.identity)
        assert not after.still_valid(ann)
        with pytest.raises(AuthenticationFailed):
            desk.loop.run(lambda after=after: after.authenticate(token, HERE))


def test_unknown_providers_prove_nobody(desk: Desk) -> None:
    with pytest.raises(AuthenticationFailed, match="not configured"):
        desk.log_in(name="other")
    assert not desk.identity.still_valid(Principal(ENTITY, "u-4711", proof="saml", proof_id="0" * 64))


def test_health_says_how_many_certificates_are_good(desk: Desk) -> None:
    (told,) = desk.identity.describe()
    assert (told["name"], told["issuer"], told["keys"], told["problem"]) == ("corp", ENTITY, 1, "")
    make_signer("gone", days=-1).pem(desk.pem)
    (told,) = desk.made(desk.settings).describe()
    assert told["keys"] == 0 and "nobody can log in" in told["problem"]


def test_what_cannot_be_used_is_said_when_settings_come_into_force(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.pem.write_text("")
    with pytest.raises(ConfigurationError, match=r"saml\.0\.certificate"):
        desk.made(desk.settings)
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("twisted_hoop.saml"):
            raise ImportError("no", name="signxml")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigurationError, match=r"signxml.*twisted-hoop\[saml\]"):
        desk.made(desk.settings)


def test_nothing_of_xml_is_imported_unless_it_is_configured() -> None:
    code = "import sys, twisted_hoop.gateway.service; print(sorted({'lxml', 'signxml'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "[]\n", done.stderr
