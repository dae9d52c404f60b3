"""Traces of PostgreSQL, SSH and HTTP sessions through a real OpenTelemetry collector, and what came out of it.

    ./dev run python -m tests.by_hand.collector [--collector PROGRAM]

The collector's own builder (`ocb`) makes it: an OTLP receiver, and an exporter that hands on as JSON what the collector
understood. That takes Go and three minutes of one core; `--collector` names one that is there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from tests.integration.plans import MASKS, target
from tests.support import http_gateway, ssh_gateway
from tests.support.gateway import Gateway, Plan, running_gateway, token_of, wait_for
from tests.support.oidc import free_port
from tests.support.otlp import Collector, attributes, collecting
from tests.support.postgres import load_shop, running_postgres
from tests.support.sshd import make_key, public_line, running_sshd

VERSION = "v0.160.0"
PARTS = {"receivers": "receiver/otlpreceiver", "exporters": "exporter/otlphttpexporter"}
CLEAR = ("4111111111111111", "734-10-1000", "hk_test_0123456789")
SECRETS = ("password of the target", "of-the-collector", "token-of-the-gateway", token_of("ci"))
_RULES = """
[[rules]]
name = "not dropped"
effect = "deny"
statements = ["drop"]
reason = "tables stay"
[[rules]]
name = "all else"
effect = "allow"
classes = [".*", "dynamic", "unknown", "oversize"]
"""
_COLLECTOR = """
receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:{port}
exporters:
  otlphttp:
    traces_endpoint: {url}
    encoding: json
    compression: none
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlphttp]
"""


def build(folder: Path) -> Path:
    """The collector, made with its builder."""
    environ = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "-buildvcs=false -p=1"}
    builder = f"go.opentelemetry.io/collector/cmd/builder@{VERSION}"
    subprocess.run(["go", "install", builder], env=environ, check=True)
    lines = ["dist:", "  name: otelcol-trial", f"  output_path: {folder}/collector"]
    for kind, part in PARTS.items():
        lines += [f"{kind}:", f"  - gomod: go.opentelemetry.io/collector/{part} {VERSION}"]
    (folder / "manifest.yaml").write_text("\n".join([*lines, ""]))
    subprocess.run([folder / "builder", "--config", folder / "manifest.yaml"], env=environ, check=True)
    return folder / "collector/otelcol-trial"


@contextlib.contextmanager
def running_collector(program: Path, folder: Path, sink: Collector) -> Iterator[str]:
    """One that hands on to `sink`; the address it takes traces at."""
    port = free_port()
    (folder / "collector.yaml").write_text(_COLLECTOR.format(port=port, url=sink.url))
    with (folder / "collector.log").open("wb") as log:
        process = subprocess.Popen([program, "--config", folder / "collector.yaml"], stdout=log, stderr=log)
    try:
        said = folder / "collector.log"
        wait_for(lambda: "Everything is ready" in said.read_text(), "the collector", process)
        yield f"http://127.0.0.1:{port}/v1/traces"
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def running_house(folder: Path, url: str) -> Iterator[Gateway]:
    """A gateway before a database, a host and an API, which traces to the address."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(running_postgres())
        server.create_login("login", SECRETS[0])
        load_shop(server.create_database("shop"), "login")
        sshd = stack.enter_context(running_sshd(folder / "sshd", [public_line(make_key(folder / "login"))]))
        api = http_gateway.Api(folder / "target")
        stack.callback(api.server_close)
        stack.callback(api.shutdown)
        text = f'[tracing]\nurl = "{url}"\nauthorization = "env:OTLP"\nevery = "0.2s"\n'
        text += target("shop", server, "shop", "login") + MASKS
        text += ssh_gateway._plan(folder, sshd, "", "") + http_gateway._PLAN.format(
            folder=folder, port=api.server_port, more=""
        )
        environ = {"TARGET_PASSWORD": SECRETS[0], "OTLP": f"Bearer {SECRETS[1]}", "ORDERS_TOKEN": SECRETS[2]}
        plan = Plan(text + _RULES, environ)
        gateway = stack.enter_context(running_gateway(folder / "gateway", plan))
        place = ssh_gateway.SshPlace(folder, gateway, sshd, plan)
        _sessions(gateway, place)
        yield gateway


def _sessions(gateway: Gateway, place: ssh_gateway.SshPlace) -> None:
    """One of each kind, with values that are masked and a refusal."""
    with psycopg.connect(gateway.dsn("shop", "ci"), autocommit=True) as connection:
        rows = connection.execute("select card_number, ssn from customers order by id").fetchall()
        assert rows and CLEAR[0] not in str(rows), rows[:2]
        with contextlib.suppress(psycopg.Error):
            connection.execute("drop table orders")
        with contextlib.suppress(psycopg.Error):
            connection.execute("select 1 / 0")
    assert place.run(f"echo {CLEAR[2]}; exit 3").returncode == 3
    context = ssl.create_default_context(cafile=str(gateway.ca))
    asked = urllib.request.Request(f"https://localhost:{gateway.ports['web']}/orders/v1/any?key={CLEAR[2]}")
    asked.add_header("Authorization", f"Bearer {token_of('ci')}")
    try:
        with urllib.request.urlopen(asked, timeout=30, context=context) as answer:
            assert answer.status == 200
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{error.code}: {error.read()!r}\n{gateway.lines()[-5:]}") from None


def judge(sink: Collector) -> None:
    """Every trace is one tree, times lie in one another, the resource says who, nothing secret or clear is there."""
    spans = sink.spans()
    by_id = {each["spanId"]: each for each in spans}
    assert len(by_id) == len(spans)
    roots = [each for each in spans if not each.get("parentSpanId")]
    protocols = Counter(attributes(each)["hoop.protocol"] for each in roots)
    assert protocols == {"postgres": 1, "ssh": 1, "http": 1}, protocols
    assert len({each["traceId"] for each in roots}) == 3 and {each["kind"] for each in roots} == {2}
    for each in spans:
        parent = by_id.get(each.get("parentSpanId", ""))
        if each not in roots:
            assert parent is not None and parent["traceId"] == each["traceId"], each
            assert int(parent["startTimeUnixNano"]) <= int(each["startTimeUnixNano"]), (parent, each)
            assert int(each["endTimeUnixNano"]) <= int(parent["endTimeUnixNano"]), (parent, each)
    decisions = Counter(attributes(each).get("hoop.decision") for each in spans if each["name"].startswith("command"))
    assert decisions["deny"] == 1 and decisions["allow"] >= 4, decisions
    failed = [each["name"] for each in spans if each.get("status", {}).get("code") == 2]
    assert sorted(failed) == ["command query", "target"], failed
    for body in sink.bodies:
        for resource in body["resourceSpans"]:
            told = attributes(resource["resource"])
            assert told["service.name"] == "twisted-hoop" and {"service.instance.id", "hoop.gateway"} <= set(told), told
    whole = json.dumps(sink.bodies)
    found = [word for word in (*CLEAR, *SECRETS, "card_number", "customers", "drop table") if word in whole]
    assert not found, found


def show(sink: Collector) -> None:
    """The trees, for people."""
    spans = sorted(sink.spans(), key=lambda each: int(each["startTimeUnixNano"]))

    def below(parent: str, depth: int) -> None:
        for each in spans:
            if each.get("parentSpanId", "") == parent:
                took = (int(each["endTimeUnixNano"]) - int(each["startTimeUnixNano"])) / 1e6
                told: dict[str, Any] = attributes(each) if each.get("attributes") else {}
                said = " ".join(f"{name}={value}" for name, value in told.items())
                print(f"{'  ' * depth}{each['name']} ({took:.1f} ms) {each.get('status', {}) or ''} {said}")
                below(each["spanId"], depth + 1)

    below("", 0)
    print(attributes(sink.bodies[0]["resourceSpans"][0]["resource"]))


def main(words: list[str]) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collector", type=Path, help="one that is there")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="hoop-collector-") as name, collecting() as sink:
        folder = Path(name)
        program = options.collector or build(folder)
        with running_collector(program, folder, sink) as url:
            with running_house(folder, url):
                pass  # its end ends every session, and sends what is left
            wait_for(lambda: len(sink.named("session")) == 3, "three sessions")
        show(sink)
        judge(sink)
    print("all well", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
