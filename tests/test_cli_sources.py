"""Reading through the API: the same dictionaries as from files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from tests.support.recordings import command, recorded
from twisted_hoop.cli.sources import LocalSource, RemoteSource, local_ring, recordings_folder
from twisted_hoop.errors import HoopError, RecordingDamaged, UnknownRecording
from twisted_hoop.recording.wrapping import FILE


def test_both_sources_agree(tmp_path: Path) -> None:
    recorded(tmp_path, command())
    local = LocalSource(tmp_path / "recordings")
    asked: list[str] = []

    def get(path: str) -> Any:
        asked.append(path)
        rows = local.recent(10, "", "")
        return {"sessions": rows} if "?" in path else rows[0]

    def lines(path: str) -> list[str]:
        asked.append(path)
        return [json.dumps(entry) + "\n" for entry in local.entries("session-0001")] + ["\n"]

    remote = RemoteSource(get, lines)
    assert remote.recent(5, "shop", "") == local.recent(5, "shop", "")
    assert remote.summary("session-0001") == local.summary("session-0001")
    assert list(remote.entries("session-0001")) == list(local.entries("session-0001"))
    assert asked == [
        "/v1/sessions?limit=5&target=shop",
        "/v1/sessions/session-0001",
        "/v1/sessions/session-0001/recording",
    ]


def test_ids_are_checked_before_they_become_a_url_r9() -> None:
    """R9."""
    remote = RemoteSource(lambda path: pytest.fail(path), lambda path: pytest.fail(path))
    for name in ("../../etc", "a/b/c/d/e/f", "session-0001/end", "?x=12345678"):
        with pytest.raises(UnknownRecording):
            remote.summary(name)
        with pytest.raises(UnknownRecording):
            list(remote.entries(name))


def test_an_answer_that_is_not_json_is_an_error() -> None:
    with pytest.raises(HoopError, match="not JSON"):
        list(RemoteSource(lambda path: {}, lambda path: ["<html>"]).entries("session-0001"))


def test_a_damaged_recording_is_an_error_after_its_good_entries() -> None:
    sent = [
        '{"n": 0, "kind": "open"}',
        '{"n": 1, "kind": "damaged"}',
        '{"kind": "damaged", "message": "at byte 9"}',
        "[]",
    ]
    entries = RemoteSource(lambda path: {}, lambda path: sent).entries("session-0001")
    assert [next(entries)["n"], next(entries)["n"]] == [0, 1]
    with pytest.raises(RecordingDamaged, match="at byte 9"):
        next(entries)
    with pytest.raises(HoopError, match="no object"):
        list(RemoteSource(lambda path: {}, lambda path: sent[3:]).entries("session-0001"))


def test_a_state_folder_without_recordings(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError):
        recordings_folder(tmp_path)


def test_a_ring_for_a_state_folder_or_its_recordings(tmp_path: Path) -> None:
    """The wrapping key of the state folder, whichever of the two was named, and one that lies elsewhere."""
    recorded(tmp_path)
    for place in (tmp_path, tmp_path / "recordings"):
        assert tmp_path / FILE in local_ring(place, {}).files
    moved = tmp_path / "elsewhere.kek"
    (tmp_path / FILE).rename(moved)
    source = LocalSource(tmp_path / "recordings", local_ring(tmp_path, {"HOOP_WRAPPING_KEY": str(moved)}))
    assert [entry["kind"] for entry in source.entries("session-0001")] == ["open", "close"]
    assert local_ring(tmp_path, {"VAULT_ADDR": "http://127.0.0.1:1"}).transit is not None
