"""The SSH engine against OpenSSH, paramiko and asyncssh: every cipher, new keys all the time, on both legs."""

from __future__ import annotations

import asyncio
import hashlib
import io
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
import pytest
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.service import SSHService
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory

from tests.support.loop import Loop
from tests.support.ssh import LetIn, Side, Talker
from tests.support.ssh import make_key as fresh_key
from tests.support.sshd import ACCOUNT, Sshd, make_key, public_line, running_sshd
from twisted_hoop.ssh.algorithms import CIPHERS, KEY_EXCHANGES, MAC_NAMES, host_keys_of
from twisted_hoop.ssh.events import STDERR, Close, Data, Eof, Event, Opened, Reply, Request
from twisted_hoop.ssh.fields import Reader, string, uint32
from twisted_hoop.ssh.limits import Limits
from twisted_hoop.ssh.transport import ClientTransport, ServerTransport
from twisted_hoop.transport import client_endpoint, server_endpoint

CONTENT = random.Random(1).randbytes(3_000_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
OFTEN = 700_000
"""Bytes between two key exchanges of ours; OpenSSH's own limit is set to 1M."""
SUITES = [(c.decode(), "") for c in CIPHERS if b"@" in c] + [
    (c.decode(), m.decode()) for c in CIPHERS if b"@" not in c for m in MAC_NAMES
]
every_suite = pytest.mark.parametrize("suite", SUITES, ids=["-".join(filter(None, suite)) for suite in SUITES])


# -- a server of ours ---------------------------------------------------------------------------------------------


class Commands(Side):
    """Runs `give`, `take` and `fail` for whoever opens a session; refuses all else."""

    def open_requested(self, opening: Any) -> None:
        if opening.kind != b"session":
            opening.refuse(1, "only sessions")
            return
        command = Command()
        command.channel = opening.accept(command)

    def global_requested(self, request: Any) -> None:
        request.reply(False)


class Command(Talker):
    """`give` sends CONTENT, `take` tells the digest of stdin, `fail` writes to stderr; each ends with status 3."""

    def __init__(self) -> None:
        super().__init__()
        self._digest = hashlib.sha256()
        self._left = memoryview(b"")
        self._name = b""

    def received(self, event: Event) -> None:
        if isinstance(event, Request):
            if event.want_reply:
                self.send(Reply(event.name == b"exec"))
            if event.name == b"exec":
                self._begin(Reader(event.data).string())
        elif isinstance(event, Data):
            self._digest.update(event.data)
            self.channel.credit(len(event.data))
        elif isinstance(event, Eof) and self._name == b"take":
            self.send(Data(0, self._digest.hexdigest().encode()))
            self._end()
        elif isinstance(event, Close):
            self.send(Close())

    def _begin(self, name: bytes) -> None:
        self._name = name
        if name == b"give":
            self._left = memoryview(CONTENT)
            self.drained()
        elif name == b"fail":
            self.send(Data(STDERR, b"it failed\n"))
            self._end()

    def drained(self) -> None:
        while self._left and not self.channel.queued:
            self.send(Data(0, self._left[:50_000]))
            self._left = self._left[50_000:]
            if not self._left:
                self._end()

    def _end(self) -> None:
        self.send(Request(b"exit-status", uint32(3)))
        self.send(Eof())
        self.send(Close())


@pytest.fixture(scope="module")
def port(loop: Loop) -> int:
    """Where our server listens; anybody may log in."""
    keys = [each for kind in ("ed25519", "ecdsa", "rsa") for each in host_keys_of(fresh_key(kind))]

    class Gate(Factory):
        noisy = False

        def buildProtocol(self, addr: Any) -> ServerTransport:
            limits = Limits(rekey_bytes=OFTEN)
            return ServerTransport(loop.reactor, keys, lambda end: LetIn(), lambda login: Commands(), limits)

    listening = loop.run(lambda: server_endpoint(loop.reactor, "tcp:0:interface=127.0.0.1").listen(Gate()))
    return int(listening.getHost().port)


def ssh(port: int, command: str, *options: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    plain = ("-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
    line = ["ssh", *plain, *options, "-o", "LogLevel=ERROR", "-p", str(port), "anybody@127.0.0.1", command]
    return subprocess.run(line, input=given, capture_output=True, timeout=60)


def suite_options(suite: tuple[str, str]) -> list[str]:
    cipher, mac = suite
    return ["-c", cipher, *(("-m", mac) if mac else ())]


@every_suite
def test_openssh_downloads_and_uploads(port: int, suite: tuple[str, str]) -> None:
    """With new keys after every megabyte, asked for by both sides; content and exit status."""
    options = [*suite_options(suite), "-o", "RekeyLimit=1M"]
    down = ssh(port, "give", *options)
    assert (down.returncode, hashlib.sha256(down.stdout).hexdigest(), down.stderr) == (3, DIGEST, b"")
    up = ssh(port, "take", *options, given=CONTENT)
    assert (up.returncode, up.stdout.decode(), up.stderr) == (3, DIGEST, b"")


@pytest.mark.parametrize("name", [k.decode() for k in KEY_EXCHANGES if b"mlkem" not in k])
def test_openssh_with_every_key_exchange(port: int, name: str) -> None:
    done = ssh(port, "fail", "-o", f"KexAlgorithms={name}")
    assert (done.returncode, done.stderr) == (3, b"it failed\n")


@pytest.mark.parametrize("name", ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"])
def test_openssh_with_every_host_key(port: int, name: str) -> None:
    assert ssh(port, "fail", "-o", f"HostKeyAlgorithms={name}").returncode == 3


def test_openssh_as_it_comes_gets_gcm(port: int) -> None:
    """It prefers chacha20-poly1305; we offer it nothing but GCM once we have seen that it has it."""
    done = ssh(port, "fail", "-o", "LogLevel=DEBUG1")
    assert b"cipher: aes128-gcm@openssh.com" in done.stderr
    assert b"cipher: chacha20" not in done.stderr
    assert b"server-sig-algs=<ssh-ed25519," in done.stderr


@pytest.mark.parametrize(
    "option",
    [
        "Ciphers=aes128-cbc",
        "Ciphers=3des-cbc",
        "KexAlgorithms=diffie-hellman-group14-sha1",
        "KexAlgorithms=diffie-hellman-group-exchange-sha1",
        "HostKeyAlgorithms=ssh-rsa",
    ],
)
def test_s3_openssh_with_something_weak_is_refused(port: int, option: str) -> None:
    """S3."""
    done = ssh(port, "fail", "-o", option, "-o", "LogLevel=INFO")
    assert done.returncode == 255
    assert b"no matching" in done.stderr or b"no common" in done.stderr


@pytest.mark.parametrize("mac", ["hmac-sha1", "hmac-md5", "hmac-sha2-256"])
def test_s3_openssh_with_a_weak_mac_is_refused(port: int, mac: str) -> None:
    """S3."""
    assert ssh(port, "fail", "-c", "aes128-ctr", "-m", mac).returncode == 255


def test_s1_openssh_that_prefers_compression_gets_none(port: int) -> None:
    """S1: -C asks for zlib first, and none last."""
    done = ssh(port, "give", "-C", "-o", "LogLevel=DEBUG1")
    assert hashlib.sha256(done.stdout).hexdigest() == DIGEST
    assert b"compression: none" in done.stderr


def test_paramiko_downloads_and_uploads(port: int) -> None:
    transport = paramiko.Transport(("127.0.0.1", port))
    try:
        transport.start_client(timeout=30)
        transport.auth_none("anybody")
        channel = transport.open_session()
        channel.exec_command("give")
        content = b"".join(iter(lambda: channel.recv(100_000), b""))
        assert (channel.recv_exit_status(), hashlib.sha256(content).hexdigest()) == (3, DIGEST)
        channel = transport.open_session()
        channel.exec_command("take")
        channel.sendall(CONTENT)
        channel.shutdown_write()
        assert (channel.makefile().read().decode(), channel.recv_exit_status()) == (DIGEST, 3)
    finally:
        transport.close()


def test_asyncssh_downloads_and_uploads(port: int) -> None:
    async def go() -> list[Any]:
        options = {"known_hosts": None, "username": "anybody", "config": None, "client_keys": None, "agent_path": None}
        async with asyncssh.connect("127.0.0.1", port, **options, rekey_bytes=900_000) as connection:
            down = await connection.run("give", encoding=None)
            up = await connection.run("take", input=CONTENT, encoding=None)
            failed = await connection.run("fail")
            return [down, up, failed]

    down, up, failed = asyncio.run(asyncio.wait_for(go(), 60))
    assert (down.exit_status, hashlib.sha256(down.stdout).hexdigest()) == (3, DIGEST)
    assert (up.exit_status, up.stdout.decode()) == (3, DIGEST)
    assert (failed.exit_status, failed.stderr) == (3, "it failed\n")


# -- a client of ours ---------------------------------------------------------------------------------------------


class WithKey(SSHService):
    """A client's ssh-userauth with one key, signed at once (RFC 4252, section 7)."""

    name = b"ssh-userauth"
    transport: Any

    def __init__(self, key: Key, algorithm: bytes) -> None:
        self._key = key
        self._algorithm = algorithm

    def serviceStarted(self) -> None:
        head = string(ACCOUNT.encode()) + string(b"ssh-connection") + string(b"publickey") + b"\1"
        body = head + string(self._algorithm) + string(self._key.blob())
        signed = self._key.sign(string(self.transport.sessionID) + b"\x32" + body, signatureType=self._algorithm)
        self.transport.sendPacket(50, body + string(signed))

    def packetReceived(self, messageNum: int, packet: bytes) -> None:
        if messageNum == 52:
            self.transport.authenticated()
        elif messageNum == 51:
            self.transport.disconnect(14, "the key was refused")


class Opener(Side):
    """Tells when it is connected."""

    def __init__(self, ready: Deferred[Any]) -> None:
        super().__init__()
        self._ready = ready

    def started(self, connection: Any) -> None:
        super().started(connection)
        self._ready.callback(self)

    def global_requested(self, request: Any) -> None:
        request.reply(False)


class Running(Talker):
    """A command at a target: sends `given`, keeps what comes, tells when it is over."""

    def __init__(self, command: str, given: bytes, over: Deferred[Any]) -> None:
        super().__init__()
        self._command, self._given, self._over = command, given, over

    def received(self, event: Event) -> None:
        super().received(event)
        if isinstance(event, Opened):
            self.send(Request(b"exec", string(self._command.encode()), True))
            self.send(Data(0, self._given))
            self.send(Eof())
        elif isinstance(event, Close):
            self.send(Close())

    def lost(self) -> None:
        self._over.callback(self)

    @property
    def status(self) -> int:
        found = [e for e in self.events if isinstance(e, Request) and e.name == b"exit-status"]
        return Reader(found[0].data).uint32()


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    folder = tmp_path_factory.mktemp("engine-sshd")
    lines = [public_line(make_key(folder / kind, kind)) for kind in ("ed25519", "ecdsa", "rsa")]
    # Debian's sshd asks for new keys after a megabyte too: both sides do, all the time.
    with running_sshd(folder, lines, host_kinds=("ed25519", "ecdsa", "rsa"), config=["RekeyLimit 1M"]) as server:
        yield server


async def connected_to(
    loop: Loop, sshd: Sshd, key: str = "ed25519", algorithm: bytes = b"ssh-ed25519", **offer: tuple[bytes, ...]
) -> Opener:
    """Logged in at the sshd."""
    private = Key.fromFile(str(Path(sshd.folder) / key))
    ready: Deferred[Any] = Deferred()
    known = {Key.fromString(line.encode()).blob() for line in sshd.host_keys}

    async def verify(blob: bytes) -> Key:
        assert blob in known
        return Key.fromString(blob)

    end = ClientTransport(
        loop.reactor, verify, lambda end: WithKey(private, algorithm), Opener(ready), ready.errback,
        limits=Limits(rekey_bytes=OFTEN),
    )  # fmt: skip
    end._offer = type(end._offer)(**{**{f: getattr(end._offer, f) for f in end._offer.__slots__}, **offer})
    factory = Factory.forProtocol(lambda: end)  # type: ignore[arg-type]
    await client_endpoint(loop.reactor, f"tcp:127.0.0.1:{sshd.port}").connect(factory)
    return await ready  # type: ignore[no-any-return]


async def run(side: Opener, command: str, given: bytes = b"") -> Running:
    over: Deferred[Any] = Deferred()
    running = Running(command, given, over)
    running.channel = side.connection.open(b"session", b"", running)
    await over
    return running


@every_suite
def test_sshd_downloads_and_uploads(loop: Loop, sshd: Sshd, tmp_path: Path, suite: tuple[str, str]) -> None:
    cipher, mac = suite[0].encode(), (suite[1] or "hmac-sha2-256-etm@openssh.com").encode()
    (tmp_path / "content").write_bytes(CONTENT)

    async def go() -> list[Running]:
        ciphers = {"ciphers_to_server": (cipher,), "ciphers_to_client": (cipher,)}
        side = await connected_to(loop, sshd, **ciphers, macs_to_server=(mac,), macs_to_client=(mac,))
        done = [
            await run(side, f"cat {tmp_path}/content; exit 3"),
            await run(side, "sha256sum; exit 4", CONTENT),
            await run(side, "echo bad >&2; exit 255"),
        ]
        side.connection.disconnect(11, "done")
        return done

    down, up, failed = loop.run(go)
    assert (down.status, hashlib.sha256(down.data()).hexdigest()) == (3, DIGEST)
    assert (up.status, up.data().split()[0].decode()) == (4, DIGEST)
    assert (failed.status, failed.data(STDERR)) == (255, b"bad\n")


@pytest.mark.parametrize("name", [k for k in KEY_EXCHANGES if b"mlkem" not in k])
def test_sshd_with_every_key_exchange(loop: Loop, sshd: Sshd, name: bytes) -> None:
    async def go() -> Running:
        side = await connected_to(loop, sshd, exchanges=(name,))
        done = await run(side, "exit 7")
        side.connection.disconnect(11, "done")
        return done

    assert loop.run(go).status == 7


@pytest.mark.parametrize(
    "name", [b"ssh-ed25519", b"ecdsa-sha2-nistp256", b"rsa-sha2-512", b"rsa-sha2-256"], ids=lambda name: name.decode()
)
def test_sshd_with_every_host_key_and_user_key(loop: Loop, sshd: Sshd, name: bytes) -> None:
    """rsa-sha2 both ways: OpenSSH has taken no SHA-1 since 8.8."""
    kind = {b"ssh": "ed25519", b"ecdsa": "ecdsa", b"rsa": "rsa"}[name.partition(b"-")[0]]

    async def go() -> Running:
        side = await connected_to(loop, sshd, kind, name, host_keys=(name,))
        done = await run(side, "exit 7")
        side.connection.disconnect(11, "done")
        return done

    assert loop.run(go).status == 7


def test_many_channels_at_once(loop: Loop, sshd: Sshd) -> None:
    """Each with its own window and its own content, under one set of keys that changes all the time."""

    async def go() -> list[Running]:
        side = await connected_to(loop, sshd)
        overs: list[Deferred[Any]] = [Deferred() for _ in range(8)]
        running = [Running("cat", CONTENT[: 200_000 + n], over) for n, over in enumerate(overs)]
        for each in running:
            each.channel = side.connection.open(b"session", b"", each)
        for over in overs:
            await over
        side.connection.disconnect(11, "done")
        return running

    for number, done in enumerate(loop.run(go)):
        assert done.data() == CONTENT[: 200_000 + number]
        assert done.status == 0


def test_keys_are_read_from_files() -> None:
    """What `fresh_key` makes is what ssh-keygen's files hold: the tests above use both."""
    written = io.BytesIO(fresh_key("ed25519").toString("openssh"))
    assert Key.fromString(written.getvalue()).type() == "Ed25519"
