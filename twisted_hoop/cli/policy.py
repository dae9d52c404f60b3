"""`hoop policy`: what the rules of a configuration file would say, and why, without a gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from twisted_hoop.cli.lazy import LazyGroup
from twisted_hoop.cli.options import json_option

_FILE = click.Path(dir_okay=False, path_type=Path)
_LAZY = {"replay": "twisted_hoop.cli.policy_replay:replay", "test": "twisted_hoop.cli.policy_cases:test"}


@click.group(cls=LazyGroup, lazy=_LAZY)
def policy() -> None:
    """Rules: ask what they would say, and why; hold them against a file of cases, or against what was recorded.

    \b
    hoop policy explain hoop.toml shop "DELETE FROM orders" --group ci --kind machine

    Exit codes: 0 allowed, 1 denied or to be approved, 2 usage or a file with problems.
    """


@policy.command("explain")
@click.argument("file", type=_FILE)
@click.argument("target")
@click.argument("command")
@click.option("--issuer", default="", help="The principal's issuer (URL); empty: the first of the file.")
@click.option("--subject", default="somebody", show_default=True, help="The principal's subject.")
@click.option("--group", "groups", multiple=True, help="A group of the principal; may be given several times.")
@click.option("--kind", type=click.Choice(["human", "machine"]), default="human", show_default=True)
@click.option("--actor", "actors", multiple=True, help="Somebody acting for the principal, the current one first.")
@json_option
def explain(
    file: Path,
    target: str,
    command: str,
    issuer: str,
    subject: str,
    groups: tuple[str, ...],
    kind: str,
    actors: tuple[str, ...],
    as_json: bool,
) -> None:
    """Say what the rules of FILE decide for COMMAND on TARGET, rule by rule.

    On a PostgreSQL target COMMAND is SQL; names without schema are taken as written, where the gateway itself asks
    the target's catalogue what they mean. On an SSH target it is what `ssh` is given to run; "" is an interactive
    shell.

    \b
    hoop policy explain hoop.toml shop "SELECT * FROM customers" --group ci
    hoop policy explain hoop.toml web-1 "sudo systemctl restart nginx" --group ops
    """
    answer = _answer(file, target, command, issuer, subject, frozenset(groups), kind, actors)
    if as_json:
        from twisted_hoop.cli.output import print_json

        print_json(answer)
    else:
        _show(answer)
    raise SystemExit(0 if answer["effect"] == "allow" else 1)


def _answer(
    file: Path,
    target: str,
    command: str,
    issuer: str,
    subject: str,
    groups: frozenset[str],
    kind: str,
    actors: tuple[str, ...],
) -> dict[str, Any]:
    from twisted_hoop.config import load
    from twisted_hoop.errors import ConfigurationError
    from twisted_hoop.model import Actor, Kind, Principal
    from twisted_hoop.policy.rules import RulePolicy
    from twisted_hoop.rehearsal.rehearsing import rehearse
    from twisted_hoop.targets import target_of_section

    try:
        settings = load(file)
    except ConfigurationError as fault:
        raise click.UsageError(str(fault)) from None
    section = next((t for t in settings.targets if t.name == target), None)
    if section is None:
        raise click.UsageError(f"{file} has no target {target!r}")
    issuer = issuer or (settings.issuers[0].issuer if settings.issuers else settings.gateway.name)
    chain = tuple(Actor(issuer, actor) for actor in actors)
    principal = Principal(issuer, subject, groups=groups, kind=Kind(kind), chain=chain)
    rules = RulePolicy(settings)
    return rehearse(rules, principal, target_of_section(section), command).told(rules.version)


def _show(answer: dict[str, Any]) -> None:
    from twisted_hoop.cli.output import print_fields

    print_fields({key: answer[key] for key in ("effect", "rule", "reason", "opens_reason", "approvers", "masks")})
    for facts in answer["facts"]:
        click.echo()
        print_fields(facts)
    click.echo()
    for line in answer["trace"]:
        click.echo(f"  {line}")
