"""Command lines in few words: what they were read as, and the corpus of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from tests.support.policy import policy, session
from twisted_hoop.model import Command, Decision, Facts
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.shell.reader import ShellReader
from twisted_hoop.shell.reading import Reading

CORPUS = Path(__file__).parent.parent / "corpus/shell_bypass.txt"
HARD = frozenset({"dynamic", "unknown", "oversize"})


@lru_cache
def _reader() -> ShellReader:
    return ShellReader()


def read(text: str | bytes) -> Reading:
    """What a command line does."""
    return _reader().read(text.encode() if isinstance(text, str) else text)


def doubts(text: str | bytes) -> frozenset[str]:
    """Which of dynamic, unknown and oversize it is."""
    return HARD & frozenset().union(*(facts["class"] for facts in read(text).facts))


def found(text: str | bytes, attribute: str) -> set[str]:
    """All values of an attribute, of all its commands."""
    return set().union(*(facts.get(attribute, ()) for facts in read(text).facts))


def commands(text: str | bytes) -> set[str]:
    """The simple commands it runs."""
    return found(text, "command")


def of_program(text: str | bytes, program: str) -> Facts:
    """The facts of the one command that runs the program."""
    (facts,) = (facts for facts in read(text).facts if program in facts.get("program", ()))
    return facts


def guards() -> RulePolicy:
    """The rules the corpus is held against: a few denials, then class exec."""
    return policy(
        {"effect": "deny", "name": "no-rm", "programs": ["rm"], "flags": ["recursive"]},
        {
            "effect": "deny",
            "name": "no-removal",
            "flags": ["remove"],
            "programs": ["unlink", "shred", "rmdir", "find", "git", "rsync"],
        },
        {"effect": "deny", "name": "no-shadow", "paths": ["/etc/shadow", "/etc/shadow-"]},
        {"effect": "deny", "name": "no-passwd", "paths": ["/etc/passwd"], "access": ["write"]},
        {"effect": "deny", "name": "no-pipe-to-shell", "flags": ["pipe-to-shell"]},
        {"effect": "allow", "name": "exec", "classes": ["exec", "transfer"]},
    )


def decision(rules: RulePolicy, text: str | bytes) -> Decision:
    """What rules say to a command line."""
    reading = read(text)
    return rules.decide(session(), Command("exec", reading.text.decode("utf-8", "replace"), reading.facts))


def entries() -> Iterator[tuple[str, str, str]]:
    """(expected, section, command line) of the corpus."""
    expected = section = ""
    for line in CORPUS.read_text().splitlines():
        if line.startswith("== "):
            expected, _, section = line[3:].partition(": ")
        elif expected and line:
            yield expected, section, line.replace("⏎", "\n").replace("⇥", "\t").replace("␠", " ")
