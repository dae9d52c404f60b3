"""`hoop config`: check a configuration file before the gateway meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from twisted_hoop.cli.options import json_option

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def config() -> None:
    """Configuration files: check, show, schema.

    \b
    hoop config check /etc/hoop/hoop.toml

    Exit codes: 0 ok, 1 the file has problems, 2 usage.
    """


@config.command("check")
@click.argument("file", type=_FILE)
@click.option("--files/--no-files", default=True, help="Whether to look at the files it names as well.")
@json_option
def check(file: Path, files: bool, as_json: bool) -> None:
    """Check FILE: every problem at once, each with its line and what to do.

    \b
    hoop check hoop.toml
    hoop config check hoop.toml --no-files
    """
    from twisted_hoop.approval.shown import visible

    problems = _problems(file, files)
    if as_json:
        click.echo(json.dumps({"ok": not problems, "problems": problems}))
    else:
        click.echo("\n".join(map(visible, problems)) if problems else f"{file} is well")
    raise SystemExit(1 if problems else 0)


def _problems(file: Path, files: bool) -> list[str]:
    from twisted_hoop.config import check_file, load
    from twisted_hoop.errors import ConfigurationError

    if files:
        return check_file(file)
    try:
        load(file)
    except ConfigurationError as fault:
        return fault.problems
    return []


@config.command("schema")
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors.

    \b
    hoop config schema > hoop.schema.json
    """
    from twisted_hoop.config.schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


@config.command("show")
@click.argument("file", type=_FILE)
def show(file: Path) -> None:
    """Print FILE with every default filled in, as JSON. What proves a service account is left out.

    \b
    hoop config show hoop.toml
    """
    from twisted_hoop.cli.exits import CommandFailed
    from twisted_hoop.config import load
    from twisted_hoop.errors import ConfigurationError

    try:
        settings = load(file).model_dump(mode="json")
    except ConfigurationError as fault:
        raise CommandFailed(str(fault)) from fault
    click.echo(json.dumps(_without_credentials(settings), indent=2))


def _without_credentials(settings: dict[str, Any]) -> dict[str, Any]:
    """Digests and verifiers are no secrets, but they are what an offline guess needs."""
    for account in settings["accounts"]:
        account |= {name: "(set)" for name in ("token_sha256", "scram") if account[name]}
    return settings
