"""Agents as processes: joined, killed, replaced, drained, revoked; one gateway for all of it."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import Gateway, Plan, running_gateway, token_of, wait_for
from tests.support.live_agent import LISTENER, join_token, run_agent, start_agent
from twisted_hoop.agent.settings import AgentOwnSection
from twisted_hoop.agent_service import uplink_of
from twisted_hoop.errors import SecretUnavailable

_MORE = """
[[listeners]]
name = "web"
protocol = "http"
endpoint = "tcp:0:interface=127.0.0.1"
certificate = "{folder}/gateway/tls/localhost.pem"
key = "{folder}/gateway/tls/localhost.key"
[[targets]]
name = "office-web"
protocol = "http"
endpoint = "agent:office:tcp:127.0.0.1:{port}"
tls = "disable"
groups = ["*"]
[[targets]]
name = "lab-web"
protocol = "http"
endpoint = "agent:lab:tcp:127.0.0.1:{port}"
tls = "disable"
groups = ["*"]
[[targets]]
name = "inside-web"
protocol = "http"
endpoint = "agent:lab:tcp:127.0.0.1:8099"
tls = "disable"
groups = ["*"]
[[rules]]
name = "all"
effect = "allow"
"""


class _Slow(BaseHTTPRequestHandler):
    """`/held` is answered once `go` is set."""

    go = threading.Event()
    held = threading.Event()

    def do_GET(self) -> None:
        if self.path == "/held":
            self.held.set()
            self.go.wait(60)
        self.send_response(200)
        self.send_header("content-length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  its name there
        """Quiet."""


class House:
    """A gateway and a target."""

    def __init__(self, folder: Path, gateway: Gateway, port: int) -> None:
        self.folder, self.gateway, self.port = folder, gateway, port

    def ask(self, target: str, path: str = "/") -> subprocess.Popen[str]:
        """Start a request."""
        url = f"https://localhost:{self.gateway.ports['web']}/{target}{path}"
        token = f"Authorization: Bearer {token_of('ci')}"
        command = ["curl", "-sS", "--max-time", "80", "--cacert", str(self.gateway.ca), "-H", token, url]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def asked(self, target: str) -> str:
        """The answer to one."""
        return self.ask(target).communicate(timeout=90)[0]

    def connections(self, name: str) -> list[str]:
        """Ids of installations of a name that are connected."""
        found = self.gateway.api("GET", "/v1/agents", "olga").json.get("agents", [])
        return [each["ident"] for each in found if each["name"] == name for _ in each["connections"]]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("service")
    target = ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    target.daemon_threads = True
    threading.Thread(target=target.serve_forever, daemon=True).start()
    listener = LISTENER.format(folder=folder / "gateway", interface="0.0.0.0")
    plan = Plan(listener + _MORE.format(folder=folder, port=target.server_port))
    with running_gateway(folder / "gateway", plan) as gateway:
        yield House(folder, gateway, target.server_port)
    target.shutdown()
    target.server_close()


def test_from_one_variable_over_a_websocket(house: House, tmp_path: Path) -> None:
    port, token = house.gateway.ports["agents"], join_token(house.gateway, "office")
    said = f"gateway=wss://localhost:{port} name=office join_token={token} ca={house.gateway.ca} state={tmp_path}/state"
    agent = run_agent(tmp_path, house.gateway, "office", [], {"HOOP_AGENT": f"{said} allow=127.0.0.1:{house.port}"})
    try:
        agent.wait()
        assert house.asked("office-web") == "hello"
    finally:
        agent.stop()
    assert agent.process.returncode in (0, -signal.SIGTERM)
    wait_for(lambda: not house.connections("office"), "the end of the connection")


def test_a_restarted_agent_needs_no_new_token_and_dies_alone(house: House, tmp_path: Path) -> None:
    allow = [("127.0.0.1", house.port)]
    with contextlib.ExitStack() as stack:
        first = start_agent(tmp_path / "one", house.gateway, allow)
        stack.callback(first.stop)
        first.wait()
        second = start_agent(tmp_path / "two", house.gateway, allow)
        stack.callback(second.stop)
        second.wait()
        wait_for(lambda: len(set(house.connections("office"))) == 2, "both")
        first.kill()
        wait_for(lambda: house.asked("office-web") == "hello", "an answer by the other")
        again = run_agent(tmp_path / "one", house.gateway, "office", ["--config", str(tmp_path / "one/agent.toml")], {})
        stack.callback(again.stop)
        wait_for(lambda: len(set(house.connections("office"))) == 2, "both again", again.process)


def test_it_is_drained(house: House, tmp_path: Path) -> None:
    """SIGTERM: what runs may end, what is new goes elsewhere."""
    agent = start_agent(tmp_path, house.gateway, [("127.0.0.1", house.port)], "lab", stop_timeout="60s").wait()
    try:
        _Slow.go.clear()
        _Slow.held.clear()
        running = house.ask("lab-web", "/held")
        assert _Slow.held.wait(60)
        agent.process.terminate()
        wait_for(lambda: "is not connected" in house.asked("lab-web"), "no new streams")
        assert agent.process.poll() is None
        _Slow.go.set()
        assert running.communicate(timeout=90)[0] == "hello"
    finally:
        _Slow.go.set()
        agent.stop()
    assert agent.process.returncode in (0, -signal.SIGTERM)


def test_a_revoked_one_is_out(house: House, tmp_path: Path) -> None:
    agent = start_agent(tmp_path, house.gateway, [("127.0.0.1", house.port)], "lab").wait()
    try:
        ident = wait_for(lambda: house.connections("lab"), "its connection")[0]
        assert house.asked("lab-web") == "hello"
        answer = house.gateway.api("POST", f"/v1/agents/{ident}/revoke", "olga", {"reason": "lost"})
        assert answer.status == 200, answer.body
        wait_for(lambda: not house.connections("lab"), "its end")
        agent.logged("does not accept what this agent shows")
        assert "is not connected" in house.asked("lab-web")
    finally:
        agent.stop()


def test_a_network_the_gateway_cannot_reach(house: House, tmp_path: Path) -> None:
    """A target on the loopback of another network namespace, an agent beside it, one wire out. Where namespaces cannot
    be made, what is shown is less: that only the agent's own list decides."""
    name = f"hoop{house.gateway.process.pid}"
    inside = ["ip", "netns", "exec", name]
    with contextlib.ExitStack() as stack:
        before = inside if _namespace(name, stack) else []
        command = [*before, "python3", "-m", "http.server", "--bind", "127.0.0.1", "8099"]
        target = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(target.wait)
        stack.callback(target.kill)
        (tmp_path / "index.html").write_text("inside")
        more: dict[str, Any] = {"host": "10.231.7.1", "server_name": "localhost"} if before else {}
        agent = start_agent(tmp_path / "agent", house.gateway, [("127.0.0.1", 8099)], "lab", before=before, **more)
        stack.callback(agent.stop)
        agent.wait()
        wait_for(lambda: house.asked("inside-web") == "inside", "the page from inside")
        if before:
            reached = subprocess.run(["curl", "-s", "--max-time", "5", "http://127.0.0.1:8099/"], capture_output=True)
            assert reached.returncode


def _namespace(name: str, stack: contextlib.ExitStack) -> bool:
    """A namespace with one wire to here: 10.231.7.2 there, 10.231.7.1 here."""
    if shutil.which("ip") is None or subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
        return False
    stack.callback(subprocess.run, ["ip", "netns", "del", name], capture_output=True)
    wire, peer = f"{name}a"[-15:], f"{name}b"[-15:]
    commands = [
        ["ip", "link", "add", wire, "type", "veth", "peer", "name", peer, "netns", name],
        ["ip", "addr", "add", "10.231.7.1/30", "dev", wire],
        ["ip", "link", "set", wire, "up"],
        ["ip", "-n", name, "addr", "add", "10.231.7.2/30", "dev", peer],
        ["ip", "-n", name, "link", "set", peer, "up"],
        ["ip", "-n", name, "link", "set", "lo", "up"],
    ]
    return all(subprocess.run(command, capture_output=True).returncode == 0 for command in commands)


@pytest.mark.parametrize("reference", ["env:NOTHING", "file:/nowhere"])
def test_a_proxys_login_that_is_not_there(reference: str) -> None:
    own = AgentOwnSection(name="office", gateway="tls://gw:1", proxy="http://p:1", proxy_login=reference)
    with pytest.raises(SecretUnavailable):
        uplink_of(own, {})


def test_a_way_to_the_gateway() -> None:
    own = AgentOwnSection(name="office", gateway="tls://gw:1", pin="AA:" * 31 + "AA")
    uplink = uplink_of(own, {"HTTPS_PROXY": "http://bob:x@p:3128"})()
    assert uplink.pin == "aa" * 32 and uplink.proxy is not None and uplink.proxy.login == "bob:x"
