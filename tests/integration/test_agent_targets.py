"""Every protocol through a live gateway and a live agent process: real PostgreSQL, sshd, HTTPS, Kubernetes API."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import websocket

from tests.support.gateway import Gateway, Plan, start_gateway, token_of, wait_for
from tests.support.http_gateway import Api
from tests.support.live_agent import LISTENER, LiveAgent, start_agent
from tests.support.postgres import Server, running_postgres
from tests.support.sections import listener, ssh_target
from tests.support.sshd import ACCOUNT, Sshd, make_key, public_line, running_sshd

_TARGETS = """
[[accounts]]
name = "sue"
kind = "human"
groups = ["developers"]
ssh_keys = ["{sue}"]
[[targets]]
name = "orders"
protocol = "http"
endpoint = "agent:office:tcp:localhost:{api}"
ca = "{folder}/api/ca.pem"
credential = "bearer"
secret = "env:ORDERS_TOKEN"
groups = ["*"]
[[targets]]
name = "cluster"
protocol = "kubernetes"
endpoint = "agent:office:tcp:localhost:{api}"
ca = "{folder}/api/ca.pem"
credential = "bearer"
secret = "env:ORDERS_TOKEN"
groups = ["*"]
[[rules]]
name = "all"
effect = "allow"
classes = [".*", "dynamic", "unknown", "oversize", "websocket"]
"""
_POSTGRES = """
[[targets]]
name = "{name}"
protocol = "postgres"
endpoint = "{endpoint}"
database = "postgres"
login = "{server.user}"
secret = "env:TARGET_PASSWORD"
{tls}
groups = ["*"]
"""


@dataclass(frozen=True)
class Place:
    """What stands."""

    folder: Path
    gateway: Gateway
    agent: LiveAgent
    postgres: Server
    sshd: Sshd
    api: Api

    def connect(self, target: str, who: str = "ci") -> psycopg.Connection[tuple[object, ...]]:
        """A session at a PostgreSQL target."""
        return psycopg.connect(self.gateway.dsn(target, who), autocommit=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("agent")
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(running_postgres(17))
        login, sue = make_key(folder / "login"), make_key(folder / "key-sue")
        sshd = stack.enter_context(running_sshd(folder / "sshd", [public_line(login)]))
        api = Api(folder / "api")
        stack.callback(api.server_close)
        stack.callback(api.shutdown)
        gateway = start_gateway(folder / "gateway", _plan(folder, server, sshd, api, public_line(sue)))
        stack.callback(gateway.stop)
        socket = f"{server.socket_folder}/.s.PGSQL.{server.port}"
        allow = [("127.0.0.1", server.port), ("127.0.0.1", sshd.port), ("localhost", api.server_port), ("unix", socket)]
        agent = start_agent(folder / "agent", gateway, allow)
        stack.callback(agent.stop)
        agent.wait()
        yield Place(folder, gateway, agent, server, sshd, api)


def _plan(folder: Path, server: Server, sshd: Sshd, api: Api, sue: str) -> Plan:
    agents = LISTENER.format(folder=folder / "gateway", interface="127.0.0.1")
    tcp = f"agent:office:tcp:{server.host}:{server.port}"
    tls = f'tls = "verify-full"\nca = "{server.ca}"'
    socket = f"agent:office:unix:{server.socket_folder}/.s.PGSQL.{server.port}"
    databases = [
        ("shop", tcp, tls),
        ("clear", tcp, 'tls = "disable"'),
        ("socket", socket, 'tls = "disable"'),
        ("misnamed", tcp, f'{tls}\nserver_name = "another.internal"'),
        ("closed", "agent:office:tcp:127.0.0.1:9", 'tls = "disable"'),
        ("gone", "agent:lab:tcp:127.0.0.1:5432", 'tls = "disable"'),
    ]
    postgres = "".join(_POSTGRES.format(name=n, endpoint=e, tls=t, server=server) for n, e, t in databases)
    others = listener("ssh", "ssh") + listener("web", "http", folder / "gateway")
    key = f'login_with = "key"\nsecret = "file:{folder}/login"'
    others += ssh_target(f"agent:office:tcp:127.0.0.1:{sshd.port}", sshd.host_keys, ACCOUNT, key)
    others += _TARGETS.format(folder=folder, sue=sue, api=api.server_port)
    environ = {"TARGET_PASSWORD": server.password, "ORDERS_TOKEN": "token-of-the-gateway"}
    return Plan(agents + postgres + others, environ, gateway='agent_heartbeat = "1s"')


@pytest.mark.parametrize("target", ["shop", "clear", "socket"])
def test_postgresql(place: Place, target: str) -> None:
    with place.connect(target) as connection:
        assert connection.execute("select 6 * 7").fetchone() == (42,)
        rows = connection.execute("select n, repeat('x', 100) from generate_series(1, 20000) n").fetchall()
        assert len(rows) == 20000 and rows[-1][0] == 20000


def test_the_name_is_checked_by_the_gateway_as_without_an_agent(place: Place) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"(?i)certificate|hostname"):
        place.connect("misnamed")


def test_a_refusal_is_told_in_words(place: Place) -> None:
    """S11: what the allow-list does not name is not dialled, and everybody learns why."""
    with pytest.raises(psycopg.OperationalError, match=r"agent office: 127\.0\.0\.1:9 is not on its allow-list"):
        place.connect("closed")


def test_an_agent_that_is_not_there(place: Place) -> None:
    with pytest.raises(psycopg.OperationalError, match="agent lab: is not connected"):
        place.connect("gone")


def test_a_session_is_cancelled_through_the_agent(place: Place) -> None:
    with place.connect("shop") as connection:
        cursor = connection.cursor()
        cursor.execute("set statement_timeout = 100")
        with pytest.raises(psycopg.errors.QueryCanceled):
            cursor.execute("select pg_sleep(60)")


def test_ssh(place: Place) -> None:
    known = place.folder / "known"
    authority = place.gateway.api("GET", "/v1/ssh/authorities").json
    port = place.gateway.ports["ssh"]
    known.write_text(f"[127.0.0.1]:{port} {authority['gateway']}\n")
    options = ["-F", "none", "-i", str(place.folder / "key-sue"), "-o", f"UserKnownHostsFile={known}"]
    options += ["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-p", str(port)]
    ran = subprocess.run(
        ["ssh", *options, f"{ACCOUNT}%web-1@127.0.0.1", "head -c 3000000 /dev/zero | wc -c; exit 3"],
        capture_output=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout.strip()) == (3, b"3000000"), ran.stderr


def _curl(place: Place, path: str, *more: str) -> str:
    url = f"https://localhost:{place.gateway.ports['web']}{path}"
    command = ["curl", "-sS", "--cacert", str(place.gateway.ca), "-H", f"Authorization: Bearer {token_of('ci')}"]
    return subprocess.run([*command, *more, url], capture_output=True, text=True, timeout=60, check=True).stdout


def test_https(place: Place) -> None:
    told = json.loads(_curl(place, "/orders/v1/things"))
    assert told["path"] == "/v1/things" and told["headers"]["authorization"] == "Bearer token-of-the-gateway"
    assert len(_curl(place, "/orders/v1/rows/20000").splitlines()) == 20000


def test_a_websocket(place: Place) -> None:
    """Both ways, text and binary, a megabyte at a time."""
    url = f"wss://localhost:{place.gateway.ports['web']}/orders/v1/chat"
    header = [f"Authorization: Bearer {token_of('ci')}"]
    sock = websocket.create_connection(url, timeout=60, header=header, sslopt={"ca_certs": str(place.gateway.ca)})
    with contextlib.closing(sock):
        for data in ("hello", "x" * 1_000_000, "again"):
            sock.send(data)
            assert sock.recv() == data
        sock.send_binary(bytes(range(256)) * 4000)
        assert sock.recv() == bytes(range(256)) * 4000


def test_a_stream_of_events_comes_as_it_is_said(place: Place) -> None:
    """Each before the next one is said: nothing between collects them."""
    context = ssl.create_default_context(cafile=str(place.gateway.ca))
    connection = http.client.HTTPSConnection("localhost", place.gateway.ports["web"], timeout=60, context=context)
    with contextlib.closing(connection):
        connection.request("GET", "/orders/v1/events", headers={"Authorization": f"Bearer {token_of('ci')}"})
        place.api.events.put("first")
        answer = connection.getresponse()
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.readline() == b"data: first\n" and answer.readline() == b"\n"
        for number in range(20):
            place.api.events.put(str(number))
            assert answer.readline() == b"data: %d\n" % number and answer.readline() == b"\n"
        place.api.events.put("")
        assert answer.read() == b""


def test_a_websocket_whose_agent_dies_is_told(place: Place) -> None:
    """And the next one works, once the agent is back."""
    url = f"wss://localhost:{place.gateway.ports['web']}/orders/v1/chat"
    more: Any = {"header": [f"Authorization: Bearer {token_of('ci')}"], "sslopt": {"ca_certs": str(place.gateway.ca)}}
    sock = websocket.create_connection(url, timeout=60, **more)
    with contextlib.closing(sock):
        sock.send("hello")
        assert sock.recv() == "hello"
        place.agent.kill()
        opcode, reason = sock.recv_data()
        assert opcode == websocket.ABNF.OPCODE_CLOSE
        assert reason == (1011).to_bytes(2, "big") + b"hoop: the target is gone"
    place.agent.again()
    wait_for(lambda: _serves(place), "it is back")


def _serves(place: Place) -> bool:
    url = f"https://localhost:{place.gateway.ports['web']}/orders/v1/things"
    command = ["curl", "-sSf", "--cacert", str(place.gateway.ca), "-H", f"Authorization: Bearer {token_of('ci')}", url]
    return subprocess.run(command, capture_output=True, timeout=60).returncode == 0


def test_kubernetes(place: Place) -> None:
    told = json.loads(_curl(place, "/cluster/version"))
    assert told["path"] == "/version"


def test_what_the_gateway_knows(place: Place) -> None:
    def known() -> dict[str, object] | None:
        found = place.gateway.api("GET", "/v1/agents", "olga").json["agents"]
        return next((c for each in found for c in each["connections"]), None)

    connection = wait_for(known, "the agent's connection")
    assert f"127.0.0.1:{place.postgres.port}" in connection["offered"]
    assert wait_for(lambda: (known() or {}).get("received"), "counted bytes")


def test_the_agent_sees_no_password_and_no_row(place: Place) -> None:
    """Its log and its state hold nothing of what it carries."""
    with place.connect("shop") as connection:
        connection.execute("select 'a-row-of-the-target'")
    files = [path for path in place.agent.folder.rglob("*") if path.is_file()]
    for path in files:
        data = path.read_bytes()
        assert place.postgres.password.encode() not in data and b"a-row-of-the-target" not in data
