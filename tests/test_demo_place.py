"""The demo's folder and ports."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from twisted_hoop.demo.place import DemoFailed, Place, Ports, choose_ports, write_private


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path / "demo")
    made.make()
    return made


def test_folders_are_ours_alone(place: Place) -> None:
    """R11."""
    assert {stat.S_IMODE(path.stat().st_mode) for path in (place.root, place.tokens, place.state)} == {0o700}


def test_a_file_is_replaced_whole_and_private(place: Place) -> None:
    path = place.root / "x"
    path.write_text("before")
    path.chmod(0o644)
    write_private(path, "after")
    assert path.read_text() == "after" and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in place.root.iterdir() if p.name.endswith(".new")] == []


def test_one_demo_a_folder(place: Place) -> None:
    held = place.claim()
    with pytest.raises(DemoFailed, match="another --folder"):
        place.claim()
    os.close(held)
    os.close(place.claim())


def test_ports_are_different_and_remembered(place: Place) -> None:
    first = choose_ports(place, Ports())
    assert len({first.port, first.api_port, first.issuer_port, first.postgres_port}) == 4
    assert choose_ports(place, Ports()) == first


def test_a_remembered_port_that_is_taken_is_replaced(place: Place) -> None:
    first = choose_ports(place, Ports())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first.port))
        taken.listen()
        again = choose_ports(place, Ports())
        assert again.port != first.port and again.api_port == first.api_port
        with pytest.raises(DemoFailed, match=f"port {first.port} is in use.*--port"):
            choose_ports(place, Ports(port=first.port))


@pytest.mark.parametrize("text", ["", "[]", '{"port": "1"}', "{"])
def test_a_broken_memory_is_no_memory(place: Place, text: str) -> None:
    (place.root / "ports.json").write_text(text)
    assert choose_ports(place, Ports()).port > 0
