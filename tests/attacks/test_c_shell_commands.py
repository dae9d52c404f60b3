"""C1, C2, C5, C8: command lines that mean something else than they look, through the rules that decide about them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.config import WELL, written
from tests.support.policy import policy
from tests.support.shell import decision, doubts, entries, guards, read
from twisted_hoop.config import load
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.model import Effect

TRICKS = [
    "echo cm0gLXJmIC8K | base64 -d | sh",
    "rm$IFS-rf$IFS/",
    "r''m -rf /",
    "/bin/r? -rf /",
    "sh <<E\nrm -rf /\nE",
    "eval 'rm' -rf /",
    "$(printf 'r%s' m) -rf /",
    "a=r; b=m; $a$b -rf /",
    "$'\\x72m' -rf /",
    "{rm,-rf,/}",
]
WRAPPERS = [
    "env A=b {}",
    "sudo -u root {}",
    "find / -exec {} \\;",
    "echo x | xargs {}",
    "sh -c '{}'",
    "ssh host '{}'",
    "nohup {} &",
    "timeout -s KILL 5 {}",
]


@pytest.mark.parametrize("trick", TRICKS)
def test_C1_a_trick_is_seen_through_or_refused_as_unresolved(trick: str) -> None:
    assert decision(guards(), trick).effect is Effect.DENY


@pytest.mark.parametrize("trick", [trick for trick in TRICKS if doubts(trick)])
def test_C1_what_cannot_be_resolved_is_what_a_rule_says_it_is(trick: str) -> None:
    """Allowed only where a rule names the class; reviewed where it says so."""
    assert decision(policy({"effect": "allow", "classes": [".*"]}), trick).effect is Effect.DENY
    review = {"effect": "review", "classes": ["dynamic", "unknown"], "approvers": ["ops"]}
    reviewed = policy(review, {"effect": "allow", "classes": ["exec"]})
    assert decision(reviewed, trick).effect is Effect.REVIEW


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_C2_the_command_inside_is_judged(wrapper: str) -> None:
    """And the one around it: neither alone is enough to be allowed."""
    inside = wrapper.format("id")
    assert decision(policy({"effect": "deny", "programs": ["id"]}), inside).effect is Effect.DENY
    outer = wrapper.split()[0]
    assert decision(policy({"effect": "allow", "programs": [outer]}), inside).effect is Effect.DENY
    assert any("id" in facts.get("program", ()) for facts in read(inside).facts)


def test_C2_an_option_that_is_not_known_hides_nothing() -> None:
    for wrapper in ("sudo", "env", "nice", "timeout", "stdbuf", "unshare", "docker exec"):
        assert doubts(f"{wrapper} --no-such-option x rm -rf /")


@pytest.mark.parametrize("key", ["programs", "commands", "arguments", "paths", "destinations"])
@pytest.mark.parametrize("pattern", ["(", "[a-", "(?=x)y", "a{99999}", "(a)\\\\1"])
def test_C5_a_pattern_that_does_not_compile_stops_the_configuration(tmp_path: Path, key: str, pattern: str) -> None:
    rule = f"[[rules]]\nname = 'x'\neffect = 'deny'\n{key} = [\"{pattern}\"]\n"
    with pytest.raises(ConfigurationError, match=key):
        load(written(tmp_path, WELL + rule))


@pytest.mark.parametrize("key", ["programs", "commands", "arguments", "paths"])
def test_C8_neither_patterns_nor_command_lines_make_a_decision_slow(key: str) -> None:
    text = "x" + " /" + "a" * 20_000 + "! " + "*" * 100
    rules = policy({"effect": "deny", key: ["(/?a+)+", "(.*a){20}", "([a-zA-Z/]+)*b"]})
    started = time.process_time()
    decision(rules, text)
    assert time.process_time() - started < 2.0  # a bound against exponential time, not a measurement


@pytest.mark.parametrize(
    "text",
    [
        "$(" * 5000,
        "(" * 30000,
        "{a,b}" * 200,
        "{1..99999999}",
        "`\\`" * 3000,
        "a() { a; a; }; " * 500 + "a",
        "for a in 1 2 3; do " * 15 + "x" + "; done" * 15,
        "x=$x$x$x;" * 2000,
        "sh -c " * 3000,
        "sudo " * 10000,
        "if x; then " * 200 + "y" + "; fi" * 200,
        "<<A " * 3000,
        "*" * 60000,
        "\\" * 60000,
        "'" * 60001,
        "a;" * 30000,
        "cat <<E\n" + "$(x)" * 10000 + "\nE\n",
    ],
    ids=range(17),
)
def test_C8_a_hostile_command_line_is_read_in_bounded_time(text: str) -> None:
    started = time.process_time()
    reading = read(text)
    assert time.process_time() - started < 3.0  # seconds for what once could take ages
    assert reading.facts


def test_the_corpus_holds_every_trick_of_the_row() -> None:
    """C1, C2: the words of the rows occur among the entries that are refused."""
    refused = "\n".join(text for expected, _, text in entries() if expected == "refused")
    for word in (
        "base64",
        "$IFS",
        "<<",
        "eval",
        "env ",
        "sudo ",
        "find ",
        "xargs",
        "sh -c",
        "ssh ",
        "nohup",
        "timeout",
    ):
        assert word in refused


@pytest.mark.parametrize(
    "line",
    [
        "less '+!rm -rf /' x",
        "more '+!rm -rf /' x",
        "MANPAGER='rm -rf /' man ls",
        "EXINIT='!rm -rf /' view x",
        "APT_CONFIG=x apt-get update",
        "RIPGREP_CONFIG_PATH=x rg y",
        "env RUSTC_WRAPPER=x rustc y.rs",
    ],
)
def test_C2_pagers_and_settings_that_name_a_program_are_doubted(line: str) -> None:
    """What they run is in a word, or in a file that a variable names (S18)."""
    assert "dynamic" in doubts(line)


@pytest.mark.parametrize(
    "line",
    [
        "r{m..m} -rf /",
        "{rm..rm} -rf /; r{m..m..1} -rf /",
        "rm -r{f..f} /",
        "repeat 1 { rm -rf / }",
        "/bin/r{m..m} -r /",
    ],
)
def test_C1_a_sequence_of_one_and_a_loop_of_zsh_are_seen_through_or_doubted(line: str) -> None:
    """`{m..m}` is an m to bash and zsh."""
    assert decision(guards(), line).effect is Effect.DENY
