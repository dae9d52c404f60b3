"""What hiding values in bodies of API servers costs: CPU, first byte and memory, without a network.

    python benchmarks/bodies.py [--quick] [--json] [--only PATTERN]

Each work runs in a process of its own on fifty megabytes (five with --quick) in pieces of 64 KiB. `cpu_ms` is the CPU
of the whole body, `first_ms` from the first piece to the first byte shown, `extra_mb` how much the process grew.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import random
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import harness  # noqa: F401 - finds this checkout

from twisted_hoop.http.messages import Framing, RequestHead, ResponseHead
from twisted_hoop.kubernetes.bodies import Bodies
from twisted_hoop.kubernetes.requests import read_request
from twisted_hoop.settings import MaskSection, TargetSection

PIECE = 64 * 1024
SECRETS = MaskSection(name="secrets")
ENV = MaskSection(name="env", objects=["Pod/env/.*_TOKEN"])
DETECT = MaskSection(name="detect", detect=["card", "email", "jwt", "api-key"])
JSON = ((b"content-type", b"application/json"),)


def secrets(pretty: bool = False) -> Iterator[bytes]:
    """Secrets of ten kilobytes, without an end."""
    chance = random.Random(1)
    values = [base64.b64encode(chance.randbytes(3600)).decode() for _ in range(16)]
    for number in itertools.count():
        about = {"name": f"secret-{number}", "namespace": "default", "resourceVersion": str(number)}
        data = {"password": values[number % 16], "token": values[number % 15]}
        yield _dumped({"metadata": about, "data": data, "type": "Opaque"}, pretty)


def pods() -> Iterator[bytes]:
    """Pods with twenty-four variables each."""
    for number in itertools.count():
        env = [
            {"name": f"APP_{n}{'_TOKEN' if n % 4 == 0 else ''}", "value": f"value-{number}-{n}" * 4} for n in range(24)
        ]
        about = {"name": f"pod-{number}", "namespace": "default", "labels": {"app": "a"}, "resourceVersion": "1"}
        yield _dumped({"metadata": about, "spec": {"containers": [{"name": "c", "image": "i", "env": env}]}}, False)


def _dumped(thing: Any, pretty: bool) -> bytes:
    return json.dumps(thing, indent=2).encode() if pretty else json.dumps(thing, separators=(",", ":")).encode()


def listed(kind: str, items: Iterator[bytes], size: int, between: bytes = b",") -> Iterator[bytes]:
    """A list of about that size, in pieces."""
    buffer = b'{"kind":"%b","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[' % kind.encode()
    told = 0
    for number, item in enumerate(items):
        buffer += (between if number else b"") + item
        while len(buffer) >= PIECE:
            yield buffer[:PIECE]
            told, buffer = told + PIECE, buffer[PIECE:]
        if told >= size:
            break
    yield buffer + b"]}\n"


def events(size: int) -> Iterator[bytes]:
    """A watch: one event a piece."""
    told = 0
    for item in secrets():
        data = b'{"type":"MODIFIED","object":{"kind":"Secret","apiVersion":"v1",' + item[1:] + b"}\n"
        yield data
        told += len(data)
        if told >= size:
            break


Work = tuple[str, MaskSection, Callable[[int], Iterator[bytes]]]
WORKS: dict[str, Work] = {
    "list 50MB masked": ("secrets", SECRETS, lambda size: listed("SecretList", secrets(), size)),
    "the same, pretty": ("secrets", SECRETS, lambda size: listed("SecretList", secrets(True), size, b",\n  ")),
    "the same, detectors": ("secrets", DETECT, lambda size: listed("SecretList", secrets(), size)),
    "pods 50MB env": ("pods", ENV, lambda size: listed("PodList", pods(), size)),
    "pods 50MB detectors": ("pods", DETECT, lambda size: listed("PodList", pods(), size)),
    "pods 50MB not masked": ("pods", SECRETS, lambda size: listed("PodList", pods(), size)),
    "watch 50MB": ("secrets", SECRETS, events),
}


def measure(name: str, size: int) -> dict[str, Any]:
    """One work, in this process."""
    resource_name, mask, make = WORKS[name]
    head = RequestHead(b"GET", f"/api/v1/{resource_name}".encode(), b"", b"h", ())
    request = read_request(head.method, head.path, head.query)
    bodies = Bodies(TargetSection(name="prod", protocol="kubernetes", endpoint="tcp:k:443"), b"k" * 32, [mask])
    _run(bodies, request, head, mask, make(2 * PIECE))  # what is loaded once is not counted
    spent = _spent(make(size))  # making it is not counted either
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    first, shown, masked = _run(bodies, request, head, mask, make(size))
    cpu = time.process_time() - began - spent
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {
        "work": name,
        "cpu_ms": round(cpu * 1000, 1),
        "first_ms": round(first * 1000, 2),
        "extra_mb": round(grown / 1024, 1),
        "masked": masked,
        "shown_mb": round(shown / 1e6, 1),
    }


def _spent(pieces: Iterator[bytes]) -> float:
    began = time.process_time()
    for _ in pieces:
        pass
    return time.process_time() - began


def _run(bodies: Bodies, request: Any, head: RequestHead, mask: MaskSection, pieces: Iterator[bytes]) -> Any:
    looked = bodies.response_body(request, head, ResponseHead(200, b"OK", JSON, Framing.CHUNKED), [mask])
    assert looked is not None
    first, shown, began = 0.0, 0, 0.0
    for piece in pieces:
        began = began or time.perf_counter()
        shown += len(looked.feed(piece))
        first = first or (time.perf_counter() - began if shown else 0.0)
    return first, shown + len(looked.flush()), looked.masked


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    size = 5_000_000 if given.quick else 50_000_000
    if given.one:
        print(json.dumps(measure(given.one, size)))
        return
    for name in WORKS:
        if re.search(given.only, name):
            command = [sys.executable, str(Path(__file__)), "--one", name, *(["--quick"] if given.quick else [])]
            row = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            print(json.dumps(row) if given.json else "  ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
