"""`hoop policy test`: a file of cases, each a command somebody might send and what the rules should say to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from twisted_hoop.cli.options import json_option

if TYPE_CHECKING:
    from twisted_hoop.model import Principal, Target
    from twisted_hoop.policy.rules import RulePolicy
    from twisted_hoop.settings import Settings

_FILE = click.Path(dir_okay=False, path_type=Path)


class Case(BaseModel):
    """One `[[cases]]` of the file. What is not said is not checked; an unknown key is an error (R12)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    target: str
    command: str
    expect: Literal["allow", "deny", "review"]
    rule: str | None = None
    masks: list[str] | None = None
    approvers: list[str] | None = None
    issuer: str = ""
    subject: str = "somebody"
    groups: list[str] = Field(default_factory=list)
    kind: Literal["human", "machine"] = "human"
    actors: list[str] = Field(default_factory=list)


class Cases(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    cases: list[Case] = Field(min_length=1)


@click.command("test")
@click.argument("file", type=_FILE)
@click.argument("cases", type=_FILE)
@json_option
def test(file: Path, cases: Path, as_json: bool) -> None:
    """Check the rules of FILE against CASES, a TOML file of commands and what should become of them.

    \b
    [[cases]]
    name = "CI reads but does not drop"
    target = "shop"
    groups = ["ci"]
    kind = "machine"
    command = "DROP TABLE orders"
    expect = "deny"            # allow, deny or review
    rule = "no-ddl"            # optional, as are masks = [...] and approvers = [...]

    \b
    hoop policy test hoop.toml policy-cases.toml

    Exit codes: 0 every case is as expected, 1 one is not, 2 usage or a file with problems.
    """
    results = _results(file, _read(cases))
    if as_json:
        from twisted_hoop.cli.output import print_json

        print_json({"ok": all(not each["differs"] for each in results), "cases": results})
    else:
        _show(results)
    raise SystemExit(1 if any(each["differs"] for each in results) else 0)


def _read(path: Path) -> list[Case]:
    import tomllib

    try:
        return Cases.model_validate(tomllib.loads(path.read_text("utf-8"))).cases
    except ValidationError as fault:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in fault.errors()]
        raise click.UsageError(f"{path}:\n  " + "\n  ".join(lines)) from None
    except (OSError, ValueError) as fault:
        raise click.UsageError(f"{path}: {fault}") from None


def _results(file: Path, cases: list[Case]) -> list[dict[str, Any]]:
    from twisted_hoop.config import load
    from twisted_hoop.errors import ConfigurationError
    from twisted_hoop.policy.rules import RulePolicy
    from twisted_hoop.targets import target_of_section

    try:
        settings = load(file)
    except ConfigurationError as fault:
        raise click.UsageError(str(fault)) from None
    targets = {section.name: target_of_section(section) for section in settings.targets}
    unknown = sorted({case.target for case in cases} - targets.keys())
    if unknown:
        raise click.UsageError(f"{file} has no target {', '.join(unknown)}")
    rules = RulePolicy(settings)
    return [_result(rules, case, targets[case.target], _principal(case, settings)) for case in cases]


def _principal(case: Case, settings: Settings) -> Principal:
    from twisted_hoop.model import Actor, Kind, Principal

    issuer = case.issuer or (settings.issuers[0].issuer if settings.issuers else settings.gateway.name)
    chain = tuple(Actor(issuer, actor) for actor in case.actors)
    return Principal(issuer, case.subject, groups=frozenset(case.groups), kind=Kind(case.kind), chain=chain)


def _result(rules: RulePolicy, case: Case, target: Target, principal: Principal) -> dict[str, Any]:
    from twisted_hoop.rehearsal.rehearsing import rehearse

    found = rehearse(rules, principal, target, case.command)
    decision = found.decision
    got = {
        "effect": found.effect.value,
        "rule": decision.rule,
        "masks": sorted(found.masks),
        "approvers": sorted(decision.approvers),
    }
    wanted = {
        "effect": case.expect,
        "rule": case.rule,
        "masks": None if case.masks is None else sorted(case.masks),
        "approvers": None if case.approvers is None else sorted(case.approvers),
    }
    differs = [key for key, value in wanted.items() if value is not None and value != got[key]]
    return {"name": case.name, "wanted": wanted, "got": got, "differs": differs, "reason": decision.reason}


def _show(results: list[dict[str, Any]]) -> None:
    from twisted_hoop.approval.shown import visible

    wrong = [each for each in results if each["differs"]]
    for each in wrong:
        click.echo(f"not as expected: {visible(each['name'])}")
        for key in each["differs"]:
            click.echo(
                f"  {key}: wanted {each['wanted'][key]}, got {each['got'][key]} {visible(each['reason'])}".rstrip()
            )
    click.echo(f"{len(results) - len(wrong)} of {len(results)} cases are as expected")
