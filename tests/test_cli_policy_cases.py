"""`hoop policy test`: cases held against the rules of a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.config import WELL
from twisted_hoop.cli.main import cli

READS = """
[[cases]]
name = "reading"
target = "shop"
groups = ["dba"]
command = "SELECT 1 FROM orders"
expect = "allow"
rule = "read"
"""


def run(folder: Path, cases: str, *options: str) -> tuple[int, str]:
    (folder / "hoop.toml").write_text(WELL)
    (folder / "cases.toml").write_text(cases)
    arguments = ["policy", "test", str(folder / "hoop.toml"), str(folder / "cases.toml"), *options]
    done = CliRunner().invoke(cli, arguments)
    return done.exit_code, done.output


def test_cases_that_hold(tmp_path: Path) -> None:
    more = READS.replace("SELECT 1 FROM", "DROP TABLE").replace('"allow"\nrule = "read"', '"deny"')
    code, said = run(tmp_path, READS + more)
    assert (code, said) == (0, "2 of 2 cases are as expected\n")


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (('"allow"', '"deny"'), "effect: wanted deny, got allow"),
        (('rule = "read"', 'rule = "reads"'), "rule: wanted reads, got read"),
        (('rule = "read"', 'masks = ["cards"]'), "masks: wanted ['cards'], got []"),
        (('groups = ["dba"]', ""), "effect: wanted allow, got deny"),
    ],
)
def test_a_case_that_does_not_hold_is_shown(tmp_path: Path, change: tuple[str, str], part: str) -> None:
    code, said = run(tmp_path, READS.replace(*change))
    assert code == 1 and "not as expected: reading" in said and part in said


def test_json(tmp_path: Path) -> None:
    code, said = run(tmp_path, READS.replace('"allow"', '"review"'), "--json")
    answer = json.loads(said)
    assert code == 1 and answer["ok"] is False
    assert answer["cases"][0]["differs"] == ["effect"] and answer["cases"][0]["got"]["effect"] == "allow"


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (("expect", "expects"), "cases.0.expects"),
        (('"allow"', '"maybe"'), "cases.0.expect"),
        (('"shop"', '"shops"'), "no target shops"),
        (("[[cases]]", "[cases]"), "cases"),
        (("name =", "name"), "cases.toml"),
    ],
)
def test_a_file_with_problems_is_usage(tmp_path: Path, change: tuple[str, str], part: str) -> None:
    """R12: a misspelt key is no case that holds."""
    code, said = run(tmp_path, READS.replace(*change, 1))
    assert code == 2 and part in said
