"""Real shells as the judges of ours: whatever ran was among the facts, or the script was doubted (C1)."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.support.shell import commands, doubts, found
from tests.support.shell_scripts import Place, fragments, scripts
from tests.support.shell_scripts import commands as single_commands

_TOKEN = re.compile(r"\*\*|\*|\?|\\(.)|([^*?\\]+)", re.S)
_MEANING = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
SHELLS = [path for name in ("bash", "dash", "zsh") if (path := shutil.which(name))]
CHECKS = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("place"))


def expected(script: str, call: list[str], home: Path) -> bool:
    """Whether a call is one that the facts tell of."""
    line = " ".join(call)
    lines = {line, line.replace(str(home), "~")}
    if lines & commands(script):
        return True
    globs = [re.compile(_as_regexp(glob), re.S) for glob in found(script, "command_glob")]
    return any(glob.fullmatch(line) for glob in globs for line in lines)


def _as_regexp(glob: str) -> str:
    return "".join(_MEANING.get(m[0]) or re.escape(m[1] or m[2] or "") for m in _TOKEN.finditer(glob))


def check(place: Place, script: str) -> None:
    if doubts(script):
        return
    for shell in SHELLS:
        for call in place.run(shell, script):
            assert expected(script, call, place.home), (shell, call, commands(script))


@settings(max_examples=25, deadline=None, suppress_health_check=CHECKS)
@given(scripts)
def test_what_a_script_runs_is_known_or_doubted(place: Place, script: str) -> None:
    check(place, script)


@settings(max_examples=25, deadline=None, suppress_health_check=CHECKS)
@given(single_commands)
def test_what_a_command_runs_is_known_or_doubted(place: Place, script: str) -> None:
    check(place, script)


@settings(max_examples=150, deadline=None, suppress_health_check=CHECKS)
@given(fragments)
def test_what_nobody_would_write_is_known_or_doubted(place: Place, script: str) -> None:
    check(place, "x=ls; " + script)


def test_the_judges_see_what_runs(place: Place) -> None:
    for shell in SHELLS:
        assert sorted(place.run(shell, "aa 1; (bb 'x y') | ls; x=rm; $x -r")) == [
            ["aa", "1"], ["bb", "x y"], ["ls"], ["rm", "-r"]
        ]  # fmt: skip
    assert len(SHELLS) >= 1


def test_a_fault_of_ours_would_be_noticed(place: Place) -> None:
    calls = place.run(SHELLS[0], "aa x; bb")
    assert all(expected("aa x; bb", call, place.home) for call in calls)
    assert not all(expected("aa x", call, place.home) for call in calls)
