"""Folders, space, descriptors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from twisted_hoop.doctor.ground import (
    folders,
    look_at_descriptors,
    look_at_files,
    look_at_folder,
    look_at_room,
)
from twisted_hoop.settings import Settings


@dataclass(frozen=True)
class FakeRoom:
    f_bavail: int
    f_favail: int = 1_000_000
    f_frsize: int = 1 << 20
    f_files: int = 1_000_000


def test_a_folder_that_is_ours_and_one_that_is_made_later(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "recording.pub").touch(0o644)
    assert [each.state for each in look_at_folder("state", tmp_path)] == ["ok"]
    assert "is made at the first start" in look_at_folder("state", tmp_path / "a" / "b")[0].what


def test_r11_modes_that_let_others_in_are_errors_with_the_command_that_helps(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    (tmp_path / "masking.key").touch(0o644)
    (tmp_path / "masking.key").chmod(0o644)
    found = look_at_folder("state", tmp_path)
    assert [each.state for each in found] == ["error", "error"]
    assert [each.todo for each in found] == [f"chmod 700 {tmp_path}", f"chmod 600 {tmp_path}/masking.key"]


def test_a_folder_of_somebody_else(tmp_path: Path) -> None:
    found = look_at_folder("state", Path("/proc/1"))
    assert found and found[0].state in ("warning", "error")


def test_a_disk_that_fills_up_and_inodes_that_run_out(tmp_path: Path) -> None:
    full = look_at_room("state", tmp_path, 256, lambda _: FakeRoom(100))
    close = look_at_room("state", tmp_path, 256, lambda _: FakeRoom(1000))
    inodes = look_at_room("state", tmp_path / "later", 256, lambda _: FakeRoom(9000, 12))
    uncounted = look_at_room("state", tmp_path, 256, lambda _: FakeRoom(9000, 0, 1 << 20, 0))
    assert [each.state for each in (*full, *close)] == ["error", "warning"]
    assert [each.state for each in inodes] == ["ok", "warning"] and "12 inodes" in inodes[1].what
    assert [each.state for each in uncounted] == ["ok"]
    assert look_at_room("state", tmp_path, 0)[0].state == "ok"


def test_files_of_the_configuration_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("x")
    (tmp_path / "s").chmod(0o644)
    target = {"name": "t", "protocol": "postgres", "endpoint": "tcp:x:1", "secret": f"file:{tmp_path}/s", "ca": "/no"}
    given = {"gateway": {"state": str(tmp_path / "state")}}
    settings = Settings.model_validate({**given, "targets": [target]})
    missing, exposed = look_at_files(settings, tmp_path / "hoop.toml")
    assert missing.name == "targets.0.ca" and missing.state == "error"
    assert exposed.todo == f"chmod 600 {tmp_path}/s"
    assert look_at_files(Settings.model_validate(given), tmp_path / "hoop.toml")[0].state == "ok"


def test_descriptors() -> None:
    settings = Settings()
    assert [look_at_descriptors(settings, soft)[0].state for soft in (100, 1024, 100_000, -1)] == [
        "error",
        "warning",
        "ok",
        "ok",
    ]
    assert "LimitNOFILE=3000" in look_at_descriptors(settings, 1024)[0].todo
    assert look_at_descriptors(settings)


def test_where_recordings_are() -> None:
    settings = Settings.model_validate({"gateway": {"state": "/s"}, "recording": {"folder": "/r"}})
    assert folders(settings) == {"state": Path("/s"), "recordings": Path("/r")}
