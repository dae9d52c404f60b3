"""Certificates that end, are not each other's, or are for somebody else."""

from __future__ import annotations

import time
from pathlib import Path

from twisted_hoop.demo.certificates import issue, make_ca
from twisted_hoop.doctor.certificates import Place, look_at, places
from twisted_hoop.doctor.finding import Finding
from twisted_hoop.settings import Settings


def look(folder: Path, names: list[str], days: float = 90, host: str = "", after: float = 0.0) -> list[Finding]:
    certificate, key = issue(folder, names, days=days)
    return look_at(Place("listener a", str(certificate), str(key), host), lambda: time.time() + after)


def test_one_that_is_well_has_its_days_counted(tmp_path: Path) -> None:
    [found] = look(tmp_path, ["hoop.example"], host="hoop.example")
    assert found.state == "ok" and "90 days left" in found.what and not found.todo


def test_one_that_ended_is_an_error_and_one_that_ends_soon_a_warning(tmp_path: Path) -> None:
    ended, soon = look(tmp_path, ["a"], days=-3)[0], look(tmp_path, ["a"], days=10)[0]
    assert (ended.state, soon.state) == ("error", "warning") and "ended 3 days ago" in ended.what
    assert "without a restart" in soon.todo


def test_one_of_the_future_points_to_the_clock(tmp_path: Path) -> None:
    assert "the clock" in look(tmp_path, ["a"], after=-86400.0)[0].what


def test_names_and_wildcards(tmp_path: Path) -> None:
    assert [each.state for each in look(tmp_path, ["a.example"], host="b.example")] == ["ok", "warning"]
    assert [each.state for each in look(tmp_path, ["*.example"], host="B.example")] == ["ok"]
    assert [each.state for each in look(tmp_path, ["*.example"], host="c.b.example")] == ["ok", "warning"]
    assert [each.state for each in look(tmp_path, ["127.0.0.1"], host="127.0.0.1")] == ["ok"]


def test_a_key_of_another_certificate_and_a_chain_in_the_wrong_order(tmp_path: Path) -> None:
    certificate, key = issue(tmp_path, ["a"])
    _, other = issue(tmp_path, ["b"])
    assert "is not the key of" in look_at(Place("l", str(certificate), str(other)))[1].what
    chain = tmp_path / "chain.pem"
    chain.write_bytes(certificate.read_bytes() + make_ca(tmp_path).read_bytes())
    assert [each.state for each in look_at(Place("l", str(chain), str(key)))] == ["ok"]
    chain.write_bytes(certificate.read_bytes() + make_ca(tmp_path / "other").read_bytes())
    assert "is not signed by" in look_at(Place("l", str(chain), str(key)))[1].what
    other.write_text("no key")
    assert "no readable PEM key" in look_at(Place("l", str(certificate), str(other)))[1].what


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("hello")
    assert look_at(Place("l", str(tmp_path / "a")))[0].state == "error"
    assert "No such file" in look_at(Place("l", str(tmp_path / "b")))[0].what


def test_every_file_of_a_configuration_is_a_place() -> None:
    listener = {
        "name": "a",
        "protocol": "api",
        "endpoint": "tcp:1",
        "certificate": "c",
        "key": "k",
        "address": "[::1]:5",
    }
    target = {"name": "t", "protocol": "postgres", "endpoint": "tcp:x:1", "ca": "ca"}
    found = list(places(Settings.model_validate({"listeners": [listener], "targets": [target]})))
    assert found[0] == Place("listener a", "c", "k", "::1")
    assert Place("target t: ca", "ca") in found
