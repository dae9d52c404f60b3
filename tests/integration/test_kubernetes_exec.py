"""exec, cp and port-forward through a live gateway: kubectl over WebSocket and SPDY, and the Python client."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pty
import re
import select
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config, stream

from tests.support.gateway import Gateway, Plan, start_gateway, token_of, wait_for
from tests.support.kube.cluster import ApiServer, api_server, write_kubeconfig
from twisted_hoop.recording.asciicast import asciicast
from twisted_hoop.recording.streams import stream_bytes

KUBECTL = str(Path(sys.executable).parent / "kubectl")
SPDY = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}
WAYS = pytest.mark.parametrize("way", [{}, SPDY], ids=["websocket", "spdy"])
CARD, HIDDEN = b"4111 1111 1111 1111", b"*****"
PLAN = """
[[listeners]]
name = "kube"
protocol = "http"
endpoint = "tcp:0:interface=127.0.0.1"
certificate = "{folder}/gateway/tls/localhost.pem"
key = "{folder}/gateway/tls/localhost.key"
[[targets]]
name = "prod"
protocol = "kubernetes"
endpoint = "tcp:127.0.0.1:{port}"
ca = "{ca}"
credential = "bearer"
secret = "env:KUBE_TOKEN"
groups = ["ci", "developers"]
[[masks]]
name = "cards"
default = false
detect = ["card"]
[[rules]]
name = "secret-files"
effect = "deny"
arguments = ["/etc/shadow"]
reason = "nobody reads that"
[[rules]]
name = "asked"
effect = "review"
arguments = ["please"]
approvers = ["dba"]
wait = "60s"
[[rules]]
name = "asked-port"
effect = "review"
destinations = ["web:{asked}"]
approvers = ["dba"]
wait = "60s"
[[rules]]
name = "look"
effect = "allow"
classes = ["read", "write"]
resources = ["pods"]
[[rules]]
name = "run"
effect = "allow"
classes = [".*", "unknown", "dynamic", "program", "attach"]
resources = ["pods/exec", "pods/attach"]
masks = ["cards"]
[[rules]]
name = "forward"
effect = "allow"
classes = ["forward"]
destinations = ["", "web:{echo}", "web:{asked}"]
"""
POD = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "c", "image": "x"}]}}


class Echo(socketserver.ThreadingTCPServer):
    """A program in the pod: says back what it hears."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Echo)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.request.recv(65536):
                self.request.sendall(b"echo " + data)


@dataclass
class Place:
    """Both servers, the programs in the pod, and kubectl."""

    gateway: Gateway
    api: ApiServer
    echo: Echo
    asked: Echo
    folder: Path
    kubeconfig: Path

    def environ(self, way: dict[str, str]) -> dict[str, str]:
        """kubectl's."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "KUBECONFIG": str(self.kubeconfig), **way}

    def kubectl(
        self, *arguments: str, way: dict[str, str] | None = None, given: bytes | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """One run of it."""
        return subprocess.run(
            [KUBECTL, *arguments],
            env=self.environ(way or {}),
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            timeout=90,
            check=False,
        )

    def typed(self, file: int, line: bytes, expected: bytes) -> bool:
        """Type a line; whether it is answered within a moment."""
        os.write(file, line)
        found = b""
        while select.select([file], [], [], 1.0)[0]:
            found += os.read(file, 65536)
            if expected in found:
                return True
        return False

    def entries(self, text: str) -> list[dict[str, Any]]:
        """What was recorded under the last command whose text contains `text`, once its outcome is there."""

        def look() -> list[dict[str, Any]]:
            for each in sorted(self.gateway.library.list(limit=50), key=lambda each: each.started, reverse=True):
                found = list(self.gateway.library.read(each.id))
                named = [e for e in found if e["kind"] == "command" and text in e["text"] and "channel" in e]
                if named:
                    mine = [e for e in found if e.get("channel") == named[-1]["channel"]]
                    return mine if any(e["kind"] == "outcome" and "operation" not in e for e in mine) else []
            return []

        return list(wait_for(look, f"the recording of {text}"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("kube")
    echo, asked = Echo(), Echo()
    with api_server(folder / "api") as api:
        text = PLAN.format(folder=folder, port=api.port, ca=api.ca, echo=echo.port, asked=asked.port)
        gateway = start_gateway(folder / "gateway", Plan(text, {"KUBE_TOKEN": api.token}))
        try:
            url = f"https://localhost:{gateway.ports['kube']}/prod"
            kubeconfig = write_kubeconfig(folder / "gateway.kubeconfig", url, gateway.ca, token_of("ci"))
            api.ask("POST", "/api/v1/namespaces/default/pods", {"apiVersion": "v1", "kind": "Pod", **POD})
            running = lambda: api.ask("GET", "/api/v1/namespaces/default/pods/web")["status"]["phase"] == "Running"  # noqa: E731
            wait_for(running, "a pod that runs")
            yield Place(gateway, api, echo, asked, folder, kubeconfig)
        finally:
            gateway.stop()
            echo.shutdown()
            asked.shutdown()


@WAYS
def test_a_command_its_streams_and_its_status(place: Place, way: dict[str, str]) -> None:
    """K14: stdin is recorded; K5: the same over GET and POST."""
    script = f"read line; echo got $line; echo err >&2; exit 3; : {len(way)}"
    done = place.kubectl("exec", "-i", "web", "--", "sh", "-c", script, way=way, given=b"hello\n")
    assert (done.returncode, done.stdout) == (3, b"got hello\n") and done.stderr.startswith(b"err\n")
    entries = place.entries(f"exit 3; : {len(way)}")
    assert entries[0]["kind"] == "command" and entries[0]["rule"] == "run"
    texts = {(e["kind"], e["stream"]): e["text"] for e in entries if "stream" in e}
    assert texts == {("input", "stdin"): "hello\n", ("output", "stdout"): "got hello\n", ("output", "stderr"): "err\n"}
    outcome = entries[-1]
    assert outcome["status"] == 3 and (outcome["stdin"], outcome["stdout"], outcome["stderr"]) == (6, 10, 4)


@WAYS
def test_M3_output_is_masked_on_its_way_and_in_the_recording(place: Place, way: dict[str, str]) -> None:
    """M3, M12."""
    script = f"a=4111; echo $a 1111 1111 1111; : way {len(way)}"
    done = place.kubectl("exec", "web", "--", "sh", "-c", script, way=way)
    assert done.stdout == HIDDEN + b"\n"
    shown = [e for e in place.entries(f": way {len(way)}") if e["kind"] == "output"]
    assert [e["text"] for e in shown] == [done.stdout.decode()]


@WAYS
def test_a_refused_command_is_told_by_kubectl(place: Place, way: dict[str, str]) -> None:
    done = place.kubectl("exec", "web", "--", "cat", "/etc/shadow", way=way)
    assert done.returncode == 1 and b"nobody reads that" in done.stderr and b"rule secret-files" in done.stderr


@WAYS
def test_much_output_arrives_whole(place: Place, way: dict[str, str]) -> None:
    """Through masks and recording, which has every byte of it."""
    done = place.kubectl("exec", "web", "--", "seq", "1", str(300_000 + len(way)), way=way)
    expected = b"".join(b"%d\n" % n for n in range(1, 300_001 + len(way)))
    assert done.stdout == expected
    shown = [e for e in place.entries(f"seq 1 {300_000 + len(way)}") if e["kind"] == "output"]
    assert b"".join(map(stream_bytes, shown)) == expected


@WAYS
def test_files_are_copied_in_both_directions(place: Place, way: dict[str, str]) -> None:
    name = f"file{len(way)}"
    (place.folder / name).write_bytes(os.urandom(200_000))
    assert place.kubectl("cp", str(place.folder / name), f"web:{name}", way=way).returncode == 0
    assert place.kubectl("cp", f"web:{name}", str(place.folder / f"{name}.back"), way=way).returncode == 0
    assert (place.folder / f"{name}.back").read_bytes() == (place.folder / name).read_bytes()
    entries = place.entries(f"tar cf - {name}")
    assert [e["kind"] for e in entries] == ["command", "outcome"] and entries[-1]["paths"] == [name]
    assert entries[-1]["read"]["bytes"] > 200_000 and len(entries[-1]["read"]["sha256"]) == 64
    digest = hashlib.sha256((place.folder / name).read_bytes()).hexdigest()
    assert entries[-1]["files"] == [{"path": name, "bytes": 200_000, "sha256": digest}]


def test_M3_a_file_with_masked_values_is_not_copied(place: Place) -> None:
    """M3: the archive would be none any more, so the copy ends, and says why."""
    place.kubectl("exec", "-i", "web", "--", "tee", "cards.txt", given=CARD + b"\n")
    done = place.kubectl("cp", "web:cards.txt", str(place.folder / "cards.txt"))
    assert b"may not be copied" in done.stderr and not (place.folder / "cards.txt").exists()


@WAYS
def test_somebody_is_asked_while_kubectl_waits(place: Place, way: dict[str, str]) -> None:
    told: list[subprocess.CompletedProcess[bytes]] = []
    word = f"please {len(way)}"
    run = threading.Thread(
        target=lambda: told.append(place.kubectl("exec", "web", "--", "echo", *word.split(), way=way))
    )
    run.start()
    request = place.gateway.pending(f"echo {word}")
    assert place.gateway.decide(request["id"]).status == 200
    run.join(90)
    assert told[0].stdout == word.encode() + b"\n"


@contextlib.contextmanager
def forwarding(place: Place, way: dict[str, str], port: int) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """`kubectl port-forward`: (the local port, the process)."""
    command = [KUBECTL, "port-forward", "pod/web", f":{port}"]
    with subprocess.Popen(
        command, env=place.environ(way), stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline().decode()
            found = re.search(r"127\.0\.0\.1:(\d+) ->", line)
            assert found is not None, line
            yield int(found[1]), process
        finally:
            process.terminate()


def said(port: int, data: bytes) -> bytes:
    """What comes back over a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), timeout=90) as sock:
        sock.sendall(data)
        with contextlib.suppress(ConnectionResetError):
            return sock.recv(1000)
    return b""


@WAYS
def test_K5_ports_are_forwarded_one_by_one(place: Place, way: dict[str, str]) -> None:
    """K5: the port stands in no URL, and is judged all the same."""
    with forwarding(place, way, place.echo.port) as (local, _):
        assert [said(local, b"one"), said(local, b"two")] == [b"echo one", b"echo two"]
    entries = place.entries("forward")
    ended = [e for e in entries if e["kind"] == "outcome"]
    assert [e["to_client"] for e in ended if "operation" in e] == [8, 8] and ended[-1]["connections"] == 2
    with forwarding(place, way, 22) as (local, process):
        assert said(local, b"SSH-2.0") == b""
        assert process.stderr is not None and b"no rule allows" in process.stderr.readline()


def test_a_port_waits_for_an_approval(place: Place) -> None:
    """The connection is accepted at once, and carries nothing until somebody agrees."""
    with forwarding(place, {}, place.asked.port) as (local, _):
        told: list[bytes] = []
        run = threading.Thread(target=lambda: told.append(said(local, b"hi")))
        run.start()
        request = place.gateway.pending(f"web:{place.asked.port}")
        assert told == [] and place.gateway.decide(request["id"]).status == 200
        run.join(90)
        assert told == [b"echo hi"]


# -- shells -------------------------------------------------------------------------------------------------------


def read_until(file: int, text: bytes) -> bytes:
    """What can be read up to and with `text`."""
    found = b""

    def look() -> bool:
        nonlocal found
        if select.select([file], [], [], 0.05)[0]:
            found += os.read(file, 65536)
        return text in found

    wait_for(look, f"{text!r} on the terminal")
    return found


@WAYS
def test_C3_lines_of_a_shell_are_judged(place: Place, way: dict[str, str]) -> None:
    """C3, K14: at Enter, with the rules that commands have; a refused one is taken back, and the shell goes on."""
    outer, inner = pty.openpty()
    command = [KUBECTL, "exec", "-it", "web", "--", "sh"]
    process = subprocess.Popen(command, env=place.environ(way), stdin=inner, stdout=inner, stderr=inner)
    try:
        wait_for(lambda: place.typed(outer, b"echo ready$((1+1))\r", b"ready2"), "a shell that answers", process)
        os.write(outer, b"cat /etc/shadow\r")
        assert b"nobody reads that" in read_until(outer, b"nobody reads that")
        # A shell may drop what comes while it handles the Ctrl-C: type again until it answers.
        wait_for(lambda: place.typed(outer, b"echo on$((1+1))\r", b"on2"), "the shell to go on", process)
        os.write(outer, b"exit 5\r")
        assert process.wait(90) == 5
    finally:
        process.kill()
        process.wait()
        os.close(outer)
        os.close(inner)
    entries = place.entries("-i -t web -- sh")
    lines = [(e["kind"], e["text"]) for e in entries if e.get("action") == "line"]
    unseen = "(typed without echo)"  # an echo that takes longer than a moment, as on a loaded machine
    assert {("refused", "cat /etc/shadow"), ("refused", unseen)}.intersection(lines)
    assert lines[-1] in (("command", "exit 5"), ("command", unseen))
    assert entries[-1]["status"] == 5 and any(e["kind"] == "terminal" for e in entries)
    played = [json.loads(line) for line in asciicast(entries, entries[0]["channel"])]
    assert played[0]["command"].endswith("web -- sh") and played[-1][1:] == ["x", "5"]
    assert "on2" in "".join(event[2] for event in played[1:] if event[1] == "o")


def test_C3_a_script_ends_at_a_line_that_is_refused(place: Place) -> None:
    """C3."""
    done = place.kubectl("exec", "-i", "web", "--", "sh", given=b"echo one\ncat /etc/shadow\necho two\n")
    assert done.returncode == 1 and b"nobody reads that" in done.stderr and b"two" not in done.stdout


# -- the Python client --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def core(place: Place) -> Any:
    load: Any = config.new_client_from_config
    return client.CoreV1Api(load(str(place.kubeconfig)))


def test_python_runs_a_command(place: Place, core: Any) -> None:
    """v5 or v4 by one list of subprotocols, with Origin."""
    argv = ["sh", "-c", f"read x; echo got $x {CARD.decode()}; exit 4"]
    run = stream.stream(
        core.connect_get_namespaced_pod_exec, "web", "default", command=argv, stdin=True, stdout=True, stderr=True,
        tty=False, _preload_content=False,
    )  # fmt: skip
    run.write_stdin("hello\n")
    run.run_forever(timeout=90)
    assert run.read_stdout() == f"got hello {HIDDEN.decode()}\n" and run.returncode == 4


def test_python_forwards_a_port(place: Place, core: Any) -> None:
    """`?ports=`: judged with the request, before there is a tunnel."""
    forward = stream.portforward(
        core.connect_get_namespaced_pod_portforward, "web", "default", ports=str(place.echo.port)
    )
    sock = forward.socket(place.echo.port)
    sock.sendall(b"hi")
    sock.settimeout(90)
    assert sock.recv(100) == b"echo hi"
    sock.close()
    with pytest.raises(client.ApiException) as caught:
        stream.portforward(core.connect_get_namespaced_pod_portforward, "web", "default", ports="22")
    assert "403" in str(caught.value)


def test_K13_no_token_is_recorded_or_logged(place: Place) -> None:
    """K13: nor the target's credential."""
    text = (place.gateway.folder / "log").read_text()
    recorded = b"".join(file.read_bytes() for file in place.gateway.state.rglob("*.hoop"))
    for secret in (token_of("ci"), place.api.token):
        assert secret not in text and secret.encode() not in recorded
