"""`hoop retention`: how long recordings are kept, and deleting those whose time is over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from twisted_hoop.cli.exits import REFUSED
from twisted_hoop.cli.options import json_option, with_api

if TYPE_CHECKING:
    from twisted_hoop.cli.client import Api

_LOOK = 0.5


@click.group()
def retention() -> None:
    """How long recordings are kept, by the rules of [[retention]]; what was deleted, by which rule.

    \b
    hoop retention run --dry-run
    hoop retention run
    hoop retention show

    Exit codes: 0 ok, 1 refused or something could not be deleted, 2 usage, 3 not reachable, 4 not authenticated.
    """


@retention.command("run")
@click.option("--dry-run", "dry", is_flag=True, help="Delete nothing: tell what would be deleted.")
@with_api
@json_option
def run_command(api: Api, dry: bool, as_json: bool) -> None:
    """Delete every recording whose time is over, and print the report. The gateway does the same by itself.

    \b
    hoop retention run --dry-run
    """
    report = api.post("/v1/retention/run", {"dry": dry})
    while report["state"] == "running":
        time.sleep(_LOOK)
        report = _report(api, report)
    _print(report, as_json)
    if report["state"] != "done" or report["failed"]:
        raise SystemExit(REFUSED)


def _report(api: Api, report: dict[str, Any]) -> dict[str, Any]:
    """What there is now; the first report may not be in the store yet."""
    from twisted_hoop.cli.exits import CommandFailed

    try:
        found: dict[str, Any] = api.get(f"/v1/retention/{report['id']}")
    except CommandFailed as fault:
        if fault.exit_code != REFUSED or time.time() - report["at"] > 60:
            raise
        return report
    return found


@retention.command("show")
@with_api
@json_option
def show(api: Api, as_json: bool) -> None:
    """Show the rules, and the last runs that found something to do.

    \b
    hoop retention show
    """
    from twisted_hoop.cli.output import print_json, print_table, when

    found = api.get("/v1/retention")
    if as_json:
        print_json(found)
        return
    rules = [[each["name"], _days(each["keep"]), _about(each)] for each in found["rules"]]
    print_table(("rule", "keeps", "recordings of"), rules)
    click.echo()
    runs = [
        [when(r["at"]), r["by"], _kind(r), *(str(r[n]) for n in ("deleted", "held", "failed"))] for r in found["runs"]
    ]
    print_table(("run", "by", "state", "deleted", "held", "failed"), runs)


def _kind(report: dict[str, Any]) -> str:
    return f"{report['state']}, dry" if report["dry"] else str(report["state"])


def _days(seconds: float) -> str:
    return "for ever" if seconds <= 0 else f"{seconds / 86_400:g} days"


def _about(rule: dict[str, Any]) -> str:
    names = ("targets", "groups", "protocols", "tags")
    return "; ".join(f"{name} {', '.join(rule[name])}" for name in names if rule[name]) or "everything"


def _print(report: dict[str, Any], as_json: bool) -> None:
    from twisted_hoop.cli.output import print_json, print_table, when

    if as_json:
        print_json(report)
        return
    rows = [[e["session"], when(e["started"]), e["who"], e["target"], e["rule"], e["what"]] for e in report["told"]]
    if rows:
        print_table(("session", "started", "who", "target", "rule", "what"), rows)
    would = "would be deleted" if report["dry"] else "deleted"
    click.echo(
        f"{report['state']}: {report['deleted']} {would}, {report['held']} held, {report['elsewhere']} at other "
        f"replicas, {report['failed']} failed; {report['bytes']} bytes, {report['looked']} recordings looked at"
    )
    for problem in report["problems"]:
        click.echo(f"PROBLEM  {problem}")
