from __future__ import annotations

import pytest

from tests.support.shell import commands, doubts, found, of_program, read
from twisted_hoop.shell.reading import Transfer
from twisted_hoop.shell.understanding import FAULT, HANDLERS, LONGEST, Understanding


def test_one_command() -> None:
    (facts,) = read("cp -r a /srv/b").facts
    assert facts == {
        "class": {"exec"}, "program": {"cp"}, "command": {"cp -r a /srv/b"}, "argument": {"-r", "a", "/srv/b"},
        "path": {"~/a", "/srv/b"}, "path_glob": {"~/a/**", "/srv/b/**"}, "access": {"read", "write"},
        "flag": {"recursive"},
    }  # fmt: skip


def test_every_command_that_would_run_has_facts() -> None:
    assert commands("a; b | c && d || e & f\ng") == {"a", "b", "c", "d", "e", "f", "g"}
    assert commands("if a; then b; elif c; then d; else e; fi") == {"a", "b", "c", "d", "e"}
    assert commands("echo $(a) `b` <(c)") >= {"a", "b", "c"}


def test_the_same_facts_stand_once() -> None:
    assert len(read("a; a; a").facts) == 1


def test_an_assignment_alone_is_an_exec_of_nothing() -> None:
    assert read("x=1").facts == ({"class": frozenset({"exec"})},)
    assert read("x=1 y=$z").assignments == (("x", "1"), ("y", "$z"))


@pytest.mark.parametrize(
    ("text", "transfer"),
    [
        ("scp -t /srv/x", Transfer("scp", "upload", ("/srv/x",))),
        ("scp -r -f x", Transfer("scp", "download", ("~/x",))),
        ("sudo scp -t /srv/x", Transfer("scp", "upload", ("/srv/x",))),
        ("/usr/bin/rsync --server --sender -a . /srv/", Transfer("rsync", "download", ("/srv",))),
        ("rsync --server -a . x", Transfer("rsync", "upload", ("~/x",))),
        ("/usr/lib/openssh/sftp-server", Transfer("sftp-server", "both")),
        ("git-upload-pack '/srv/a.git'", Transfer("git-upload-pack", "download", ("/srv/a.git",))),
        ("git receive-pack a.git", Transfer("git-receive-pack", "upload", ("~/a.git",))),
        ("scp -t /srv/x; id", None),
        ("scp -t /srv/x > /tmp/y", None),
        ("scp -t $x", None),
        ("scp a b:c", None),
        ("echo scp -t x", None),
        ("if a; then scp -t x; fi", None),
    ],
)
def test_a_transfer_is_a_whole_command_line(text: str, transfer: Transfer | None) -> None:
    """S15: one that is part of a line still has the class."""
    assert read(text).transfer == transfer


def test_the_class_of_a_transfer() -> None:
    for text in ("scp -t x", "rsync --server . x", "sftp-server", "git-upload-pack x", "a; git-receive-pack x"):
        assert any({"exec", "transfer"} <= facts["class"] for facts in read(text).facts)


def test_why_is_told() -> None:
    assert "variable x" in read("$x").why and read("ls").why == ""
    assert not doubts("ls") and doubts("$x") == {"dynamic"}


def test_programs_with_a_version_in_their_name() -> None:
    assert doubts("python3.11 -c x") and doubts("perl5.36.0 -e x") and not doubts("python3.11 x.py")
    assert found("ld-linux-x86-64.so.2 /bin/rm -rf /", "program") >= {"rm"}


def test_a_path_in_the_place_of_a_name() -> None:
    assert of_program("/usr/bin/id x", "id")["command"] == {"id x"}
    assert of_program("/opt/x/id x", "id")["command"] == {"id x", "/opt/x/id x"}
    assert of_program("./id", "id")["program"] == {"id", "~/id"}


def test_every_handler_survives_no_words_at_all() -> None:
    understanding = Understanding()
    for name in HANDLERS:
        for text in (name, f"{name} --", f"{name} -", f"{name} x", f"{name} -x", f"{name} --x=y z", f"{name} a b c d"):
            reading = understanding.understand(text.encode())
            assert reading.facts and not reading.why.startswith(FAULT), (text, reading.why)
    assert LONGEST == 65536


def test_a_mistake_of_ours_refuses_and_does_not_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: object, text: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Understanding, "parse", fails)
    reading = Understanding().understand(b"ls")
    assert reading.facts == ({"class": frozenset({"exec", "unknown"})},) and reading.why.startswith(FAULT)
