"""Where clients connect: a port for each listener, and the method its clients are asked with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from twisted.internet.threads import deferToThreadPool

from tests.support.loop import Loop
from tests.support.postgres import Server
from tests.support.targets import House, hall_of
from tests.support.tokens import PEER
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.gateway.listeners import Listeners
from twisted_hoop.identity.provider import IdentityProvider
from twisted_hoop.identity.scram_keys import scram_verifier
from twisted_hoop.postgres.authentication import OAuthAuthentication, ScramAuthentication, TokenAuthentication
from twisted_hoop.settings import Settings

TOKEN = "a-token"


def settings(*listeners: dict[str, Any]) -> Settings:
    account = {"name": "ci", "scram": scram_verifier("secret", 4096), "groups": ["*"]}
    issuer = {"name": "corp", "issuer": "https://issuer.test", "audience": ["hoop"], "jwks": "/nowhere"}
    named = [{"name": f"l{n}", "protocol": "postgres", "tls": "optional", **one} for n, one in enumerate(listeners)]
    return Settings.model_validate({"listeners": named, "accounts": [account], "issuers": [issuer]})


def listeners_of(loop: Loop, house: House, given: Settings) -> Listeners:
    identity = loop.run(lambda: IdentityProvider(given, loop.reactor))
    return Listeners(loop.reactor, given, house.services, lambda: identity, cast("Any", None))


@pytest.fixture
def house(loop: Loop, postgres: Server, tmp_path: Path) -> House:
    return House(loop.reactor, hall_of(loop.reactor, postgres, tmp_path))


def test_a_client_reaches_its_target_through_a_listener(loop: Loop, house: House) -> None:
    given = settings({"endpoint": "tcp:0:interface=127.0.0.1", "auth": ["scram"]})
    listeners = listeners_of(loop, house, given)
    loop.run(listeners.start)
    [(_, port)] = listeners._ports
    host: Any = port.getHost()
    assert listeners.describe() == [f"l0 postgres {host}"]
    dsn = f"host=127.0.0.1 port={host.port} dbname=shop user=ci password=secret sslmode=disable"

    def ask() -> Any:
        with psycopg.connect(dsn, autocommit=True) as connection:
            return connection.execute("select 41 + 1").fetchone()

    assert loop.run(lambda: deferToThreadPool(loop.reactor, loop.reactor.getThreadPool(), ask)) == (42,)
    loop.run(listeners.stop)
    assert listeners.describe() == []
    with pytest.raises(psycopg.OperationalError):
        ask()


def test_a_listener_that_cannot_listen_is_named(loop: Loop, house: House) -> None:
    first = listeners_of(loop, house, settings({"endpoint": "tcp:0:interface=127.0.0.1"}))
    loop.run(first.start)
    host: Any = first._ports[0][1].getHost()
    second = listeners_of(loop, house, settings({"endpoint": f"tcp:{host.port}:interface=127.0.0.1"}))
    with pytest.raises(ConfigurationError, match="l0: cannot listen"):
        loop.run(second.start)
    loop.run(first.stop)


@pytest.mark.parametrize(
    ("auth", "user", "wanted"),
    [
        (["token", "scram"], "ci", ScramAuthentication),
        (["token", "scram"], "alice", TokenAuthentication),
        (["oauth"], "ci", OAuthAuthentication),
        (["scram"], "nobody", ScramAuthentication),
    ],
)
def test_i8_which_method_a_client_is_asked_with(
    loop: Loop, house: House, auth: list[str], user: str, wanted: type
) -> None:
    """I8: an unknown name sees the same exchange where SCRAM is all there is."""
    given = settings({"endpoint": "tcp:0", "auth": auth})
    factory: Any = listeners_of(loop, house, given)._factory(given.listeners[0])
    assert type(factory.authentication({"user": user}, PEER)) is wanted


def test_the_discovery_answer_names_the_listeners_issuer(loop: Loop, house: House) -> None:
    given = settings({"endpoint": "tcp:0", "issuer": "corp"})
    assert listeners_of(loop, house, given)._discovery(given.listeners[0]) == ("https://issuer.test", "openid")
    alone = Settings.model_validate({"listeners": [given.listeners[0].model_dump()]})
    assert listeners_of(loop, house, alone)._discovery(alone.listeners[0]) == ("", "")
