"""The client side of ssh-userauth, against a target that says what the test says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ssh_identity import make_authority, rsa_key
from twisted_hoop.errors import ProtocolError
from twisted_hoop.identity.ssh_private_keys import new_private_key
from twisted_hoop.identity.ssh_wire import strings, u32
from twisted_hoop.ssh import userauth
from twisted_hoop.ssh.login import Credential, TargetLogin, WithKey, WithPassword
from twisted_hoop.ssh.userauth import KeyShown, Password, parse_request
from twisted_hoop.testing import make_session

SESSION = b"the session id"
KEY, RSA = new_private_key(), rsa_key()


class Target:
    """Both the transport and what is behind it."""

    sessionID = SESSION

    def __init__(self, credential: Credential, extensions: dict[bytes, bytes] | None = None) -> None:
        self.peerExtensions = extensions or {}
        self.sent: list[tuple[int, bytes]] = []
        self.failure: ProtocolError | None = None
        self.in_ = False
        self.closed = False
        self.service = TargetLogin("deploy", credential, self._failed)
        self.service.transport = self
        self.service.serviceStarted()

    def _failed(self, error: ProtocolError) -> None:
        assert self.failure is None
        self.failure = error

    def sendPacket(self, number: int, payload: bytes) -> None:
        self.sent.append((number, payload))

    def authenticated(self) -> None:
        self.in_ = True

    def disconnect(self, code: int, text: str) -> None:
        self.closed = True

    def says(self, number: int, payload: bytes = b"") -> None:
        self.service.packetReceived(number, payload)

    @property
    def asked(self) -> Any:
        """The last request."""
        return parse_request(self.sent[-1][1], SESSION)


def refused(*methods: bytes, partial: bool = False) -> tuple[int, bytes]:
    return userauth.FAILURE, strings(b",".join(methods)) + bytes((partial,))


def test_a_password() -> None:
    target = Target(WithPassword("pässword"))
    assert target.asked.user == b"deploy" and target.asked.method == Password("pässword".encode())
    target.says(userauth.BANNER, strings(b"welcome", b""))
    target.says(userauth.SUCCESS)
    assert target.in_ and target.failure is None


def test_a_password_to_a_server_that_asks_in_a_dialogue() -> None:
    target = Target(WithPassword("secret"))
    target.says(*refused(b"publickey", b"keyboard-interactive"))
    assert target.asked.name == b"keyboard-interactive"
    target.says(userauth.INFO_REQUEST, strings(b"", b"", b"") + u32(1) + strings(b"Password: ") + b"\0")
    assert target.sent[-1] == (userauth.INFO_RESPONSE, u32(1) + strings(b"secret"))
    target.says(userauth.INFO_REQUEST, strings(b"", b"", b"") + u32(0))
    assert target.sent[-1] == (userauth.INFO_RESPONSE, u32(0))
    target.says(userauth.SUCCESS)
    assert target.in_


@pytest.mark.parametrize("prompts", [u32(1) + strings(b"Code: ") + b"\1", u32(2) + (strings(b"x") + b"\0") * 2])
def test_R11_other_questions_do_not_get_the_password(prompts: bytes) -> None:
    target = Target(WithPassword("secret"))
    target.says(*refused(b"keyboard-interactive"))
    before = len(target.sent)
    target.says(userauth.INFO_REQUEST, strings(b"", b"", b"") + prompts)
    assert len(target.sent) == before and target.failure is not None and target.closed


def test_dialogues_end() -> None:
    target = Target(WithPassword("secret"))
    target.says(*refused(b"keyboard-interactive"))
    for _ in range(5):
        target.says(userauth.INFO_REQUEST, strings(b"", b"", b"") + u32(0))
    assert target.failure is not None


@pytest.mark.parametrize(
    ("told", "algorithm"),
    [
        (b"ssh-ed25519,rsa-sha2-256,rsa-sha2-512", b"rsa-sha2-512"),
        (b"rsa-sha2-256,ssh-rsa", b"rsa-sha2-256"),
        (b"", b"rsa-sha2-256"),
        (b"ssh-rsa", b"rsa-sha2-256"),
    ],
)
def test_rsa_keys_sign_with_what_the_target_takes(told: bytes, algorithm: bytes) -> None:
    """RFC 8332; never SHA-1 (S3)."""
    shown = Target(WithKey(RSA), {b"server-sig-algs": told}).asked.method
    assert isinstance(shown, KeyShown) and shown.algorithm == algorithm and shown.signature is not None
    assert RSA.public.verify(shown.signature, shown.signed, algorithm)


def test_a_certificate_is_shown_in_the_place_of_the_key() -> None:
    made = make_authority().issue_session(make_session(), "deploy")
    shown = Target(WithKey(made.key, made.certificate)).asked.method
    assert isinstance(shown, KeyShown) and shown.signature is not None
    assert (shown.algorithm, shown.blob) == (b"ssh-ed25519-cert-v01@openssh.com", made.certificate.blob)
    assert made.key.public.verify(shown.signature, shown.signed, b"ssh-ed25519")


@pytest.mark.parametrize(
    ("credential", "named"),
    [(WithPassword("secret"), "by password"), (WithKey(KEY), f"by key {KEY.public.fingerprint}")],
    ids=["password", "key"],
)
def test_R11_a_refusal_is_told_without_the_secret(credential: Credential, named: str) -> None:
    target = Target(credential)
    target.says(*refused(b"publickey", b"password"))
    assert target.failure is not None and target.failure.code == "login" and target.closed
    assert named in str(target.failure) and "deploy" in str(target.failure)
    assert "secret" not in str(target.failure) + repr(credential)
    target.says(userauth.SUCCESS)
    assert not target.in_


def test_half_a_success_is_none() -> None:
    target = Target(WithKey(KEY))
    target.says(*refused(b"keyboard-interactive", partial=True))
    assert target.failure is not None and "more than one proof" in str(target.failure)


@pytest.mark.parametrize("number", [50, 60, 61, 70])
def test_messages_that_were_not_asked_for_end_it(number: int) -> None:
    target = Target(WithKey(KEY))
    target.says(number, b"")
    assert target.failure is not None and not target.in_


@given(st.sampled_from([51, 53, 60, 61]), st.binary(max_size=80))
def test_whatever_the_target_says(number: int, payload: bytes) -> None:
    target = Target(WithPassword("secret"))
    target.says(*refused(b"keyboard-interactive"))
    target.says(number, payload)
    assert not target.in_
    assert (target.failure is not None) == target.closed
