"""The door to SSH targets, at a real sshd."""

from __future__ import annotations

import dataclasses
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from tests.support.loop import Loop
from tests.support.ssh_identity import ALICE, KEYS, ecdsa_key, make_authority, rsa_key, ssh_keygen
from tests.support.sshd import ACCOUNT, Sshd, make_key, password_account, public_line, running_sshd
from twisted_hoop.errors import HoopError, ProtocolError, SecretUnavailable
from twisted_hoop.identity.ssh_certificates import HOST, USER, Wanted, sign_certificate
from twisted_hoop.identity.ssh_keys import parse_line
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key
from twisted_hoop.settings import TargetSection
from twisted_hoop.ssh.events import STDOUT, Data, Event, Request
from twisted_hoop.ssh.target import SshDoor
from twisted_hoop.testing import make_session
from twisted_hoop.transport import client_endpoint

ED25519, ECDSA, RSA, WRONG = new_private_key(), ecdsa_key(), rsa_key(), new_private_key()
AUTHORITY = make_authority(time.time)  # real servers look at its certificates
PASSWORD = "correct horse 50% battery"
SESSION = dataclasses.replace(make_session(), principal=ALICE)


class Vault:
    """Provides ISecretStore with one secret."""

    def __init__(self, secret: str | None) -> None:
        self._secret = secret
        self.next: str | None = None
        self.forgotten = 0

    async def resolve(self, reference: str) -> str:
        """See ISecretStore."""
        if self._secret is None:
            raise SecretUnavailable("the vault is away")
        return self._secret

    def forget(self, reference: str) -> None:
        """See ISecretStore."""
        self._secret = self.next or self._secret
        self.forgotten += 1


class Handler:
    """A ConnectionHandler that remembers."""

    def __init__(self) -> None:
        self.connection: Any = None
        self.gone: Deferred[str] = Deferred()

    def started(self, connection: Any) -> None:
        self.connection = connection

    def open_requested(self, opening: Any) -> None:
        """Not here."""

    def global_requested(self, request: Any) -> None:
        """sshd tells its host keys."""

    def lost(self, reason: str) -> None:
        self.gone.callback(reason)


class Running:
    """A channel with a command: what it says, and when it is over."""

    def __init__(self, connection: Any, command: bytes) -> None:
        self.said = b""
        self.over: Deferred[bytes] = Deferred()
        self._command = command
        self._channel = connection.open(b"session", b"", self)

    def received(self, event: Event) -> None:
        if type(event).__name__ == "Opened":
            self._channel.send(Request(b"exec", len(self._command).to_bytes(4, "big") + self._command, True))
        elif isinstance(event, Data):
            self.said += bytes(event.data) if event.stream == STDOUT else b""
            self._channel.credit(len(event.data))
        elif type(event).__name__ == "Close":
            self.over.callback(self.said)

    def drained(self) -> None:
        """Nothing waits."""

    def lost(self) -> None:
        if not self.over.called:
            self.over.callback(b"lost")


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """One that takes our keys, our certificates, and passwords."""
    folder = tmp_path_factory.mktemp("sshd")
    with running_sshd(
        folder / "sshd",
        [key.public.line for key in (ED25519, ECDSA, RSA)],
        user_ca=AUTHORITY.user_ca.line,
        host_kinds=("ed25519", "rsa"),
        host_ca=make_key(folder / "host_ca"),
        config=["PasswordAuthentication yes", "KbdInteractiveAuthentication no"],
    ) as running:
        yield running


@pytest.fixture
def door_to(loop: Loop, sshd: Sshd) -> Callable[..., SshDoor]:
    """Makes a door to it; what is given changes the section."""

    def make(secret: str | None = "", **changed: Any) -> SshDoor:
        usual = {
            "name": "web-1",
            "protocol": "ssh",
            "endpoint": f"tcp:127.0.0.1:{sshd.port}",
            "secret": "env:X",
            "host_keys": sshd.host_keys,
            "connect_timeout": 30.0,
        }
        section = TargetSection.model_validate({**usual, **changed})
        endpoint = client_endpoint(loop.reactor, section.endpoint)
        return loop.run(lambda: SshDoor(loop.reactor, section, endpoint, Vault(secret), AUTHORITY))

    return make


def whoami(loop: Loop, door: SshDoor, login: str = ACCOUNT) -> str:
    """Log in, run a command, leave."""
    handler = Handler()
    connection = loop.run(lambda: door.open(SESSION, login, handler))
    assert handler.connection is connection
    said = loop.run(lambda: Running(connection, b"id -un").over)
    loop.run(lambda: connection.disconnect(11, "bye"))
    loop.run(lambda: handler.gone)
    return bytes(said).decode().strip()


@pytest.mark.parametrize("key", [ED25519, ECDSA, RSA], ids=["ed25519", "ecdsa", "rsa"])
def test_a_stored_key(loop: Loop, door_to: Any, key: Any) -> None:
    door = door_to(key.openssh().decode(), login_with="key")
    assert whoami(loop, door) == ACCOUNT
    assert whoami(loop, door) == ACCOUNT, "the key is read once"


def test_a_password(loop: Loop, door_to: Any) -> None:
    with password_account(PASSWORD) as account:
        assert whoami(loop, door_to(PASSWORD), account) == account
        with pytest.raises(ProtocolError, match="refused the gateway's own login") as caught:
            whoami(loop, door_to("wrong one"), account)
        assert caught.value.code == "login" and "wrong one" not in str(caught.value)


def test_a_certificate_of_five_minutes(loop: Loop, door_to: Any, sshd: Sshd) -> None:
    """No secret is stored; who it is for stands in the target's own log."""
    assert whoami(loop, door_to(None, login_with="certificate")) == ACCOUNT
    assert sshd.heard(f'Accepted certificate ID "{ALICE.label} ({ALICE.key}) session {SESSION.id}"')


def test_a_secret_that_was_rotated_is_read_anew_and_tried_once_more(loop: Loop, door_to: Any) -> None:
    door = door_to(WRONG.openssh().decode(), login_with="key")
    vault = door._secrets
    vault.next = ED25519.openssh().decode()
    assert whoami(loop, door) == ACCOUNT
    assert vault.forgotten == 1
    again = door_to(WRONG.openssh().decode(), login_with="key")
    with pytest.raises(ProtocolError, match="refused the gateway's own login"):
        whoami(loop, again)
    assert again._secrets.forgotten == 1, "what is the same is not shown twice"


class Signer(Vault):
    """Provides ISecretStore: certificates that Vault would sign, by `change` for another account or of another key."""

    def __init__(self, change: str) -> None:
        super().__init__(None)
        self._change = change

    async def sign_ssh(self, reference: str, public_key: str, login: str, key_id: str) -> str:
        """See ISecretStore."""
        key = new_private_key().public if self._change == "key" else parse_line(public_key)
        names = {"account": ("root2",), "more accounts": (login, "root2")}.get(self._change, (login,))
        kind = HOST if self._change == "kind" else USER
        wanted = Wanted(key, kind, 1, key_id, names, 0, 2**40, {}, {"permit-pty": b""})
        line = sign_certificate(wanted, KEYS.user_ca).line
        return {"text": "hunter2", "none": ""}.get(self._change, line)


@pytest.mark.parametrize("change", ["", "key", "account", "more accounts", "kind", "text", "none"])
def test_S10_what_vault_signed_must_be_what_was_asked_for(loop: Loop, sshd: Sshd, change: str) -> None:
    """S10: a certificate for more than one account, or somebody else's key, is not shown to the target."""
    told = {
        "name": "web-1", "protocol": "ssh", "endpoint": f"tcp:127.0.0.1:{sshd.port}", "connect_timeout": 30.0,
        "host_keys": sshd.host_keys, "login_with": "certificate", "secret": "vault-ssh:ssh/hosts",
    }  # fmt: skip
    section = TargetSection.model_validate(told)
    endpoint = client_endpoint(loop.reactor, section.endpoint)
    door = loop.run(lambda: SshDoor(loop.reactor, section, endpoint, Signer(change), AUTHORITY))
    if not change:
        assert whoami(loop, door) == ACCOUNT
        return
    with pytest.raises(SecretUnavailable, match="what was signed is") as caught:
        whoami(loop, door)
    assert "hunter2" not in str(caught.value)


def test_certificates_are_for_one_account(sshd: Sshd, tmp_path: Path) -> None:
    made = AUTHORITY.issue_session(SESSION, "deploy")
    assert refused_by_the_target(sshd, tmp_path, made.key, made.certificate.line)
    mine = AUTHORITY.issue_session(SESSION, ACCOUNT)
    assert not refused_by_the_target(sshd, tmp_path, mine.key, mine.certificate.line)


def test_S10_a_persons_own_certificate_opens_no_target(sshd: Sshd, tmp_path: Path) -> None:
    """It is signed by the same authority, and still no way round the gateway."""
    key = new_private_key()
    same_name = dataclasses.replace(ALICE, subject=ACCOUNT, name=ACCOUNT)
    made = AUTHORITY.issue_user(same_name, key.public, float("inf"), "0" * 16)
    assert refused_by_the_target(sshd, tmp_path, key, made.line)


def refused_by_the_target(sshd: Sshd, tmp_path: Path, key: PrivateKey, certificate: str) -> bool:
    """Whether the real ssh, straight at the target, is refused as ACCOUNT with that certificate."""
    (tmp_path / "key").write_bytes(key.openssh())
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "key-cert.pub").write_text(certificate)
    (tmp_path / "known").write_text(f"[127.0.0.1]:{sshd.port} {sshd.host_keys[0]}\n")
    options = ["-F", "none", "-oBatchMode=yes", f"-oUserKnownHostsFile={tmp_path}/known", "-i", f"{tmp_path}/key"]
    argv = ["ssh", *options, "-p", str(sshd.port), f"{ACCOUNT}@127.0.0.1", "true"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    if done.returncode == 255:
        assert "Permission denied" in done.stderr and sshd.heard("name is not a listed principal")
    return done.returncode == 255


def test_host_keys_of_either_kind(loop: Loop, door_to: Any, sshd: Sshd) -> None:
    key = ED25519.openssh().decode()
    for pinned in sshd.host_keys:
        assert whoami(loop, door_to(key, login_with="key", host_keys=[pinned])) == ACCOUNT


def test_an_authoritys_host_certificate(loop: Loop, door_to: Any, sshd: Sshd) -> None:
    authority = public_line(sshd.folder.parent / "host_ca")
    by_authority = {"login_with": "key", "host_keys": [], "host_ca": [authority]}
    key = ED25519.openssh().decode()
    assert whoami(loop, door_to(key, **by_authority)) == ACCOUNT
    with pytest.raises(ProtocolError, match="not for web-2"):
        whoami(loop, door_to(key, server_name="web-2", **by_authority))


def test_S17_another_host_key_is_refused_before_anything_is_shown(loop: Loop, door_to: Any, sshd: Sshd) -> None:
    """Whoever sits between us and the target learns no password."""
    handler = Handler()
    door = door_to("the password nobody must see", host_keys=[WRONG.public.line])
    with pytest.raises(ProtocolError, match="not the configured one") as caught:
        loop.run(lambda: door.open(SESSION, "nobody", handler))
    assert caught.value.code == "host-key" and handler.connection is None and not handler.gone.called
    assert "Failed password for nobody" not in sshd.log()


@pytest.mark.parametrize("secret", ["no key at all", None], ids=["junk", "away"])
def test_a_secret_that_cannot_be_used_is_told(loop: Loop, door_to: Any, secret: str | None) -> None:
    with pytest.raises(SecretUnavailable) as caught:
        whoami(loop, door_to(secret, login_with="key"))
    assert "no key at all" not in str(caught.value)


def test_a_key_with_a_passphrase_is_told(loop: Loop, door_to: Any, tmp_path: Path) -> None:
    ssh_keygen("-q", "-t", "ed25519", "-N", "secret", "-f", tmp_path / "locked")
    with pytest.raises(SecretUnavailable, match=r"web-1.*passphrase"):
        whoami(loop, door_to((tmp_path / "locked").read_text(), login_with="key"))


def test_nobody_there(loop: Loop, door_to: Any) -> None:
    with pytest.raises(ProtocolError, match="cannot be reached") as caught:
        whoami(loop, door_to(endpoint="unix:/nowhere/at/all"))
    assert caught.value.code == "unreachable" and caught.value.side == "target"


class Speaker(Protocol):
    """Says one thing, and then nothing, or leaves."""

    said = b""
    leaves = False

    def connectionMade(self) -> None:
        self.transport.write(self.said)
        if self.leaves:
            self.transport.loseConnection()


@pytest.mark.parametrize(
    ("said", "leaves", "code"),
    [
        (b"", False, "timeout"),
        (b"SSH-2.0-x\r\n", False, "timeout"),
        (b"", True, "unreachable"),
        (b"220 mail.example.org ESMTP\r\n", True, "unreachable"),
        (b"SSH-1.5-old\r\n", False, None),
        (b"\0" * 40_000, False, None),
    ],
    ids=range(6),
)
def test_what_is_no_ssh_server_is_told_in_time(loop: Loop, door_to: Any, said: bytes, leaves: bool, code: Any) -> None:
    speaker = type("Speaker", (Speaker,), {"said": said, "leaves": leaves})
    port = loop.run(lambda: loop.reactor.listenTCP(0, Factory.forProtocol(speaker), interface="127.0.0.1"))
    handler = Handler()
    door = door_to(endpoint=f"tcp:127.0.0.1:{port.getHost().port}", connect_timeout=1.0 if code == "timeout" else 30.0)
    try:
        with pytest.raises(HoopError) as caught:
            loop.run(lambda: door.open(SESSION, "x", handler))
    finally:
        loop.run(port.stopListening)
    assert isinstance(caught.value, ProtocolError) and caught.value.side == "target"
    assert code is None or caught.value.code == code, str(caught.value)
    assert handler.connection is None and not handler.gone.called
