"""The demo's configuration: checked in, whole, and the same but for its ports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from twisted_hoop.config import check_file, load
from twisted_hoop.demo import gateway
from twisted_hoop.demo.database import programs
from twisted_hoop.demo.place import Place, Ports, write_private

ROOT = Path(__file__).parent.parent
PORTS = Ports(1111, 2222, 3333, 4444)


def test_the_example_is_the_demos_own() -> None:
    settings = load(ROOT / "etc/demo.toml")
    assert (ROOT / "etc/demo.toml").read_text() == (ROOT / "twisted_hoop/demo_data/demo.toml").read_text()
    assert settings.listeners[0].endpoint == "tcp:15432:interface=127.0.0.1"


def test_ports_are_put_in_and_nothing_else_changes(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.make()
    write_private(place.secrets / "shop", "x")
    gateway.prepare(place, PORTS)
    settings = load(place.configuration)
    assert [listener.endpoint.split(":")[1] for listener in settings.listeners] == ["1111", "2222"]
    assert settings.gateway.url.endswith(":2222") and settings.issuers[0].issuer.endswith(":3333")
    assert settings.targets[0].endpoint.endswith(":4444")
    assert check_file(place.configuration) == []


def test_every_program_can_be_called(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    for name in ("hoop", "twistd"):
        done = subprocess.run([*gateway.program(name), "--help"], capture_output=True, text=True, env=environment)
        assert done.returncode == 0 and "sage" in done.stdout, done.stderr
        through_python = [sys.executable, *gateway.through_python(name), "--help"]
        assert subprocess.run(through_python, capture_output=True, text=True, env=environment).returncode == 0
    assert (programs(18) / "initdb").exists() and (programs(17) / "psql").exists()
