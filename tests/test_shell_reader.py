"""The door: the cache, problems, and what any text may be."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.shell import HARD, entries, read
from twisted_hoop.policy.what import CLASSES, FLAGS
from twisted_hoop.shell.reader import ShellReader
from twisted_hoop.shell.reading import Reading
from twisted_hoop.shell.understanding import FAULT

ATTRIBUTES = {
    "class", "program", "command", "command_glob", "argument", "argument_glob", "path", "path_glob", "access", "flag",
}  # fmt: skip


def test_the_same_text_is_read_once() -> None:
    reader = ShellReader()
    assert reader.read(b"ls -l") is reader.read(b"ls -l")
    assert reader.read(b"ls -l") is not reader.read(b"ls  -l")


def test_the_cache_is_bounded_in_texts_and_bytes() -> None:
    reader = ShellReader(cache_size=8, cache_bytes=4000)
    for number in range(100):
        reader.read(b"echo %d" % number)
    assert len(reader._young) + len(reader._old) <= 8
    for number in range(40):
        reader.read(b"echo %d " % number + b"x" * 60)
    assert sum(map(len, (*reader._young, *reader._old))) <= 4000


def test_a_reading_much_larger_than_its_text_is_not_kept() -> None:
    reader = ShellReader()
    text = (
        b"for a in 1 2 3 4 5 6 7; do for b in 1 2 3 4 5 6 7; do for c in 1 2 3 4 5 6 7; do x $a $b $c; done; done; done"
    )
    assert len(reader.read(text).facts) > 200
    assert text not in reader._young


def test_what_is_asked_for_often_stays() -> None:
    reader = ShellReader(cache_size=8)
    kept = reader.read(b"echo kept")
    for number in range(1, 50):
        reader.read(b"echo %d" % number)
        assert reader.read(b"echo kept") is kept


def test_what_it_costs() -> None:
    """A hit is a look-up; a miss some hundred microseconds: here only a bound against a slip of the pen."""
    reader = ShellReader()
    texts = [text.encode() for _, _, text in entries()]
    started = time.process_time()
    for text in texts:
        reader.read(text)
    assert (time.process_time() - started) / len(texts) < 0.01
    started = time.process_time()
    for _ in range(10_000):
        reader.read(texts[0])
    assert time.process_time() - started < 0.2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "unknown"),
        (b"# only words", "unknown"),
        (b"ls )", "unknown"),
        (b"ls \0", "unknown"),
        (b"a" * 65_537, "oversize"),
        (b"( " * 1000, "oversize"),
    ],
)
def test_problems(text: bytes, problem: str) -> None:
    reading = ShellReader().read(text)
    assert reading.facts == ({"class": frozenset({"exec", problem})},)
    assert reading.why and reading.text == text and reading.transfer is None


def test_bytes_that_are_not_utf8_are_judged_as_they_are() -> None:
    """S19: nothing is lost, nothing raises."""
    (facts,) = ShellReader().read(b"cat /tmp/\xff\xfe 'gr\xc3\xbcn'").facts
    assert facts["path"] == {"/tmp/\udcff\udcfe", "~/grün"}
    assert facts["class"] == {"exec"}


def sound(reading: Reading) -> None:
    assert reading.facts and not reading.why.startswith(FAULT), reading.why
    for facts in reading.facts:
        assert "exec" in facts["class"] and facts["class"] <= CLASSES
        assert facts.get("flag", frozenset()) <= FLAGS
        assert set(facts) <= ATTRIBUTES and all(facts.values())
    doubtful = any(HARD & facts["class"] for facts in reading.facts)
    assert bool(reading.why) == doubtful


_word = st.sampled_from(
    [
        "rm", "-rf", "/", "$x", "x=1", "sudo", "env", "-u", "sh", "-c", "'a b'", '"$(', ")", "(", "{", "}", ";", "|",
        "&&", "&", "\n", "if", "then", "fi", "for", "in", "do", "done", "<<E", "E", ">", "<", "`", "*", "~", "find",
        "-exec", "{}", "\\;", "eval", "cd", "exit", "f()", "f", "break", "set", "--", "export", "read", "[", "]",
        "[[", "]]", "trap", "EXIT", "$((", "))", "ssh", "xargs", "docker", "exec", "git", "-", "awk", "sed", "s/a/b/",
        "{a,b}", "é", "\0", "$'\\x41'", "case", "esac",
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_word, max_size=16).map(" ".join) | st.lists(_word, max_size=10).map("".join))
def test_any_words_are_read(text: str) -> None:
    sound(read(text))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_read(text: bytes) -> None:
    sound(read(text))
