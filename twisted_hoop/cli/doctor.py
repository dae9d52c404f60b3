"""`hoop doctor`: looks an installation over."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twisted_hoop.cli.options import json_option

if TYPE_CHECKING:
    from twisted_hoop.doctor.finding import Finding

_MARKS = {"ok": "ok", "warning": "WARNING", "error": "ERROR"}


@click.command("doctor")
@click.option("--config", "file", type=click.Path(dir_okay=False, path_type=Path), default="/etc/hoop/hoop.toml")
@click.option("--patience", type=click.FloatRange(1, 300), default=15.0, help="Seconds any one look may take.")
@json_option
def doctor(file: Path, patience: float, as_json: bool) -> None:
    """Look an installation over, before the gateway starts or while it runs: what is wrong, and what to do.

    Configuration, files and their modes, space, certificates, ports, clocks, issuers, store, secrets, object storage,
    channels, and a log-in at every target. Nothing is changed, posted or printed that is secret. Run it as the
    gateway's account, in its environment.

    \b
    hoop doctor --config /etc/hoop/hoop.toml
    hoop doctor --config hoop.toml --json

    Exit codes: 0 nothing is wrong (warnings may be there), 1 something is, 2 usage.
    """
    found = _examined(file, patience)
    counts = {state: sum(each.state == state for each in found) for state in _MARKS}
    if as_json:
        from twisted_hoop.cli.output import print_json

        print_json({"ok": not counts["error"], **counts, "findings": [asdict(each) for each in found]})
    else:
        _print(found, counts)
    raise SystemExit(1 if counts["error"] else 0)


def _print(found: list[Finding], counts: dict[str, int]) -> None:
    from twisted_hoop.cli.output import print_table

    rows = [[_MARKS[each.state], each.area, each.name, each.what] for each in found]
    print_table(("", "area", "name", "found"), rows)
    todo = [[f"{each.area} {each.name}", each.todo] for each in found if each.todo]
    if todo:
        click.echo()
        print_table(("about", "what to do"), todo)
    click.echo(f"\n{counts['ok']} ok, {counts['warning']} warnings, {counts['error']} errors")


def _examined(file: Path, patience: float) -> list[Finding]:
    import os

    from twisted.internet.defer import Deferred
    from twisted.internet.task import react

    from twisted_hoop.cli.exits import CommandFailed
    from twisted_hoop.cli.secrets import why_not
    from twisted_hoop.doctor.examination import examine

    if not file.is_file():
        raise CommandFailed(f"{file}: no such file")
    found: list[Finding] = []

    def main(reactor: Any) -> Any:
        work = examine(reactor, file.absolute(), dict(os.environ), why_not, patience)
        return Deferred.fromCoroutine(work).addCallback(found.extend)

    try:
        react(main)
    except SystemExit as ended:
        if ended.code:
            raise
    return found
