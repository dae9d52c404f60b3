from __future__ import annotations

import re

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from tests.support.policy import policy, session
from twisted_hoop.model import Command, Effect
from twisted_hoop.policy.globs import GlobCovered, GlobMeets, probes_of
from twisted_hoop.policy.patterns import Patterns


@pytest.mark.parametrize(
    ("pattern", "glob", "met"),
    [
        ("/etc/shadow", "/etc/*", True),
        ("/etc/shadow", "/etc/s*w", True),
        ("/etc/shadow", "/etc/?hadow", True),
        ("/etc/shadow", "/*", False),  # `*` does not cross a slash
        ("/etc/shadow", "/**", True),
        ("/etc/shadow", "/var/*", False),
        ("/etc/shadow", "/etc/\\*", False),  # quoted: the file whose name is a star
        ("/etc/.*", "/e*/x", True),
        ("/etc/.*", "/var/**", False),
        (r".*\.pem", "~/*.log", False),
        (r".*\.pem", "~/*", True),
        (r".*\.pem", "~/*.p?m", True),
        (r"rm -rf /\d", "rm -rf /**", True),
        (r".*\\\d", "**9", True),
        ("(?i)/ETC/.*", "/etc/*", True),
        ("a|b", "**", True),
    ],
)
def test_what_a_glob_may_mean_is_met(pattern: str, glob: str, met: bool) -> None:
    """C1: to forbid, one expansion that may be met is enough."""
    assert GlobMeets([pattern]).matches(glob) is met


def test_a_permission_covers_every_probe() -> None:
    covered = GlobCovered(Patterns([r"/var/log/.*", "[a-z]+"]))
    assert covered.matches("/var/log/*") and covered.matches("/var/log/**")
    assert not covered.matches("/var/*") and not covered.matches("*")
    assert not GlobCovered(Patterns([r"/var/log/[a-z*]+"])).matches("/var/log/*")


def test_probes_differ_and_keep_what_is_literal() -> None:
    assert len(set(probes_of("/a/*"))) == 3
    assert set(probes_of("/a/\\*")) == {"/a/*"}


_texts = st.text("ab/.*-", max_size=6)
_patterns = st.sampled_from(["a", "a/b", "a.*", ".*b", "(a|b)+", "[ab]/.*", r"a\.b", ".*a.*", "/?a?", "b{2}", r"\w+-b"])


@given(_texts, _texts, _texts, _patterns)
def test_no_expansion_that_a_pattern_matches_is_missed(head: str, middle: str, tail: str, pattern: str) -> None:
    """C1: the glob `head*tail` may mean `head` + anything without a slash + `tail`."""
    literal = re.compile(r"[\\*?]")
    glob = literal.sub(r"\\\g<0>", head) + "*" + literal.sub(r"\\\g<0>", tail)
    expansion = head + middle.replace("/", "") + tail
    if re2.fullmatch(pattern, expansion):
        assert GlobMeets([pattern]).matches(glob)


@given(st.text("ab*?/", max_size=8), st.text("ab/", max_size=8))
def test_plain_patterns_are_exact(glob: str, plain: str) -> None:
    crossing = glob.replace("**", "\0").replace("*", "[^/]*").replace("?", "[^/]").replace("\0", ".*")
    if plain:
        assert GlobMeets([plain]).matches(glob) is (re.fullmatch(crossing, plain) is not None)


@given(st.text(), st.text(max_size=30))
def test_any_text_has_an_answer(glob: str, other: str) -> None:
    assert GlobMeets([".*", "plain"]).matches(glob) in (True, False)
    assert GlobCovered(Patterns([".*"])).matches(other) in (True, False)


def test_rules_see_globs_of_paths_arguments_and_commands() -> None:
    facts = {
        "class": frozenset({"exec"}), "program": frozenset({"rm"}), "path": frozenset({"/etc/*"}),
        "path_glob": frozenset({"/etc/*"}), "argument": frozenset({"/etc/*"}), "argument_glob": frozenset({"/etc/*"}),
        "command": frozenset({"rm /etc/*"}), "command_glob": frozenset({"rm /etc/**"}),
    }  # fmt: skip
    for key, pattern in (("paths", "/etc/shadow"), ("arguments", "/etc/passwd"), ("commands", "rm /etc/a /etc/b")):
        rules = policy({"effect": "deny", key: [pattern]}, {"effect": "allow"})
        assert rules.decide(session(), Command("exec", "", (facts,))).effect is Effect.DENY, key
    narrow = policy({"effect": "allow", "paths": [r"/etc/[a-z*]+"]})
    assert narrow.decide(session(), Command("exec", "", (facts,))).effect is Effect.DENY
