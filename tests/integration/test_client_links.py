"""How clients reach the gateway: TLS in all its forms, protocol versions, start-up options, SCRAM accounts."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from pathlib import Path

import psycopg
import pytest

from tests.integration.conftest import House
from tests.support.gateway import SCRAM_PASSWORD, token_of
from tests.support.programs import psql
from twisted_hoop.demo.certificates import make_ca

SSL_REQUEST = struct.pack(">II", 8, 80877103)


def in_tls(house: House) -> str:
    """What the gateway's own list of sessions says of the last one's peer is in the recording: here libpq's word."""
    return f"sslmode=verify-full sslrootcert={house.gateway.ca}"


@pytest.mark.parametrize("negotiation", ["direct", "postgres"])
def test_tls_with_a_verified_certificate(house: House, negotiation: str) -> None:
    more = f"{in_tls(house)} sslnegotiation={negotiation} application_name=tls-{negotiation}"
    for listener in ("pg", "strict"):
        with psycopg.connect(house.dsn(more=more, listener=listener)) as connection:
            assert connection.pgconn.ssl_in_use
            assert connection.execute("select 1").fetchone() == (1,)
    opened = house.gateway.entries(f"tls-{negotiation}")[0]
    assert opened["peer"]["encrypted"] is True


@pytest.mark.parametrize("negotiation", ["direct", "postgres"])
def test_psql_over_tls(house: House, negotiation: str) -> None:
    tls = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(house.gateway.ca), "PGSSLNEGOTIATION": negotiation}
    environ = house.gateway.environ("shop", "ci", "strict", **tls)
    assert "TLSv1.3" in psql(17, environ, "\\conninfo\nselect 1;\n").well()


def test_a_certificate_of_another_ca_or_name_is_the_clients_to_refuse(house: House, tmp_path: Path) -> None:
    other = make_ca(tmp_path / "other")
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(house.dsn(more=f"sslmode=verify-full sslrootcert={other}"))


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])
def test_every_sslmode_where_tls_is_optional_on_loopback(house: House, mode: str) -> None:
    with psycopg.connect(house.dsn(more=f"sslmode={mode} sslrootcert={house.gateway.ca}")) as connection:
        assert connection.pgconn.ssl_in_use == (mode not in ("disable", "allow"))


def test_clear_connections_are_refused_where_tls_is_required(house: House) -> None:
    with pytest.raises(psycopg.OperationalError, match="sslmode=require"):
        psycopg.connect(house.dsn(listener="strict"))


@pytest.mark.parametrize(
    "more",
    [
        "sslmode=require channel_binding=prefer",
        "sslmode=require gssencmode=prefer",
        "sslmode=require require_auth=password",
        "sslmode=require require_auth=!none",
        "sslmode=require ssl_min_protocol_version=TLSv1.3",
        "sslmode=disable keepalives=1 target_session_attrs=read-write",
        "sslmode=disable target_session_attrs=primary load_balance_hosts=random",
        "sslmode=disable max_protocol_version=latest",
        "sslmode=disable max_protocol_version=3.2 min_protocol_version=3.2",
        "sslmode=require max_protocol_version=3.2",
        "sslmode=disable max_protocol_version=3.0",
    ],
)
def test_connection_options_of_libpq(house: House, more: str) -> None:
    with psycopg.connect(house.dsn(more=more)) as connection:
        assert connection.execute("select current_database()").fetchone() == (house.database,)


def test_channel_binding_cannot_be_required_of_a_token(house: House) -> None:
    with pytest.raises(psycopg.OperationalError, match="channel binding"):
        psycopg.connect(house.dsn(more="sslmode=require channel_binding=require"))


@pytest.mark.parametrize("version", ["3.0", "3.2"])
@pytest.mark.parametrize("tls", ["disable", "require"])
def test_cancel_keys_of_both_protocols(house: House, version: str, tls: str) -> None:
    """P6: 3.2 has long keys; they are ours, not the target's."""
    more = f"sslmode={tls} max_protocol_version={version}"
    with psycopg.connect(house.dsn(more=more), autocommit=True) as connection:
        timer = threading.Timer(0.3, connection.cancel_safe)
        timer.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("select pg_sleep(30)")
        timer.join()


def test_psql_18_speaks_the_latest_protocol(house: House) -> None:
    environ = house.gateway.environ("shop", PGMAXPROTOCOLVERSION="latest")
    out = psql(18, environ, "\\conninfo\nselect 1;\n").well()
    assert "Protocol Version|3.2" in out


@pytest.mark.parametrize("name", ["search_path=api,public", "statement_timeout=12345", "DateStyle=German"])
@pytest.mark.parametrize("form", ["options=-c {}", "options=--{}"])
def test_harmless_start_up_options_reach_the_target(house: House, name: str, form: str) -> None:
    option = form.format(name).replace("options=", "options='") + "'"
    with psycopg.connect(house.dsn(more=f"sslmode=disable {option}")) as connection:
        setting, _, value = name.partition("=")
        (shown,) = connection.execute(f"show {setting}").fetchone() or ("",)
        assert shown.replace(" ", "").lower().startswith(value.lower()[:5])


def test_pgoptions_of_psql(house: House) -> None:
    allowed = house.gateway.environ("shop", PGOPTIONS="-c statement_timeout=1234ms")
    assert psql(18, allowed, "show statement_timeout").well() == "1234ms\n"
    refused = psql(18, house.gateway.environ("shop", PGOPTIONS="-c role=postgres"), "select 1")
    assert refused.status != 0
    assert '"role" is not allowed' in refused.err


@pytest.mark.parametrize(
    "more",
    [
        "options='-c role=postgres'",
        "options='-c session_authorization=postgres'",
        "options='-c standard_conforming_strings=off'",
        "options='-c client_encoding=SJIS'",
        "options='-c default_transaction_read_only=off'",
        "options='-c session_replication_role=replica'",
        "options='-c local_preload_libraries=x'",
        "options='-d 5'",
        "replication=database",
        "replication=on",
        "client_encoding=SJIS",
    ],
)
def test_P4_start_up_parameters_that_change_who_or_how_are_refused(house: House, more: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"hoop|refused|allowed|not"):
        psycopg.connect(house.dsn("bob", more=f"sslmode=disable {more}"))
    assert not [e for e in house.gateway.lines() if "Traceback" in str(e)]


def test_P1_clear_bytes_behind_the_request_for_tls_are_never_read(house: House) -> None:
    """A start-up packet is pushed behind SSLRequest, before the handshake: the connection must not survive."""
    body = struct.pack(">I", 196608) + b"user\0x\0database\0shop\0\0"
    injected = struct.pack(">I", len(body) + 4) + body
    with socket.create_connection(("127.0.0.1", house.gateway.ports["strict"]), 10) as wire:
        wire.sendall(SSL_REQUEST + injected)
        assert wire.recv(100) == b""


def test_direct_tls_needs_alpn(house: House) -> None:
    context = ssl.create_default_context(cafile=str(house.gateway.ca))
    wire = socket.create_connection(("127.0.0.1", house.gateway.ports["pg"]), 10)
    with context.wrap_socket(wire, server_hostname="localhost") as tls:
        body = struct.pack(">I", 196608) + b"user\0x\0database\0shop\0\0"
        tls.sendall(struct.pack(">I", len(body) + 4) + body)
        answer = tls.recv(1000)
    assert b"ALPN" in answer


# -- who one is --------------------------------------------------------------------------------------------------------


def test_scram_accounts_log_in_with_a_password_that_is_never_sent(house: House) -> None:
    where = f"host=127.0.0.1 port={house.gateway.ports['pg']} dbname=shop user=scrammer password='{SCRAM_PASSWORD}'"
    bound = "sslmode=require channel_binding=require"
    for more in ("sslmode=disable", "sslmode=require", "sslmode=require require_auth=scram-sha-256", bound):
        with psycopg.connect(f"{where} gssencmode=disable {more}") as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(where.replace("pencil", "pen"))


@pytest.mark.parametrize("version", [17, 18])
def test_psql_logs_in_with_scram(house: House, version: int) -> None:
    mine = {"PGUSER": "scrammer", "PGREQUIREAUTH": "scram-sha-256"}
    environ = house.gateway.environ("shop", SCRAM_PASSWORD, **mine)
    assert psql(version, environ, "select 'in'").well() == "in\n"


@pytest.mark.parametrize("password", ["wrong", "token-of-nobody", "x" * 9000, "a.b.c"])
def test_wrong_tokens_are_told_the_same(house: House, password: str) -> None:
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect(house.dsn(password, more="sslmode=disable"))
    assert "authentication failed" in str(caught.value) or "password" in str(caught.value)
    assert token_of("ci") not in str(caught.value)


def test_signed_tokens_log_in_as_password(house: House) -> None:
    token = house.gateway.ring.token("dora", groups=["ci"])
    with psycopg.connect(house.dsn(token, more="sslmode=disable application_name=dora-was-here")) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert house.gateway.entries("dora-was-here")[0]["principal"]["subject"] == "dora"


def test_unknown_and_closed_targets_look_alike(house: House) -> None:
    said = []
    for target in ("closed", "no-such-target"):
        with pytest.raises(psycopg.OperationalError) as caught:
            psycopg.connect(house.dsn(target=target))
        said.append(str(caught.value).partition("FATAL")[2])
    assert said[0] == said[1]
    assert "no such target" in said[0]


def test_other_databases_only_where_they_are_listed(house: House) -> None:
    with psycopg.connect(house.dsn(target="shop/postgres")) as connection:
        assert connection.execute("select current_database()").fetchone() == ("postgres",)
    with pytest.raises(psycopg.OperationalError, match="no such target"):
        psycopg.connect(house.dsn(target="shop/template1"))
