"""Logging in over SSH through a live gateway: certificates, keys, tokens and device codes, with real clients."""

from __future__ import annotations

import asyncio
import base64
import html
import http.cookiejar
import os
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
import pytest

from tests.support.gateway import PEOPLE, token_of
from tests.support.oidc import OidcProvider, free_port
from tests.support.ssh_gateway import ALLOW, SshPlace, ssh_gateway
from tests.support.ssh_identity import rsa_key, ssh_keygen
from tests.support.sshd import ACCOUNT, make_key, public_line
from tests.support.tokens import make_ring
from twisted_hoop.identity.device_logins import PER_ADDRESS

SCRIPT = Path(__file__).with_name("oidc_device.mjs")
SECRET = "a secret: with %-signs & more"
PATIENCE = 60.0
USER = f"{ACCOUNT}%web-1"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcProvider]:
    """An OpenID provider that gives device codes."""
    running = OidcProvider(SCRIPT, free_port(), tmp_path_factory.mktemp("oidc"))
    running.start(make_ring(running.url, "EdDSA"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def place(provider: OidcProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshPlace]:
    """The gateway, which is a client of that provider's."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "client-secret").write_text(SECRET)
    (folder / "client-secret").chmod(0o600)
    issuer = f"""
[[issuers]]
name = "devices"
issuer = "{provider.url}"
audience = ["https://hoop.example/"]
client_id = "gateway"
client_secret = "file:{folder}/client-secret"
groups = ["developers"]
"""
    with ssh_gateway(folder, ALLOW, more=issuer) as running:
        yield running


def certify(place: SshPlace, path: Path, who: str = "ann", **asked: Any) -> Any:
    """A certificate for a key pair, written beside it."""
    answer = place.gateway.api("POST", "/v1/ssh/certificate", who, {"public_key": public_line(path), **asked})
    assert answer.status == 200, answer.body
    path.with_name(f"{path.name}-cert.pub").write_text(answer.json["certificate"])
    return answer.json


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_certificate_and_an_unmodified_ssh(place: SshPlace, kind: str) -> None:
    who = f"ann-{kind}"  # whose key the configuration names, for the jump as well
    certify(place, make_key(place.folder / f"key-{who}", kind))
    for jump in (False, True):
        done = place.run("id -un; exit 3", jump=jump, who=who)
        assert (done.returncode, done.stdout.decode().strip()) == (3, ACCOUNT), done.stderr


def test_who_it_was_stands_in_the_session(place: SshPlace, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    certify(place, key, "ann")
    assert place.run("true", options=["-i", str(key)], who="nobody-else").returncode == 0
    mine = place.gateway.api("GET", "/v1/sessions", "ann").json["sessions"]
    assert mine and {session["subject"] for session in mine} == {"ann"}


def test_S6_a_certificate_that_ran_out_or_is_anothers_logs_nobody_in(place: SshPlace, tmp_path: Path) -> None:
    key, other, ca = (make_key(tmp_path / name) for name in ("key", "other", "ca"))
    until = certify(place, key, lifetime=1.5)["valid_until"]
    while time.time() < until:
        time.sleep(0.1)
    denied(place, key)
    ssh_keygen("-q", "-s", ca, "-I", "x", "-n", f"{ACCOUNT},hoop:hoop|ann", "-V", "+1h", f"{other}.pub")
    denied(place, other)
    certify(place, other)
    (tmp_path / "other-cert.pub").rename(tmp_path / "key-cert.pub")  # of a key we do not have the private half of
    denied(place, key)


def denied(place: SshPlace, key: Path) -> None:
    """Refused, in words that do not say why."""
    done = place.run("true", options=["-i", str(key), "-oPreferredAuthentications=publickey"], who="nobody-else")
    told = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 255 and re.fullmatch(rb"\S+: Permission denied \([a-z,-]+\)\.", told), done.stderr


def test_S7_too_many_keys_are_too_many_tries(place: SshPlace, tmp_path: Path) -> None:
    keys = [make_key(tmp_path / f"key{number}") for number in range(8)]
    done = place.run("true", options=[f"-oIdentityFile={key}" for key in keys], who="nobody-else")
    assert done.returncode == 255 and b"too many authentication failures" in done.stderr, done.stderr


NO_NAMES = ("%", "a%b%c", "\x1b[2J%web-1", "ü%web-1", "../../etc%web-1", "x" * 300, f"{ACCOUNT}%WEB-1", "%%web-1")


def test_S19_names_that_are_none_lead_nowhere_and_harm_nobody(place: SshPlace) -> None:
    key = paramiko.Ed25519Key.from_private_key_file(str(place.folder / "key-sue"))
    for user in NO_NAMES:
        with paramiko_client(place) as client:
            client.connect("127.0.0.1", place.port, user, pkey=key, allow_agent=False, look_for_keys=False)
            with pytest.raises(paramiko.ChannelException, match="prohibited"):
                client.exec_command("id -un", timeout=30)
    assert place.run("true", who="sue").returncode == 0


def paramiko_client(place: SshPlace) -> paramiko.SSHClient:
    """One that knows the gateway's key, and no other."""
    line = place.gateway.api("GET", "/v1/ssh/authorities").json["gateway"]
    client = paramiko.SSHClient()
    key = paramiko.Ed25519Key(data=base64.b64decode(line.split()[1]))
    client.get_host_keys().add(f"[127.0.0.1]:{place.port}", key.get_name(), key)
    return client


def test_a_token_as_password_with_paramiko(place: SshPlace) -> None:
    with paramiko_client(place) as client:
        token = token_of("ann")
        client.connect("127.0.0.1", place.port, USER, token, allow_agent=False, look_for_keys=False)
        _, out, _ = client.exec_command("id -un", timeout=30)
        assert out.read().decode().strip() == ACCOUNT
    with paramiko_client(place) as client, pytest.raises(paramiko.AuthenticationException):
        client.connect("127.0.0.1", place.port, USER, "hoop_wrong", allow_agent=False, look_for_keys=False)


def test_certificates_and_tokens_with_asyncssh(place: SshPlace, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    certify(place, key)
    known = [asyncssh.import_public_key(place.gateway.api("GET", "/v1/ssh/authorities").json["gateway"])]

    async def whoami(**how: Any) -> str:
        usual = {"username": USER, "known_hosts": (known, [], []), "config": None, "agent_path": None}
        async with asyncssh.connect("127.0.0.1", place.port, **{**usual, **how}) as connection:
            done = await connection.run("id -un", check=True, timeout=30)
            return str(done.stdout).strip()

    certificate = [(str(key), f"{key}-cert.pub")]
    assert asyncio.run(whoami(client_keys=certificate)) == ACCOUNT
    assert asyncio.run(whoami(client_keys=[], password=token_of("ann"))) == ACCOUNT
    with pytest.raises(asyncssh.PermissionDenied):
        asyncio.run(whoami(client_keys=[str(make_key(tmp_path / "other"))]))


def test_rsa_keys_of_accounts_work_with_an_ed25519_host_key(place: SshPlace) -> None:
    """server-sig-algs says what users may sign with (twisted#12107)."""
    with paramiko_client(place) as client:
        text = rsa_key().openssh().decode()
        path = place.folder / "rsa"
        path.write_text(text)
        path.chmod(0o600)
        certify_with = paramiko.RSAKey.from_private_key_file(str(path))
        line = f"ssh-rsa {certify_with.get_base64()}"
        answer = place.gateway.api("POST", "/v1/ssh/certificate", "ann", {"public_key": line})
        certify_with.load_certificate(answer.json["certificate"])
        client.connect("127.0.0.1", place.port, USER, pkey=certify_with, allow_agent=False, look_for_keys=False)
        assert client.get_transport() is not None


# -- device codes -----------------------------------------------------------------------------------------------------


def agree(link: str, who: str) -> None:
    """What a person does in a browser: follow the link, log in, agree."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    answer = browser.open(link, timeout=30)
    while form := re.search(r"<form(.*?)</form>", page := answer.read().decode(), re.S):
        fields = dict(re.findall(r'<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"', form[0]))
        fields |= {"login": who, "password": "x"} if 'name="login"' in form[0] else {}
        action = re.search(r'action="([^"]*)"', form[0])
        assert action is not None
        place = urllib.parse.urljoin(answer.geturl(), html.unescape(action[1]))
        answer = browser.open(place, urllib.parse.urlencode(fields).encode(), timeout=30)
    assert "Success" in page


BROWSER = ("-oBatchMode=no", "-oPreferredAuthentications=keyboard-interactive", "-oIdentityFile=none")


def asked_with_a_link(place: SshPlace, *command: str) -> tuple[subprocess.Popen[bytes], str]:
    """ssh, given an empty line in the place of a password by its askpass program, and the link it shows then."""
    askpass = place.folder / "askpass"
    askpass.write_text("#!/bin/sh\necho\n")
    askpass.chmod(0o700)
    environ = {**os.environ, "SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"}
    argv = place.command(*command, options=BROWSER, who="nobody-else")
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    client = subprocess.Popen(argv, env=environ, **pipes)
    assert client.stderr is not None
    shown = b""
    while (link := re.search(rb"http://\S+user_code=\S+", shown)) is None:
        piece = client.stderr.readline()
        assert piece, shown
        shown += piece
    return client, link[0].decode()


def test_a_person_logs_in_with_a_browser(place: SshPlace) -> None:
    """RFC 8628 behind RFC 4256: the link is shown, and the login completes by itself."""
    client, link = asked_with_a_link(place, "id -un")
    agree(link, "alice")
    out, rest = client.communicate(timeout=PATIENCE)
    assert (client.returncode, out.decode().strip()) == (0, ACCOUNT), rest


def test_S7_who_gives_up_takes_the_login_along(place: SshPlace) -> None:
    for _ in range(PER_ADDRESS + 2):
        client, _ = asked_with_a_link(place, "true")
        client.kill()
        client.communicate()


def test_I9_a_certificate_ends_with_the_account_it_was_made_of(place: SshPlace) -> None:
    """The live session within seconds, and every later login."""
    certify(place, make_key(place.folder / "key-bob"), "ann")
    client = place.start(place.command("echo up; sleep 300", who="bob"))
    assert client.stdout is not None and client.stdout.readline() == b"up\n"
    try:
        place.gateway.reload(replace(place.plan, people={**PEOPLE, "ann": ("human", "visitors")}))
        _, told = client.communicate(timeout=PATIENCE)
        assert client.returncode != 0, told
        assert place.run("true", who="bob").returncode == 255
    finally:
        place.gateway.reload(place.plan)
    assert place.run("true", who="bob").returncode == 0
