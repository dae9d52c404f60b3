"""How the gateway reaches its targets: TLS good and bad, every log-in, sockets, targets that are down or die."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.integration.conftest import House
from tests.integration.plans import MASKS, RULES, target
from tests.support import raw_client as raw
from tests.support.gateway import Gateway, Plan, running_gateway, token_of, wait_for
from tests.support.postgres import PASSWORD, Server, start_postgres
from tests.support.programs import run
from twisted_hoop.demo.certificates import issue, make_ca

HBA = """local all all trust
host all by_md5 127.0.0.1/32 md5
host all by_password 127.0.0.1/32 password
hostssl all by_certificate 127.0.0.1/32 cert
hostssl all tls_only 127.0.0.1/32 scram-sha-256
hostnossl all tls_only 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True)
class Annex:
    """A PostgreSQL 17 with TLS, and a gateway that reaches it in many ways."""

    server: Server
    gateway: Gateway


@pytest.fixture(scope="module")
def annex(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Annex]:
    folder: Path = tmp_path_factory.mktemp("annex")
    server = start_postgres(None, 17, ["password_encryption=scram-sha-256"])
    try:
        make_ca(folder / "clients")
        certificate, key = issue(folder / "clients", ["by_certificate"], client=True, stem="client")
        _prepare(server, folder)
        with running_gateway(folder / "gateway", _plan(server, folder, certificate, key)) as gateway:
            yield Annex(server, gateway)
    finally:
        server.stop()


def _prepare(server: Server, folder: Path) -> None:
    """Roles of every kind, and who may log in how. The CA of client certificates is not that of the server's."""
    digest = hashlib.md5(b"secret" + b"by_md5", usedforsecurity=False).hexdigest()
    server.run(f"create role by_md5 login password 'md5{digest}'")
    for role in ("by_password", "tls_only", "by_scram"):
        server.run(f"create role {role} login password 'secret'")
    server.run("create role by_certificate login")
    server.run("create table masked (id int, card_number text)")
    server.run("insert into masked values (1, '4111111111111111')")
    server.run("grant select on masked to public")
    authority = server.folder / "client-ca.pem"
    authority.write_bytes((folder / "clients" / "ca.pem").read_bytes())
    authority.chmod(0o644)
    server.run(f"alter system set ssl_ca_file = '{authority}'")
    (server.folder / "data" / "pg_hba.conf").write_text(HBA)
    server.run("select pg_reload_conf()")


def _plan(server: Server, folder: Path, certificate: Path, key: Path) -> Plan:
    other = make_ca(folder / "other")
    good = ['tls = "verify-full"', f'ca = "{server.ca}"']
    named = [f'endpoint = "tcp:localhost:{server.port}"']
    ways: dict[str, tuple[str, list[str]]] = {
        "scram-plus": ("tls_only", good),
        "scram": ("by_scram", ['tls = "disable"']),
        "md5": ("by_md5", good),
        "password": ("by_password", good),
        "password-in-the-clear": ("by_password", ['tls = "disable"']),
        "certificate": ("by_certificate", [*good, f'certificate = "{certificate}"', f'key = "{key}"', 'secret = ""']),
        "no-certificate": ("by_certificate", [*good, 'secret = ""']),
        "by-name": ("by_scram", [*good, *named]),
        "bad-ca": ("by_scram", ['tls = "verify-full"', f'ca = "{other}"']),
        "bad-name": ("by_scram", [*good, 'server_name = "elsewhere.test"']),
        "right-ca": ("by_scram", ['tls = "verify-ca"', f'ca = "{server.ca}"', 'server_name = "elsewhere.test"']),
        "any-certificate": ("by_scram", ['tls = "require"']),
        "tls-refused": ("tls_only", ['tls = "disable"']),
        "owner": ("postgres", [*good, 'secret = "env:OWNER"', 'connect_timeout = "3s"']),
    }
    sections = [target(name, server, "postgres", login, more) for name, (login, more) in ways.items()]
    return Plan("".join(sections) + RULES + MASKS, {"TARGET_PASSWORD": "secret", "OWNER": PASSWORD})


GOOD = ("scram-plus", "scram", "md5", "password", "certificate", "by-name", "right-ca", "any-certificate")


@pytest.mark.parametrize("way", GOOD)
def test_ways_to_log_in_at_a_target(annex: Annex, way: str) -> None:
    with psycopg.connect(annex.gateway.dsn(way), autocommit=True) as connection:
        login = {"scram-plus": "tls_only"}.get(way, "by_scram" if way in GOOD[5:] else f"by_{way}")
        assert connection.execute("select current_user").fetchone() == (login,)
        tls = connection.execute("select ssl from pg_stat_ssl where pid = pg_backend_pid()").fetchone()
        assert tls == (way != "scram",)
        shown = connection.execute("select card_number from masked").fetchone()
        assert shown == ("************1111",)


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("bad-ca", "cannot be reached|certificate"),
        ("bad-name", "cannot be reached|certificate"),
        ("password-in-the-clear", "in the clear"),
        ("no-certificate", "refused the gateway's own login"),
        ("tls-refused", "refused the gateway's own login"),
    ],
)
def test_a_target_that_cannot_be_trusted_or_does_not_trust_us(annex: Annex, way: str, said: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=said) as caught:
        psycopg.connect(annex.gateway.dsn(way))
    assert "secret" not in str(caught.value)


def test_channel_binding_is_used_where_it_can_be(annex: Annex) -> None:
    """SCRAM-SHA-256-PLUS: a server that offers it would refuse the plain mechanism with a binding flag of "y"."""
    log = (annex.server.folder / "log").read_text()
    psycopg.connect(annex.gateway.dsn("scram-plus")).close()
    assert "channel binding" not in (annex.server.folder / "log").read_text()[len(log) :]


def test_pg_dump_17_of_a_server_of_its_age(annex: Annex, tmp_path: Path) -> None:
    """M8, with a server that does not report its search_path."""
    environ = annex.gateway.environ("owner")
    run("pg_dump", 17, environ, "-f", str(tmp_path / "dump"), "--table=masked").well()
    text = (tmp_path / "dump").read_text()
    assert "************1111" in text
    assert "4111111111111111" not in text


def test_a_target_that_dies_in_the_middle_of_a_result(annex: Annex) -> None:
    """One FATAL 57P01 or 08006, and the gateway goes on."""
    with psycopg.connect(annex.gateway.dsn("owner", "bob"), autocommit=True) as connection:
        (pid,) = connection.execute("select pg_backend_pid()").fetchone() or (0,)
        timer = threading.Timer(0.5, lambda: annex.server.run(f"select pg_terminate_backend({pid})"))
        timer.start()
        with pytest.raises(psycopg.OperationalError) as caught, connection.cursor() as cursor:
            for _ in cursor.stream("select repeat('x', 1000) from generate_series(1, 200) g, pg_sleep(0.01 + 0 * g)"):
                pass
            cursor.execute("select pg_sleep(5)")
        timer.join()
        assert caught.value.sqlstate in ("57P01", "08006")
    with psycopg.connect(annex.gateway.dsn("owner", "bob")) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_target_that_is_killed_and_comes_back(annex: Annex) -> None:
    """SIGKILL of a backend makes the server restart: sessions end, new ones fail clearly, then work again."""
    import os
    import signal

    with psycopg.connect(annex.gateway.dsn("owner", "bob"), autocommit=True) as connection:
        (pid,) = connection.execute("select pg_backend_pid()").fetchone() or (0,)
        timer = threading.Timer(0.3, lambda: os.kill(pid, signal.SIGKILL))
        timer.start()
        with pytest.raises(psycopg.OperationalError) as caught:
            connection.execute("select pg_sleep(10)")
        timer.join()
        assert caught.value.sqlstate in ("08006", "57P02", "57P01")

    def back() -> bool:
        try:
            psycopg.connect(annex.gateway.dsn("owner", "bob")).close()
        except psycopg.OperationalError as error:
            assert "hoop" in str(error)
            return False
        return True

    wait_for(back, "the server")


@pytest.mark.parametrize(
    ("name", "said"),
    [("nowhere", "cannot be reached"), ("mistaken", "refused the gateway's own login")],
)
def test_a_target_that_is_down_or_refuses_us(house: House, name: str, said: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=said) as caught:
        psycopg.connect(house.dsn(target=name))
    assert "not this one" not in str(caught.value)
    logged = house.gateway.logged("session ended: failed")
    assert logged["level"] in ("info", "warn", "error")


@pytest.mark.parametrize(("name", "code"), [("nowhere", "08001"), ("mistaken", "08004"), ("no-such-target", "3D000")])
def test_what_kept_a_session_from_opening_has_its_sqlstate(house: House, name: str, code: str) -> None:
    """libpq does not tell SQLSTATEs of failed connections, so the message itself is looked at."""
    with pytest.raises(raw.Refused) as caught:
        raw.connect("127.0.0.1", house.gateway.ports["pg"], name, "x", token_of("ci"))
    kind, body = caught.value.args
    assert (kind, raw.sqlstate(body)) == ("E", code)


def test_a_target_behind_a_unix_socket(house: House) -> None:
    with psycopg.connect(house.dsn(target="socket")) as connection:
        assert connection.execute("select inet_client_addr() is null").fetchone() == (True,)
