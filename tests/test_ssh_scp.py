"""The judge of scp: by hand, cut anywhere, and between the real client and the real server."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.streams import SIZES, cut
from tests.support.transfers import ROOT, Passing, Setup, gate, scp_script
from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh.scp import HELD, ScpJudge


def judged(command: bytes, denied: tuple[str, ...] = (), waiting: str = "", content: tuple[str, ...] = ()) -> Passing:
    judge = ScpJudge.of(command, 1, 1)
    assert judge is not None
    return Passing(judge, gate(denied, content), waiting)


def taken(passing: Passing) -> tuple[bytes, bytes]:
    """What has come out towards the client and the target since the last look."""
    found = bytes(passing.to_client), bytes(passing.to_target)
    passing.to_client.clear()
    passing.to_target.clear()
    return found


def test_an_upload_line_by_line() -> None:
    passing = judged(b"scp -t /srv/f")
    passing.target(b"\0")
    assert taken(passing) == (b"\0", b"")
    passing.client(b"C0644 5 f\n")
    assert taken(passing) == (b"", b"C0644 5 f\n")
    assert passing.asked[0].text == "write /srv/f or /srv/f/f (5 bytes, mode 0644)"
    assert [facts["path"] for facts in passing.asked[0].facts] == [{"/srv/f"}, {"/srv/f/f"}]
    assert passing.asked[0].facts[0]["class"] == {"file-write"} and passing.asked[0].facts[0]["access"] == {"write"}
    passing.target(b"\0")
    passing.client(b"hello\0")
    passing.target(b"\0")
    assert taken(passing) == (b"\0\0", b"hello\0")
    assert passing.outcomes()[0]["written"] == {"bytes": 5, "sha256": hashlib.sha256(b"hello").hexdigest()}


def test_a_refused_upload_never_reaches_the_target() -> None:
    passing = judged(b"scp -r -d -t /srv", denied=("secret",))
    passing.target(b"\0")
    passing.client(b"C0600 3 secret\n")
    told, sent = taken(passing)
    assert (
        told == b"\0\1hoop: refused by rule no-such-files: not these - Ask an operator which rule should allow this.\n"
    )
    assert sent == b""
    passing.client(b"C0600 3 fine\n")
    assert taken(passing) == (b"", b"C0600 3 fine\n")
    assert [entry.kind for entry in passing.entries] == ["refused", "command"]


def test_times_are_sent_with_their_file_and_not_with_another() -> None:
    passing = judged(b"scp -p -d -t /srv", denied=("secret",))
    passing.target(b"\0")
    passing.client(b"T1 0 2 0\n")
    assert taken(passing) == (b"\0\0", b"")
    passing.client(b"C0600 3 secret\n")
    passing.client(b"T3 0 4 0\n")
    passing.client(b"C0600 3 fine\n")
    taken(passing)
    passing = judged(b"scp -p -d -t /srv")
    passing.target(b"\0")
    passing.client(b"T1 0 2 0\nC0600 0 f\n")
    assert taken(passing) == (b"\0\0", b"T1 0 2 0\n")
    passing.target(b"\0")
    assert taken(passing) == (b"", b"C0600 0 f\n")
    passing.target(b"\0")
    passing.client(b"\0")
    assert taken(passing) == (b"\0", b"\0")


def test_a_download_line_by_line() -> None:
    passing = judged(b"scp -f /etc/hosts")
    passing.client(b"\0")
    passing.target(b"C0644 5 hosts\n")
    assert taken(passing) == (b"C0644 5 hosts\n", b"\0")
    assert passing.asked[0].text == "read /etc/hosts (5 bytes, mode 0644)"
    passing.client(b"\0")
    passing.target(b"hello\0")
    passing.client(b"\0")
    assert taken(passing) == (b"hello\0", b"\0\0")
    assert passing.outcomes()[0]["read"] == {"bytes": 5, "sha256": hashlib.sha256(b"hello").hexdigest()}


def test_a_refused_download_never_reaches_the_client() -> None:
    passing = judged(b"scp -f /etc/shadow", denied=("shadow",))
    passing.client(b"\0")
    passing.target(b"C0600 5 shadow\n")
    told, answered = taken(passing)
    assert told.startswith(b"\1hoop: refused") and answered.startswith(b"\0\1hoop: refused")


@pytest.mark.parametrize("command", [b"scp -t /srv/f", b"scp -f /srv/f"])
def test_what_stands_behind_a_question_waits(command: bytes) -> None:
    """S14's idea: no byte of a file before it is let through."""
    passing = judged(command, waiting="srv")
    upload = b"-t" in command
    give, take = (passing.client, passing.target) if upload else (passing.target, passing.client)
    take(b"\0")
    taken(passing)
    give(b"C0644 5 f\n" + b"hello\0")
    assert taken(passing) == (b"", b"")
    assert passing.judge.held_back() == (6 if upload else 0)
    passing.answer()
    assert taken(passing) == ((b"", b"C0644 5 f\n") if upload else (b"C0644 5 f\n", b""))
    take(b"\0")
    assert taken(passing) == ((b"\0", b"hello\0") if upload else (b"hello\0", b"\0"))


def test_content_is_recorded_when_the_decision_says_so() -> None:
    passing = judged(b"scp -t /srv/f", content=("write",))
    passing.target(b"\0")
    passing.client(b"C0644 5 f\n")
    passing.target(b"\0")
    passing.client(b"hello\0")
    assert [entry.data["text"] for entry in passing.entries if entry.kind == "input"] == ["hello"]


def test_errors_of_the_target_pass() -> None:
    passing = judged(b"scp -t /srv/f")
    passing.target(b"\0")
    passing.client(b"C0644 5 f\n")
    passing.target(b"\1scp: /srv/f: Permission denied\n")
    assert taken(passing)[0] == b"\0\1scp: /srv/f: Permission denied\n"
    assert passing.outcomes()[0]["status"] == "scp: /srv/f: Permission denied"
    passing.client(b"C0644 0 g\n")
    assert taken(passing)[1] == b"C0644 0 g\n", "the next file is judged as if nothing had been"


def test_a_file_that_could_not_be_given_is_told_without_an_answer() -> None:
    passing = judged(b"scp -f /srv/*")
    passing.client(b"\0")
    passing.target(b"\1scp: /srv/x: No such file\nC0644 1 y\n")
    assert taken(passing)[0] == b"\1scp: /srv/x: No such file\nC0644 1 y\n"


@pytest.mark.parametrize("line", [b"C0644 5 ..\n", b"D0755 0 ..\n", b"C0644 5 .\n"])
def test_names_that_lead_elsewhere_s22(line: bytes) -> None:
    """S22: answered with an error, never asked for."""
    passing = judged(b"scp -r -d -t /srv")
    passing.target(b"\0")
    passing.client(line)
    assert not passing.asked and taken(passing)[0].startswith(b"\0\1hoop: refused")


@pytest.mark.parametrize(
    "line", [b"C0644 5 a/b\n", b"E\n", b"C0644 -5 a\n", b"X\n", b"C0644 %b a\n" % (b"9" * 20), b"\n"]
)
def test_lines_that_are_no_lines(line: bytes) -> None:
    passing = judged(b"scp -r -d -t /srv")
    passing.target(b"\0")
    with pytest.raises(ProtocolError):
        passing.client(line)


def test_what_is_kept_has_an_end() -> None:
    passing = judged(b"scp -f /srv/f", waiting="srv")
    passing.client(b"\0")
    passing.target(b"C0644 5 f\n")
    with pytest.raises(ProtocolError):
        for _ in range(100):
            passing.target(b"x" * (HELD // 50))
    with pytest.raises(ProtocolError):
        judged(b"scp -t /srv/f").target(b"x" * 10_000)


def test_the_end_of_a_transfer_that_was_cut_off() -> None:
    passing = judged(b"scp -t /srv/f")
    passing.target(b"\0")
    passing.client(b"C0644 5 f\n")
    passing.target(b"\0")
    passing.client(b"he")
    passing.target(b"\1last words")
    taken(passing)
    passing.finish()
    assert taken(passing)[0] == b"\1last words"
    assert passing.outcomes()[0]["status"] == "not finished"


TURNS = (b"D0755 0 d\n", b"T1 0 2 0\n", b"C0644 5 f\n", b"hello\0", b"C0600 0 e\n", b"\0", b"E\n")
"""What a client sends, each after the answer to the one before."""


@given(SIZES)
def test_lines_are_cut_anywhere(sizes: list[int]) -> None:
    """However the bytes arrive, the same is sent and asked, and every turn of the client is answered once."""
    passing = judged(b"scp -r -d -t /srv")
    passing.target(b"\0")
    sent = b""
    for turn, said in enumerate(TURNS):
        for piece in cut(said, sizes):
            passing.client(piece)
        while bytes(passing.to_client).count(b"\0") < turn + 2:
            passing.target(b"\0")
        sent += said
    assert bytes(passing.to_target) == sent
    assert bytes(passing.to_client) == b"\0" * 8
    assert [command.text.split(" (")[0] for command in passing.asked] == [
        "write /srv/d", "write /srv/d/f", "write /srv/d/e",
    ]  # fmt: skip


ANY = st.lists(st.tuples(st.booleans(), st.binary(max_size=30)), max_size=10)


@given(st.sampled_from([b"scp -t /srv/f", b"scp -f /srv/f"]), ANY)
def test_any_bytes_are_taken_or_refused(command: bytes, pieces: list[tuple[bool, bytes]]) -> None:
    passing = judged(command)
    try:
        for client, piece in pieces:
            (passing.client if client else passing.target)(piece)
        passing.finish()
    except ProtocolError as error:
        assert error.side in ("client", "target")


def scp(folder: Path, setup: Setup, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = scp_script(folder, setup.write(folder / "setup.json"))
    return subprocess.run(
        ["scp", "-S", str(script), *arguments], capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
    )


def test_the_real_client_and_the_real_server(tmp_path: Path) -> None:
    """OpenSSH's scp on both ends in its old protocol: trees, times, refusals, content by digest."""
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "tree/x").mkdir(parents=True)
    there.mkdir()
    content = os.urandom(200_000)
    (here / "tree/x/one").write_bytes(content)
    (here / "tree/secret").write_text("s")
    (here / "tree/empty").write_text("")
    os.utime(here / "tree/x/one", (1, 2))
    setup = Setup(tmp_path / "report", denied=("secret",))
    up = scp(tmp_path, setup, "-O", "-r", "-p", f"{here}/tree", f"host:{there}")
    assert up.returncode == 1 and "hoop: refused by rule no-such-files" in up.stderr
    assert (there / "tree/x/one").read_bytes() == content and (there / "tree/x/one").stat().st_mtime == 2
    assert sorted(path.name for path in (there / "tree").iterdir()) == ["empty", "x"]
    (there / "tree/secret").write_text("t")
    down = scp(tmp_path, setup, "-O", "-r", f"host:{there}/tree", f"{here}/back")
    assert "hoop: refused by rule no-such-files" in down.stderr
    assert (here / "back/x/one").read_bytes() == content and not (here / "back/secret").exists()
    digest = hashlib.sha256(content).hexdigest()
    found = setup.entries()
    assert {"bytes": 200_000, "sha256": digest} in [entry.get("written") for entry in found]
    assert {"bytes": 200_000, "sha256": digest} in [entry.get("read") for entry in found]
    assert [entry["kind"] for entry in found].count("refused") == 2


def test_scp_over_sftp_gets_the_same_check(tmp_path: Path) -> None:
    """S15: today's scp speaks sftp; the same names are refused."""
    (tmp_path / "secret").write_text("s")
    (tmp_path / "fine").write_text("f")
    setup = Setup(tmp_path / "report", denied=("open .*secret",))
    assert scp(tmp_path, setup, "-s", str(tmp_path / "fine"), f"host:{tmp_path}/copy").returncode == 0
    assert (tmp_path / "copy").read_text() == "f"
    assert scp(tmp_path, setup, "-s", str(tmp_path / "fine"), f"host:{tmp_path}/secret2").returncode != 0
    assert not (tmp_path / "secret2").exists()
