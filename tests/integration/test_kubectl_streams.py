"""Watches, logs, exec, attach, cp and port-forward: kubectl of today over WebSockets, one of 1.27 over SPDY."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import os
import pty
import re
import select
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import PATIENCE, wait_for
from tests.support.kube.cluster import ApiServer
from tests.support.kube.place import MASKED, PLAIN, KubePlace
from tests.support.kube.programs import OLD, kubectl_path
from tests.support.kube.samples import PORT, config_map, pod

VERSIONS = ["", OLD]
TARGETS = [PLAIN, MASKED]


@pytest.fixture(scope="module")
def place(kubernetes: KubePlace) -> Iterator[KubePlace]:
    running = kubernetes.fresh()
    running.apply(pod("box"))
    running.kubectl("wait", "--for=condition=Ready", "pod/box", "--timeout=100s").well()
    yield running
    running.gone()


def until(process: subprocess.Popen[bytes], text: str) -> str:
    """What a program printed up to and with `text`."""
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    return read_until(process.stdout.fileno(), text)


def read_until(file: int, text: str) -> str:
    """What can be read up to and with `text`."""
    deadline, found = time.monotonic() + PATIENCE, b""
    while text not in found.decode("utf-8", "replace"):
        assert time.monotonic() < deadline, f"waited in vain for {text!r} in {found!r}"
        if select.select([file], [], [], 0.1)[0]:
            with contextlib.suppress(BlockingIOError, OSError):
                found += os.read(file, 65536)
    return found.decode("utf-8", "replace")


@pytest.mark.parametrize("target", TARGETS)
def test_a_watch_tells_what_changes(place: KubePlace, target: str) -> None:
    name = f"watched-{target}"
    place.apply(config_map(name, a="1"))
    with place.running("get", "cm", name, "-w", "-o", "jsonpath={.data.a}{'\\n'}", target=target) as process:
        until(process, "1\n")
        place.kubectl("patch", "cm", name, "--type=merge", "-p", '{"data":{"a":"second"}}').well()
        until(process, "second\n")


def test_wait_sees_a_change_that_comes(place: KubePlace) -> None:
    place.apply(config_map("awaited", a="1"))
    with place.running("wait", "--for=jsonpath={.data.a}=there", "cm/awaited", "--timeout=60s") as process:
        place.kubectl("patch", "cm", "awaited", "--type=merge", "-p", '{"data":{"a":"there"}}').well()
        until(process, "condition met")


@pytest.mark.parametrize("target", TARGETS)
def test_logs_are_followed(place: KubePlace, target: str) -> None:
    assert place.kubectl("logs", "box", target=target).well().startswith("box started")
    with place.running("logs", "-f", "box", target=target) as process:
        until(process, "box started")
        command = f"echo more of {target} >> ${{POD_LOG:-/proc/1/fd/1}}"
        place.kubectl("exec", "box", "--", "sh", "-c", command).well()
        until(process, f"more of {target}")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("version", VERSIONS)
def test_exec_has_output_errors_and_a_status(place: KubePlace, version: str, target: str) -> None:
    command = ("exec", "box", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    ran = place.kubectl(*command, version=version, target=target)
    assert (ran.status, ran.out) == (7, "out\n") and ran.err.startswith("err\n")


@pytest.mark.parametrize("version", VERSIONS)
def test_exec_takes_input_to_its_end(place: KubePlace, version: str) -> None:
    text = "".join(f"line {number}\n" for number in range(20_000))
    ran = place.kubectl("exec", "-i", "box", "--", "cat", version=version, stdin=text)
    assert ran.well() == text


@pytest.mark.parametrize("version", VERSIONS)
def test_numbers_of_cards_are_hidden_in_output_and_logs(place: KubePlace, version: str) -> None:
    """M10: what a program prints, cut into frames as it likes, and what it logged."""
    command = "printf 'card 41111111'; sleep 0.01; printf '11111111 end\\n'"
    ran = place.kubectl("exec", "box", "--", "sh", "-c", command, version=version, target=MASKED)
    assert "4111111111111111" not in ran.well() and "end" in ran.out
    log = "echo card 4111111111111111 logged >> ${POD_LOG:-/proc/1/fd/1}"
    place.kubectl("exec", "box", "--", "sh", "-c", log).well()
    wait_for(lambda: "4111111111111111" in place.kubectl("logs", "box", version=version).well(), "the log")
    shown = place.kubectl("logs", "box", version=version, target=MASKED).well()
    assert "4111111111111111" not in shown and "logged" in shown


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("version", VERSIONS)
def test_exec_has_a_terminal_with_a_size(place: KubePlace, version: str, target: str) -> None:
    outer, inner = pty.openpty()
    os.set_blocking(outer, False)
    subprocess.run(["stty", "cols", "91", "rows", "37"], stdin=inner, check=True)
    command = [kubectl_path(version), "exec", "-it", "box", "--", "sh"]
    process = subprocess.Popen(command, env=place.environ(target=target), stdin=inner, stdout=inner, stderr=inner)
    try:
        # The size arrives beside what is typed: ask until it is there.
        def sized() -> bool:
            os.write(outer, b"stty size; echo then\n")
            return "37 91" in read_until(outer, "\nthen")

        wait_for(sized, "the size of the terminal", process)
        os.write(outer, b"exit 3\n")
        assert process.wait(PATIENCE) == 3
    finally:
        process.kill()
        process.wait()
        os.close(outer)
        os.close(inner)


def test_attach_sees_what_the_pod_says(place: KubePlace) -> None:
    if isinstance(place.cluster, ApiServer):
        assert place.kubectl("attach", "-i", "box", stdin="said\n").out == "said\n"
    else:
        with place.running("attach", "box") as process:
            place.kubectl("exec", "box", "--", "sh", "-c", "echo seen > /proc/1/fd/1").well()
            until(process, "seen")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("version", VERSIONS)
def test_cp_there_and_back(place: KubePlace, tmp_path: Path, version: str, target: str) -> None:
    data = os.urandom(300_000)
    (tmp_path / "there").write_bytes(data)
    name = f"copy{version}-{target}"
    place.kubectl("cp", str(tmp_path / "there"), f"box:{name}", version=version, target=target).well()
    summed = place.kubectl("exec", "box", "--", "sha256sum", name, version=version).well()
    assert summed.split()[0] == hashlib.sha256(data).hexdigest()
    place.kubectl("cp", f"box:{name}", str(tmp_path / "back"), version=version, target=target).well()
    assert (tmp_path / "back").read_bytes() == data


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"x" * 100_000
        self.send_response(404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  its name there
        """Quiet."""


@pytest.fixture(scope="module")
def port(place: KubePlace) -> Iterator[int]:
    """Where a pod serves HTTP: any page is not found."""
    if not isinstance(place.cluster, ApiServer):
        yield PORT
        return
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("version", VERSIONS)
def test_port_forward(place: KubePlace, port: int, version: str, target: str) -> None:
    command = [kubectl_path(version), "port-forward", "pod/box", f":{port}", "--address=127.0.0.1"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, env=place.environ(target=target), stdout=pipe, stderr=subprocess.STDOUT, cwd=place.folder
    )
    try:
        told = until(process, "->")
        match = re.search(r"127\.0\.0\.1:(\d+) ->", told)
        assert match is not None, told
        for _ in range(3):
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(f"http://127.0.0.1:{match[1]}/nothing", timeout=PATIENCE)
            assert caught.value.code == 404 and caught.value.read()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("version", VERSIONS)
def test_other_verbs_of_an_older_kubectl(place: KubePlace, version: str) -> None:
    name = f"older{version.replace('.', '-')}"
    place.kubectl("create", "configmap", name, "--from-literal=a=b", version=version).well()
    assert name in place.kubectl("get", "cm", version=version).well()
    assert name in place.kubectl("describe", "cm", name, version=version).well()
    assert "deleted" in place.kubectl("delete", "cm", name, version=version).well()
