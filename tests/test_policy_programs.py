from __future__ import annotations

import pytest

from tests.support.policy import facts, policy
from tests.support.shell import decision
from twisted_hoop.model import Effect
from twisted_hoop.policy.programs import PermittedPrograms
from twisted_hoop.policy.what import prepared, what_checks
from twisted_hoop.settings import RuleSection


@pytest.mark.parametrize(
    ("patterns", "programs", "covered"),
    [
        (["rm"], {"rm"}, True),
        (["rm"], {"rm", "/bin/rm"}, True),
        (["rm"], {"rm", "/usr/local/bin/rm"}, True),
        (["rm"], {"rm", "/tmp/rm"}, False),
        (["rm"], {"rm", "~/rm"}, False),
        (["rm", "/tmp/rm"], {"rm", "/tmp/rm"}, True),
        (["/opt/x/[a-z]+"], {"tool", "/opt/x/tool"}, True),
        (["/opt/x/[a-z]+"], {"tool"}, False),
        (["[a-z]+"], {"tool", "/opt/x/tool"}, False),
        ([".*"], {"tool", "/opt/x/tool"}, True),
        (["rm"], set(), False),
        (["rm"], {"rm", "ls"}, False),
    ],
)
def test_to_permit_a_program(patterns: list[str], programs: set[str], covered: bool) -> None:
    assert PermittedPrograms(patterns).covers(programs) is covered


def test_to_forbid_any_path_meets_the_name() -> None:
    rules = policy({"effect": "deny", "programs": ["rm"]}, {"effect": "allow", "classes": ["exec"]})
    for text in ("rm x", "/bin/rm x", "/tmp/rm x", "./rm x", "sudo rm x"):
        assert decision(rules, text).effect is Effect.DENY
    assert decision(rules, "ls rm").effect is Effect.ALLOW


def met(effect: str, of: dict[str, frozenset[str]], **keys: object) -> bool:
    rule = RuleSection.model_validate({"name": "r", "effect": effect, **keys})
    return all(check.holds(prepared(of)) for check in what_checks(rule))


def test_a_rule_about_programs_says_nothing_of_files_the_shell_writes() -> None:
    """`echo x >/etc/cron.d/x` is more than echo."""
    rules = policy({"effect": "allow", "programs": ["echo"]})
    assert decision(rules, "echo x").effect is Effect.ALLOW
    assert decision(rules, "echo x > /etc/cron.d/x").effect is Effect.DENY
    for more in ({"paths": ["/tmp/.*"]}, {"flags": ["redirect-write"]}):
        rules = policy({"effect": "allow", "programs": ["echo"], **more})
        assert decision(rules, "echo x > /tmp/x").effect is Effect.ALLOW
    rules = policy({"effect": "allow", "commands": ["echo .*"]})
    assert decision(rules, "echo x > /tmp/x").effect is Effect.DENY


def test_commands_arguments_paths_and_destinations() -> None:
    of = facts(class_="exec", program="cp", command="cp", argument="a /etc/b", path="~/a /etc/b")
    assert (
        met("deny", of, paths=["/etc/.*"]) and met("deny", of, arguments=["a"]) and met("deny", of, commands=["cp.*"])
    )
    assert not met("deny", of, paths=["/var/.*"]) and not met("deny", of, arguments=["b"])
    assert met("allow", of, paths=["/etc/.*", "~/.*"]) and not met("allow", of, paths=["/etc/.*"])
    assert met("allow", of, arguments=["a", "/etc/b"]) and not met("allow", of, arguments=["a"])
    bare = facts(class_="exec", program="ls", command="ls")
    for key in ("arguments", "paths"):
        assert not met("allow", bare, **{key: [".*"]}) and met("allow", bare, **{key: [""]})
    forward = facts(class_="forward", destination="db:5432")
    assert met("allow", forward, classes=["forward"], destinations=["db:5432"])
    assert not met("allow", forward, classes=["forward"], destinations=["db:22"])
    assert met("deny", forward, destinations=["db:.*"]) and not met("deny", bare, destinations=[".*"])


def test_a_value_that_is_not_unicode_forbids_and_never_permits() -> None:
    of = {"class": frozenset({"exec"}), "program": frozenset({"x\udcff"}), "path": frozenset({"/\udcff"})}
    for key, pattern in (("programs", "[a-z]+"), ("paths", "/[a-z]+")):
        assert met("deny", of, **{key: [pattern]}) and not met("allow", of, **{key: [".*"]})
