"""twisted_hoop.ssh.transport: host keys, services, logging in, and how long it may take."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.service import SSHService
from twisted.internet.defer import Deferred

from tests.support.ssh import ED25519, LetIn, Pair, connected, make_key
from twisted_hoop.errors import HoopError
from twisted_hoop.ssh import algorithms
from twisted_hoop.ssh.algorithms import HostKey, by_algorithm, host_keys_of
from twisted_hoop.ssh.events import Data
from twisted_hoop.ssh.fields import string
from twisted_hoop.ssh.limits import Limits


class Silent(SSHService):
    """A service that keeps what it gets."""

    name = b"ssh-userauth"

    def __init__(self) -> None:
        self.got: list[tuple[int, bytes]] = []
        self.stopped = 0

    def serviceStopped(self) -> None:
        self.stopped += 1

    def packetReceived(self, messageNum: int, packet: bytes) -> None:
        self.got.append((messageNum, packet))


def with_host_keys(*keys: HostKey) -> Pair:
    pair = Pair()
    pair.server_end._host_keys = by_algorithm(keys)
    pair.server_end._offer = replace(pair.server_end._offer, host_keys=tuple(pair.server_end._host_keys))
    return pair


# -- host keys ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_every_kind_of_host_key(kind: str) -> None:
    key = make_key(kind)
    pair = with_host_keys(*host_keys_of(key)).start().pump()
    assert pair.server.login == b"alice"
    assert pair.client_end._host_key is not None
    assert pair.client_end._host_key[0] == key.blob()


def test_a_certificate_is_verified_with_the_key_in_it() -> None:
    """What is in the certificate is for `verify_host_key` to judge; it gives the key that must have signed."""
    certified = host_keys_of(ED25519, b"a certificate")[0]
    pair = with_host_keys(certified)
    pair.client_end._offer = replace(pair.client_end._offer, host_keys=algorithms.CERTIFICATES)
    seen: list[bytes] = []

    async def verify(blob: bytes) -> Key:
        seen.append(blob)
        return ED25519.public()

    pair.client_end._verify_host_key = verify
    pair.start().pump()
    assert seen == [b"a certificate"]
    assert pair.server.login == b"alice"


def refused(pair: Pair) -> str:
    """Why a client gave up; it said nothing about users."""
    assert pair.server.login is None
    assert pair.client.connection is None
    assert len(pair.refused) == 1
    return str(pair.refused[0])


def test_a_host_key_that_is_refused() -> None:
    """S17: with the words of whoever refused it."""
    pair = Pair()

    async def verify(blob: bytes) -> Key:
        raise HoopError("not the key of db-1")

    pair.client_end._verify_host_key = verify
    assert refused(pair.start().pump()) == "not the key of db-1"


def test_a_host_key_that_cannot_be_judged() -> None:
    pair = Pair()

    async def verify(blob: bytes) -> Key:
        raise ZeroDivisionError

    pair.client_end._verify_host_key = verify
    refused(pair.start().pump())


def test_a_host_key_that_did_not_sign() -> None:
    """S17: knowing a public key is not having it."""
    other = make_key("ed25519")
    stolen = HostKey(b"ssh-ed25519", ED25519.blob(), host_keys_of(other)[0].sign)
    assert "did not sign" in refused(with_host_keys(stolen).start().pump())


@pytest.mark.parametrize(
    "garbage", [b"", b"\0\0\0\1", string(b"ssh-ed25519"), string(b"ssh-ed25519") + string(b"short")]
)
def test_a_signature_that_is_none(garbage: bytes) -> None:
    lying = HostKey(b"ssh-ed25519", ED25519.blob(), lambda data: garbage)
    assert "did not sign" in refused(with_host_keys(lying).start().pump())


def test_a_signature_in_another_algorithm_than_agreed() -> None:
    """S3: a server that agrees on SHA-512 and signs with SHA-1."""
    key = make_key("rsa")
    weak = HostKey(b"rsa-sha2-512", key.blob(), lambda data: key.sign(data, signatureType=b"ssh-rsa"))
    assert "did not sign" in refused(with_host_keys(weak).start().pump())


def test_a_host_key_that_changes_in_the_middle() -> None:
    """S17: it was judged once, and is the same at every later exchange."""
    pair = connected()
    pair.server_end._host_keys = by_algorithm(host_keys_of(make_key("ed25519")))
    pair.server_end.rekey()
    pair.pump()
    assert pair.client_end.ended
    assert "changed its host key" in pair.client.lost_because[0]


def test_nothing_is_read_while_a_host_key_is_judged() -> None:
    """It may take a while: a look into a store, say. What comes meanwhile is under keys that are not made yet."""
    pair = Pair()
    waiting: Deferred[Key] = Deferred()

    async def verify(blob: bytes) -> Key:
        return await waiting

    pair.client_end._verify_host_key = verify
    pair.start().pump()
    assert not pair.client_wire.reading
    assert pair.client.connection is None
    waiting.callback(ED25519.public())
    pair.pump()
    assert pair.server.login == b"alice"
    assert pair.client.connection is not None


def test_a_target_that_is_gone_while_its_key_is_judged() -> None:
    pair = Pair()
    waiting: Deferred[Key] = Deferred()

    async def verify(blob: bytes) -> Key:
        return await waiting

    pair.client_end._verify_host_key = verify
    pair.start().pump()
    pair.client_wire.lost()
    waiting.callback(ED25519.public())
    assert len(pair.refused) == 1


# -- services and logging in --------------------------------------------------------------------------------------


def test_extensions_are_those_of_users_whatever_our_host_keys_are() -> None:
    """RSA user keys work with an Ed25519 host key (RFC 8308; twisted#12107)."""
    pair = connected()
    names = pair.client_end.peerExtensions[b"server-sig-algs"].split(b",")
    assert {b"rsa-sha2-512", b"rsa-sha2-256", b"ssh-ed25519", b"sk-ssh-ed25519@openssh.com"} <= set(names)
    assert b"ssh-rsa" not in names


def test_the_login_is_what_the_service_says() -> None:
    pair = connected()
    assert pair.server.login == b"alice"
    assert pair.server.connection is pair.server_end.connection


@pytest.mark.parametrize("name", [b"ssh-connection", b"ssh-userauth2", b""])
def test_only_ssh_userauth_can_be_asked_for(name: bytes) -> None:
    """S4: ssh-connection before the login, above all."""
    pair = Pair()
    pair.client_end.connectionSecure = lambda: pair.client_end.sendPacket(5, string(name))  # type: ignore[method-assign]
    pair.start().pump()
    assert pair.server_end.ended
    assert pair.server.connection is None


@pytest.mark.parametrize("name", [b"ssh-userauth", b"ssh-connection"])
def test_no_service_can_be_asked_for_after_the_login(name: bytes) -> None:
    """S4: a second ssh-userauth would make a second principal of one connection."""
    pair = connected()
    pair.client_end._emit((b"\5", string(name)), 1 + 4 + len(name))
    pair.pump()
    assert pair.server_end.ended
    assert len(pair.server.lost_because) == 1


def test_a_request_to_log_in_behind_the_one_that_succeeded_is_ignored() -> None:
    """RFC 4252, section 5.1: pipelined requests; none of them reaches anything."""
    pair = connected()
    service = LetIn()
    pair.server_end._authentication = lambda end: service
    request = string(b"root") + string(b"ssh-connection") + string(b"none")
    for _ in range(3):
        pair.client_end.sendPacket(50, request)
    pair.pump()
    assert not pair.server_end.ended
    assert pair.server.login == b"alice"


def test_success_is_said_once_and_only_by_who_logs_in() -> None:
    pair = connected()
    with pytest.raises(RuntimeError):
        pair.server_end.authenticated("again")
    with pytest.raises(RuntimeError):
        pair.client_end.authenticated()
    with pytest.raises(RuntimeError):
        Pair().start().server_end.authenticated("early")


def test_the_service_is_stopped_when_the_next_one_starts_and_at_the_end() -> None:
    silent = Silent()
    pair = Pair()
    pair.server_end._authentication = lambda end: silent
    pair.start().pump()
    assert [number for number, _ in silent.got] == [50]
    pair.server_end.authenticated("bob")
    assert silent.stopped == 1
    assert pair.server.login == "bob"
    silent = Silent()
    pair = Pair()
    pair.server_end._authentication = lambda end: silent
    pair.start().pump()
    pair.client_wire.lost()
    pair.pump()
    assert silent.stopped == 1
    assert pair.server.connection is None


def test_a_login_that_succeeds_while_keys_are_exchanged() -> None:
    """The order of messages is kept: success leaves behind the new keys, and channels follow it."""
    silent = Silent()
    pair = Pair()
    pair.server_end._authentication = lambda end: silent
    pair.start().pump()
    pair.client_end.sendKexInit()
    pair.server_end.dataReceived(pair.client_wire.taken())
    pair.server_end.authenticated("bob")
    pair.pump()
    assert pair.client.connection is not None
    here = pair.client.open()
    there = pair.pump().server.accept()
    here.send(Data(0, b"x"))
    pair.pump()
    assert there.data() == b"x"


# -- time ---------------------------------------------------------------------------------------------------------


def test_a_login_may_take_so_long_and_no_longer() -> None:
    """S7: from the connection being made, whatever the client does meanwhile."""
    silent = Silent()
    pair = Pair()
    pair.server_end._authentication = lambda end: silent
    pair.start().pump()
    for _ in range(59):
        pair.clock.advance(1)
        pair.client_end.sendPacket(50, string(b"x") * 3)
        pair.pump()
    assert not pair.server_end.ended
    pair.clock.advance(1.5)
    pair.pump()
    assert pair.ended == ["the log-in took too long"]


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x\r\n", b"SSH-2."])
def test_silence_counts_too(said: bytes) -> None:
    """S7: half-open connections; those that only say who they are."""
    pair = Pair().start()
    if said:
        pair.server_end.dataReceived(said)
    pair.clock.advance(61)
    pair.clock.advance(2)
    assert pair.ended == ["the log-in took too long"]
    assert pair.server_wire.closed


def test_more_time_for_a_browser() -> None:
    pair = Pair()
    pair.server_end._authentication = lambda end: Silent()
    pair.start().pump()
    pair.server_end.more_time(300)
    pair.clock.advance(299)
    assert not pair.server_end.ended
    pair.clock.advance(2)
    assert pair.server_end.ended


def test_the_clock_stops_with_the_login() -> None:
    pair = connected(limits=Limits(rekey_seconds=10**6))
    pair.clock.advance(1000)
    pair.pump()
    assert not pair.server_end.ended
    assert not pair.client_end.ended


def test_a_target_has_its_time_too() -> None:
    pair = Pair()
    pair.start()
    pair.clock.advance(61)
    pair.clock.advance(2)
    assert "too long" in refused(pair)


def test_who_is_told_of_the_end() -> None:
    pair = connected()
    pair.client_wire.lost()
    pair.pump()
    assert len(pair.ended) == len(pair.server.lost_because) == 1
    assert pair.refused == []
    assert not pair.clock.getDelayedCalls()


# -- whatever may come --------------------------------------------------------------------------------------------


@given(st.binary(max_size=300), st.sampled_from(["first", "greeted", "secret"]))
def test_any_bytes_end_one_connection_at_most_and_quietly(data: bytes, when: str) -> None:
    """Malformed packets are a line in the log, never a traceback."""
    found: list[str] = []
    pair = Pair()
    pair.server_end._log = _Log(found)  # type: ignore[assignment]
    pair.start()
    if when == "greeted":
        pair.server_end.dataReceived(b"SSH-2.0-x\r\n")
    if when == "secret":
        pair.pump()
    pair.server_end.dataReceived(data)
    assert found == []


MESSAGES = [*range(1, 8), 20, 21, 30, 31, 50, 52, 60, 61, *range(80, 83), *range(90, 101), 192]


@given(st.lists(st.tuples(st.sampled_from(MESSAGES), st.binary(max_size=60)), max_size=6), st.booleans(), st.integers())
def test_any_messages_end_one_connection_at_most_and_quietly(
    messages: list[tuple[int, bytes]], to_server: bool, seed: int
) -> None:
    """The same behind the login, under the right keys, both ways, with a channel open."""
    found: list[str] = []
    pair = connected()
    for end in (pair.server_end, pair.client_end):
        end._log = _Log(found)  # type: ignore[assignment]
    pair.client.open()
    pair.pump().server.accept()
    pair.pump()
    dice = random.Random(seed)
    sender = pair.client_end if to_server else pair.server_end
    for number, payload in messages:
        start = dice.choice([b"", b"\0\0\0\0", b"\0\0\0\1", string(b"name")])
        sender._emit((bytes([number]), start, payload), 1 + len(start) + len(payload))
    pair.pump()
    assert found == []


class _Log:
    """Keeps failures, drops the rest."""

    def __init__(self, found: list[str]) -> None:
        self._found = found

    def failure(self, text: str, **rest: Any) -> None:
        self._found.append(text)

    def info(self, text: str, **rest: Any) -> None:
        """Nothing."""


def test_asking_to_log_in_is_the_authenticators_matter() -> None:
    """A target's USERAUTH_SUCCESS reaches the authenticator, which alone may call `authenticated`."""
    pair = Pair()
    silent = Silent()
    pair.client_end._authenticator = lambda end: silent
    pair.start().pump()
    pair.server_end._emit((b"\x34",), 1)
    pair.pump()
    assert silent.got == [(52, b"")]
    assert pair.client.connection is None
