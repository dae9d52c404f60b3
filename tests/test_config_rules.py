from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import twisted_hoop.policy
from tests.support.config import problems_of
from twisted_hoop.policy.what import CLASSES, FLAGS
from twisted_hoop.sql.kinds import CLASSES as KIND_CLASSES

RULE = "[[rules]]\nname='b'\neffect='deny'\n"
REVIEW = "[[rules]]\nname='b'\neffect='review'\napprovers=['dba']\n"
MASK = "[[masks]]\nname='m'\n"


@pytest.mark.parametrize(
    ("text", "key", "part"),
    [
        (RULE + "tables=['public.a', '(']\n", "rules.1.tables.1", "RE2"),
        (RULE + "groups=['*']\n", "rules.1.groups.0", '".*"'),
        (RULE + "subjects=['']\n", "rules.1.subjects.0", "empty"),
        (RULE + "tables=['public..']\n", "rules.1.tables.0", "plain text"),
        (RULE + "labels={env='('}\n", "rules.1.labels.env.0", "RE2"),
        (RULE + "targets=['shpo']\n", "rules.1.targets.0", '"shop"'),
        (RULE + "targets=['prod-.*']\n", "rules.1.targets.0", "write one of shop"),
        (RULE + "issuers=['crop']\n", "rules.1.issuers.0", '"corp"'),
        (RULE + "classes=['raed']\n", "rules.1.classes.0", '"read"'),
        (RULE + "flags=['no_where']\n", "rules.1.flags.0", '"no-where"'),
        (RULE + "protocols=['postgresql']\n", "rules.1.protocols.0", '"postgres"'),
        (RULE + "hours='09:00-29:00'\n", "rules.1.hours", "hours"),
        (RULE + "hours='nine'\n", "rules.1.hours", "pattern"),
        (RULE + "days=['mon']\ntimezone='Europe/Atlantis'\n", "rules.1.timezone", "IANA"),
        (RULE + "timezone='Europe/Berlin'\n", "rules.1.timezone", "says nothing"),
        (RULE + "days=['monday']\n", "rules.1.days.0", "mon"),
        (RULE + "masks=['m']\n" + MASK + "detect=['card']\n", "rules.1.masks", "admits nothing"),
        (RULE.replace("deny", "allow") + "masks=['x']\n" + MASK + "detect=['card']\n", "rules.1.masks.0", "no mask"),
        (RULE + "approvers=['dba']\n", "rules.1.approvers", "review"),
        (RULE + "wait='5m'\n", "rules.1.wait", "review"),
        (RULE + "uses=2\n", "rules.1.uses", "review"),
        (REVIEW.replace("approvers=['dba']", "approvals=1"), "rules.1.approvers", "missing"),
        (REVIEW + "valid='0s'\n", "rules.1.valid", "longer"),
        (REVIEW + "approvals=0\n", "rules.1.approvals", "1"),
        (MASK, "masks.0", "hides nothing"),
        (MASK + "detect=['cart']\n", "masks.0.detect.0", '"card"'),
        (MASK + "patterns=['(']\n", "masks.0.patterns.0", "RE2"),
        (MASK + "columns=['(']\n", "masks.0.columns.0", "RE2"),
        (MASK + "detect=['card']\ntargets=['shpo']\n", "masks.0.targets.0", '"shop"'),
        (MASK + "detect=['card']\naction='deny'\n", "masks.0.action", "request"),
        (MASK + "detect=['card']\ndirection='request'\naction='review'\n", "masks.0.approvers", "missing"),
        (MASK + "detect=['card']\napprovers=['dba']\n", "masks.0.approvers", "review"),
        (MASK + "detect=['card']\ndirection='request'\nsentinels='restore'\n", "masks.0.sentinels", "response"),
    ],
)
def test_what_is_wrong_is_told_with_its_key(text: str, key: str, part: str) -> None:
    found = problems_of(text)
    assert len(found) == 1, found
    assert found[0].split(": ")[1] == key and part in found[0]


def test_having_none_is_for_allow_rules_only() -> None:
    assert problems_of(RULE.replace("deny", "allow") + "tables=['', 'public.a']\nfunctions=['']\n") == []
    for key in ("tables", "subjects"):
        assert "empty pattern" in problems_of(RULE + f"{key}=['']\n")[0]


def test_rules_and_masks_that_are_well() -> None:
    more = (
        RULE + "targets=['sh.*']\nclasses=['(ddl|write)', 'unknown']\nissuers=['hoop', 'https://id.*']\nflags=['.*']\n"
    )
    assert problems_of(more + MASK + r"patterns=['\bCUST-\d+']" + "\ntargets=['s.+']\n") == []


def test_every_class_and_flag_that_statements_have_is_known() -> None:
    """Else a rule about it could not be written."""
    source = "".join(p.read_text() for p in Path(twisted_hoop.policy.__path__[0]).glob("sql*.py"))
    assert {*re.findall(r'flag\("([a-z-]+)"\)', source)} <= FLAGS
    assert {name for names in KIND_CLASSES.values() for name in names} <= CLASSES
    assert set(re.findall(r'add\("class", "([a-z-]+)"\)', source)) <= CLASSES


@pytest.mark.parametrize(
    ("key", "never", "well"),
    [
        ("programs", ["rm -rf", "a\tb"], ["rm", "/opt/x/rm", "~/rm", "[a-z ]+"]),
        (
            "paths",
            [
                "etc/x",
                "/etc/",
                "/a//b",
                "/a/../b",
                "./x",
                "x",
            ],
            ["/", "~", "/etc", "~/x", "/etc/.*", "[a-z]+", "~bob/x"],
        ),
        ("destinations", ["db", "5432"], ["db:5432", "unix:/run/x", ".*"]),
        ("resources", ["Pods", "pod", "deploy", "secret"], ["pods", "pods/exec", "deployments.apps", "(po)?ds", ".*"]),
        ("api_groups", ["apps/v1", "v1"], ["core", "apps", r".*\.k8s\.io"]),
    ],
)
def test_patterns_on_shell_commands_that_are_never_met(key: str, never: list[str], well: list[str]) -> None:
    """C5: a slip of the pen must not leave a door open."""
    for pattern in never:
        told = problems_of(RULE + f"{key}=[{json.dumps(pattern)}]\n")
        assert any("never met" in one or "dots are dots" in one for one in told)
    for pattern in well:
        assert problems_of(RULE + f"{key}=[{json.dumps(pattern)}]\n") == []
    assert problems_of(RULE.replace("deny", "allow") + "paths=['']\narguments=['']\n") == []


def test_C5_verbs_and_flags_are_of_a_list() -> None:
    """C5: `exec` is a class, not a verb."""
    assert any("there is no 'exec'" in one for one in problems_of(RULE + 'verbs=["exec"]\n'))
    assert problems_of(RULE + 'verbs=["get", "connect", "(delete|patch)"]\nflags=["dry-run"]\n') == []
    permits = RULE.replace("deny", "allow")
    assert problems_of(permits + "namespaces=['shop', '']\nnames=['']\nclasses=['proxy', 'escape']\n") == []
    assert problems_of(RULE + "namespaces=['']\n"), "to forbid what has none, leave it out"
