"""The house of docs/getting-started.md: the page's own configuration, a database behind it, an issuer beside it.

Names are the page's: `hoop.example.com` is this machine for psql, curl and `hoop` (see hosts.py), under a certificate
of that name. Ports, folders and the addresses behind the gateway are replaced by the table.
"""

from __future__ import annotations

import contextlib
import getpass
import grp
import os
import random
import re
import shutil
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.docs_runner.people import People, people_of
from tests.docs_runner.places import ROOT, Place, fenced, shim
from tests.docs_runner.shell import Table
from tests.support.postgres import Server, load_shop, running_postgres
from twisted_hoop.demo.certificates import issue, make_ca

PAGE = ROOT / "docs/getting-started.md"
NAME = "hoop.example.com"
PGBENCH = """\
create table pgbench_branches (bid int, bbalance int, filler char(88));
insert into pgbench_branches values (1, 0);
create table pgbench_tellers (tid int, bid int, tbalance int, filler char(84));
create table pgbench_accounts (aid int, bid int, abalance int, filler char(84));
create table pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22))"""
"""Tables that pgbench looks for, as `pgbench -i` makes them, all but empty."""
GROUPS = {
    "alice": ["developers"],
    "bob": ["dba"],
    "sam": ["security"],
    "olga": ["sre"],
    "dora": ["contractors"],
    "ci": ["developers"],
    "agent-7": ["ai-agents", "developers"],
}


@dataclass(frozen=True, slots=True)
class House:
    """What stands before a gateway is started: folders, files, ports, everybody else's servers."""

    home: Path
    server: Server
    people: People
    ports: Mapping[str, int]

    @property
    def configuration(self) -> Path:
        return self.home / "etc/hoop/hoop.toml"

    @property
    def authority(self) -> Path:
        return self.home / "etc/hoop/tls/ca.pem"


@contextlib.contextmanager
def before(home: Path) -> Iterator[House]:
    shim(home / "bin")
    sudo = home / "bin/sudo"
    sudo.write_text(
        '#!/bin/sh\n# `sudo -u ACCOUNT COMMAND`: the account is whoever runs the tests.\nshift 2; exec "$@"\n'
    )
    sudo.chmod(0o755)
    for folder in ("etc/hoop/tls", "var/lib"):
        (home / folder).mkdir(parents=True)
    (home / "var/lib/hoop").mkdir(mode=0o700)
    with running_postgres(17) as server, people_of(home, GROUPS) as people:
        built = House(home, server, people, _ports("postgres", "api", "agents"))
        _fill(built)
        yield built


def _ports(*names: str) -> dict[str, int]:
    """A port for each, below those that the system gives out: nobody takes one before the gateway listens there."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    found: dict[str, int] = {}
    while len(found) < len(names):
        port = random.randrange(max(1024, first - 12_000), first)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            if port not in found.values():
                found[names[len(found)]] = port
    return found


def _fill(house: House) -> None:
    """The shop, with the role that the page makes; certificates; the password in its file."""
    load_shop(house.server.create_database("shop"))
    role = fenced(PAGE, "sql")[0]
    for statement in [*PGBENCH.split(";"), *role.split(";")]:
        if statement.strip():
            house.server.run(statement, "shop")
    secret = house.configuration.with_name("shop-password")
    secret.touch(mode=0o600)
    secret.write_text(_password())
    folder = house.authority.parent
    make_ca(folder)
    _, key = issue(folder, [NAME, "localhost"], stem="hoop")
    key.rename(folder / "hoop-key.pem")
    shutil.copy(house.server.ca, folder / "internal-ca.pem")


def _password() -> str:
    """What the page gives the gateway's role."""
    found = re.search(r"password '([^']+)'", fenced(PAGE, "sql")[0])
    assert found is not None, f"{PAGE}: no password"
    return found[1]


def configuration(house: House) -> str:
    """What the page shows, with this machine's ports and folders. A row that is not there any more is an error."""
    text = fenced(PAGE, "toml")[0]
    rows = {
        '"/var/lib/hoop"': f'"{house.home}/var/lib/hoop"',
        "https://id.example.com": house.people.issuer,
        "tcp:5432:interface=0.0.0.0": f"tcp:{house.ports['postgres']}:interface=127.0.0.1",
        "tcp:8443:interface=0.0.0.0": f"tcp:{house.ports['api']}:interface=127.0.0.1",
        "tcp:shop-db.internal:5432": f"tcp:localhost:{house.server.port}",
    }
    for written, real in rows.items():
        assert written in text, f"{PAGE}: {written}"
        text = text.replace(written, real)
    return text


def place_in(house: House) -> Place:
    home, tokens = house.home, house.people.tokens
    who, group = me()
    newest = f"HOOP_TOKEN_FILE={tokens / 'bob'} hoop approvals list --ids --limit 1"
    rows = {
        "psql …": f'psql "host={NAME} dbname=shop user=me sslmode=verify-full"',
        "e65ccb7b1dce600af89d": f"$(for _ in $(seq 100); do {newest} | grep . && break; sleep 0.1; done)",
        "3f1c9a77e0b24d51a6c8": f"$(HOOP_TOKEN_FILE={tokens / 'sam'} hoop sessions list --ids --limit 1)",
        "-o hoop -g hoop": f"-o {who} -g {group}",
        "-o root -g hoop": f"-o {who} -g {group}",
        "/etc/hoop": f"{home}/etc/hoop",
        "/var/lib/hoop": f"{home}/var/lib/hoop",
        "~/.hoop-token": str(tokens / "bob"),
        "/run/agent/token": str(tokens / "agent-7"),
        "https://id.example.com": house.people.issuer,
    }
    _hosts(house)
    environ = {
        "HOOP_TEST_HOSTS": f"{NAME}:8443={house.ports['api']} {NAME}:443={house.ports['api']}",
        "HOOP_URL": f"https://{NAME}:8443",
        "HOOP_CA": str(house.authority),
        "SSL_CERT_FILE": str(house.authority),
        "PGHOSTADDR": "127.0.0.1",
        "PGPORT": str(house.ports["postgres"]),
        "PGSSLROOTCERT": str(house.authority),
    }
    links = {f"{who}.token": tokens / who for who in GROUPS} | {"person.token": tokens / "alice"}
    links["agent.token"] = tokens / "agent-7"
    return Place(home, Table(rows, r"\b[0-9a-f]{20}\b"), {**links, "tokens": tokens}, environ, f"{_password()}\n")


def me() -> tuple[str, str]:
    """The account and the group of whoever runs the tests."""
    return getpass.getuser(), grp.getgrgid(os.getgid()).gr_name


def _hosts(house: House) -> None:
    """What a line in /etc/hosts, and a firewall that maps ports, would do."""
    (house.home / ".curlrc").write_text(
        f'cacert = "{house.authority}"\n'
        f'connect-to = "{NAME}:8443:127.0.0.1:{house.ports["api"]}"\n'
        f'connect-to = "{NAME}:443:127.0.0.1:{house.ports["api"]}"\n'
    )
    program = house.home / "bin/hoop"
    program.write_text(program.read_text().replace("-m twisted_hoop.cli", "-m tests.docs_runner.hosts"))
