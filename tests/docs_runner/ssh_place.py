"""A gateway with a real host behind it, and the rules and masks that the tutorial of SSH shows."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.docs_runner.people import people_of
from tests.docs_runner.places import ROOT, Place, shim
from tests.docs_runner.shell import Table
from tests.support.gateway import PATIENCE, Gateway, Plan, start_gateway, token_of
from tests.support.sshd import ACCOUNT, Sshd, make_key, public_line, running_sshd

PAGE = ROOT / "docs/tutorials/ssh.md"
PEOPLE = {"alice": ("human", "developers"), "bob": ("human", "dba"), "carol": ("human", "auditors")}
_TIMES = r"\b\d:\d\d\.\d{3}\b"
CUSTOMERS = "name,card_number\nAda Lovelace,4111111111111111\nGrace Thompson,5555555555554444\n"


@contextlib.contextmanager
def ssh_place(home: Path) -> Iterator[Place]:
    """alice has a key and a certificate; the host `web-1` has /srv/app with a file and programs."""
    home.mkdir(parents=True)
    shim(home / "bin")
    _application(home / "app")
    login = make_key(home / "login")
    beside = people_of(home)
    with (
        running_sshd(home / "sshd", [public_line(login)], start_path=[str(home / "app/bin")]) as server,
        beside as folk,
    ):
        plan = Plan(_plan(folk.issuer, server, login), people=PEOPLE, url="https://hoop.example.com:8443")
        gateway = start_gateway(home / "gateway", plan)
        try:
            place = _place(home, gateway)
            _person(place, gateway.ports["ssh"])
            yield place
        finally:
            gateway.stop()


def _application(folder: Path) -> None:
    (folder / "bin").mkdir(parents=True)
    (folder / "customers.csv").write_text(CUSTOMERS)
    for name in ("deploy", "release"):
        (folder / "bin" / name).write_text('#!/bin/sh\necho "release $1 is live"\n')
        (folder / "bin" / name).chmod(0o755)


def _plan(issuer: str, server: Sshd, login: Path) -> str:
    """What the page shows, an issuer people log in at, and the host."""
    shown = re.search(r"^```toml\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    assert shown is not None, f"{PAGE} shows no rules"
    return f"""\
[[issuers]]
name = "people"
issuer = "{issuer}"
audience = ["hoop"]
client_id = "hoop"
[[listeners]]
name = "ssh"
protocol = "ssh"
endpoint = "tcp:0:interface=127.0.0.1"
address = "hoop.example.com:2222"
[[targets]]
name = "web-1"
protocol = "ssh"
endpoint = "tcp:127.0.0.1:{server.port}"
host_keys = {server.host_keys!r}
login = "{ACCOUNT}"
login_with = "key"
secret = "file:{login}"
groups = ["developers"]
{shown[1]}"""


def _place(home: Path, gateway: Gateway) -> Place:
    tokens = home / ".demo/tokens"
    tokens.mkdir(parents=True, exist_ok=True)
    for who in PEOPLE:
        (tokens / who).write_text(token_of(who))
    rows = {
        "https://hoop.example.com:8443": gateway.url,
        "e65ccb7b1dce600af89d": f"$(HOOP_TOKEN_FILE={tokens}/bob hoop approvals list --ids --limit 1)",
        "2222": str(gateway.ports["ssh"]),
        "deploy@": f"{ACCOUNT}@",
        "deploy%": f"{ACCOUNT}%",
        "/srv/app/bin/deploy": str(home / "app/bin/release"),  # one that nobody is asked about
        "/srv/app": str(home / "app"),
    }
    links = {f"{who}.token": tokens / who for who in PEOPLE}
    return Place(home, Table(rows, _TIMES), links, {"HOOP_URL": gateway.url})


def _person(place: Place, port: int) -> None:
    """What alice has on her machine. ssh looks for its files in the account's home, whatever HOME says."""
    folder, program = place.home / ".ssh", shutil.which("ssh")
    key = folder / "id_ed25519"
    folder.mkdir(mode=0o700)
    make_key(key)
    (folder / "config").write_text(
        f"Host hoop-gateway hoop.example.com\n  HostName 127.0.0.1\n  Port {port}\n"
        f"  HostKeyAlias [hoop.example.com]:2222\n"
        f"Host *\n  IdentityFile {key}\n  IdentityAgent none\n  BatchMode yes\n  ConnectTimeout 60\n"
        f"  UserKnownHostsFile {folder}/known_hosts\n  GlobalKnownHostsFile /dev/null\n"
    )
    (place.home / "bin/ssh").write_text(f'#!/bin/sh\nexec {program} -F {folder}/config "$@"\n')
    (place.home / "bin/ssh").chmod(0o755)
    ready = "hoop ssh-certificate && hoop ssh-config --known-hosts > ~/.ssh/known_hosts"
    subprocess.run(["bash", "-c", ready], env=place.given("alice"), check=True, capture_output=True, timeout=PATIENCE)
