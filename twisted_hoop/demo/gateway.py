"""The gateway of the demo: its configuration, and `twistd hoop` as a process of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib import resources
from pathlib import Path

from twisted_hoop.demo.certificates import issue, make_ca
from twisted_hoop.demo.children import Children
from twisted_hoop.demo.database import PATIENCE, last_lines
from twisted_hoop.demo.place import HOST, DemoFailed, Place, Ports, write_private

_WRITTEN = Ports(port=15432, api_port=18080, issuer_port=18081, postgres_port=15433)
"""The ports that stand in demo.toml, and that the chosen ones replace."""


def configuration(ports: Ports) -> str:
    """demo.toml with these ports."""
    text = resources.files("twisted_hoop.demo_data").joinpath("demo.toml").read_text("utf-8")
    given = {str(getattr(_WRITTEN, name)): str(getattr(ports, name)) for name in Ports.__slots__}
    return re.sub(r"\b\d{5}\b", lambda match: given.get(match[0], match[0]), text)


def prepare(place: Place, ports: Ports) -> None:
    """Write the configuration and the certificates it names; certificates are made anew, they are cheap and expire."""
    make_ca(place.certificates)
    issue(place.certificates, ["localhost", HOST], days=30)
    write_private(place.configuration, configuration(ports))


def start(place: Place, ports: Ports, children: Children) -> None:
    """Start the gateway and wait until it is well. Blocking."""
    log, pid = place.logs / "gateway.log", place.root / "gateway.pid"
    _end_forgotten(pid, place.configuration)
    command = [*program("twistd"), "-n", f"--pidfile={pid}", "hoop", "--config", str(place.configuration)]
    process = children.serve(command, log, cwd=place.root)
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until:
        if _healthy(ports.api_port):
            return
        time.sleep(0.1)
    raise DemoFailed(f"the gateway does not start; it says in {log}:\n{last_lines(log)}")


def _end_forgotten(file: Path, configuration: Path) -> None:
    """A demo that was killed leaves its gateway behind; two must not share a state folder, so the old one is ended."""
    text = file.read_text("ascii").strip() if file.exists() else ""
    if text.isdigit() and _is_ours(int(text), configuration):
        os.kill(int(text), signal.SIGTERM)
        until = time.monotonic() + PATIENCE
        while _is_ours(int(text), configuration) and time.monotonic() < until:
            time.sleep(0.1)
    file.unlink(missing_ok=True)


def _is_ours(number: int, configuration: Path) -> bool:
    ps = shutil.which("ps")
    if ps is None:
        return False
    command = [ps, "-ww", "-o", "command=", "-p", str(number)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - ps, of a number
    return f"--config {configuration}" in shown


def _healthy(port: int) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{HOST}:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def program(name: str) -> list[str]:
    """How to call a program of this environment: beside its Python, on the PATH, or through Python itself."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    return [found] if found else [sys.executable, *through_python(name)]


def through_python(name: str) -> list[str]:
    """The same program, as arguments for Python."""
    return {"hoop": ["-m", "twisted_hoop.cli"], "twistd": ["-c", "from twisted.scripts.twistd import run; run()"]}[name]
