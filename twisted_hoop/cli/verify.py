"""`hoop verify`: prove that recordings are what the gateway wrote. Works offline, with public keys only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from twisted_hoop.archive.copies import Copy
    from twisted_hoop.recording.keys import PublicKeys
    from twisted_hoop.recording.verification import FolderReport, Report


@click.command("verify")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--public-key",
    "keys",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM file with a public key to trust; may be given more than once. Default: recording*.pub of --state.",
)
@click.option(
    "--state",
    envvar="HOOP_STATE",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="State folder: verify all of its recordings, and the ledger that no recording is missing.",
)
@click.option("--copies", default="", metavar="URL", help="Verify the copies in object storage as well; with --state.")
@click.option("--endpoint", default="", help="Of the server that speaks S3; keys are in AWS_ACCESS_KEY_ID and so on.")
@click.option("--region", default="", help="For S3.")
@click.option("--settled", default=3600.0, show_default=True, help="Seconds after its end a recording must be stored.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
def verify(
    files: tuple[Path, ...],
    keys: tuple[Path, ...],
    state: Path | None,
    copies: str,
    endpoint: str,
    region: str,
    settled: float,
    as_json: bool,
) -> None:
    """Verify recordings: FILES one by one, or a whole state folder with its ledger.

    \b
    hoop verify 4f1c.hoop --public-key recording.pub
    hoop verify --state /var/lib/hoop
    hoop verify --state /var/lib/hoop --copies s3://recordings/hoop --endpoint https://s3.internal:9000

    \b
    With --copies each copy is fetched, and checked as a file is; one that is missing or was altered is named, with the
    object it is. A recording that ended less than --settled seconds ago may still wait to be stored.

    Exit codes: 0 everything verifies, 1 something does not (each finding says where), 2 usage.
    """
    from twisted_hoop.recording import verification

    if not files and state is None:
        raise click.UsageError("name files to verify, or a state folder with --state")
    if copies and (files or state is None):
        raise click.UsageError("--copies goes with --state alone")
    trusted = _trusted(keys, state)
    if files:
        report = verification.FolderReport([verification.verify(path, trusted) for path in files])
    else:
        assert state is not None
        report = _folder(state, trusted)
    stored = _copies(state, trusted, (copies, endpoint, region), settled) if state is not None and copies else None
    _print(report, as_json)
    well = stored is None or _print_copies(stored, as_json)
    raise SystemExit(0 if report.ok and well else 1)


def _copies(state: Path, trusted: PublicKeys, place: tuple[str, str, str], settled: float) -> list[Copy]:
    import time

    from twisted_hoop.archive.copies import check_copies, ledger_lines
    from twisted_hoop.archive.opening import open_storage
    from twisted_hoop.cli.sources import recordings_folder
    from twisted_hoop.errors import HoopError
    from twisted_hoop.recording.files import LEDGER
    from twisted_hoop.settings import StorageSection

    section = StorageSection(url=place[0], endpoint=place[1], region=place[2])
    try:
        storage = open_storage(section, "", "", looks_only=True)
        lines = ledger_lines(recordings_folder(state) / LEDGER, trusted)
        return list(check_copies(storage, lines, trusted, time.time(), settled))
    except HoopError as fault:
        raise click.ClickException(str(fault)) from fault


def _print_copies(copies: list[Copy], as_json: bool) -> bool:
    """Whether all of them are well."""
    from twisted_hoop.recording.escapes import visible

    good, well = sum(each.state == "ok" for each in copies), all(each.ok for each in copies)
    for each in copies:
        if as_json:
            click.echo(json.dumps({"copy": each.as_json()}))
        elif each.state != "ok":
            where = f" [{each.where}]" if each.where else ""
            click.echo(f"{'copy' if each.ok else 'COPY'} {each.state}  {visible(f'{each.path}: {each.what}{where}')}")
    if as_json:
        click.echo(json.dumps({"ok": well, "copies": len(copies), "verified": good}))
    else:
        click.echo(f"{good} of {len(copies)} copies verify{'' if well else ': NOT EVERY COPY IS WELL'}")
    return well


def _folder(state: Path, trusted: PublicKeys) -> FolderReport:
    from twisted_hoop.cli.sources import recordings_folder
    from twisted_hoop.recording.verification import verify_folder

    return verify_folder(recordings_folder(state), trusted)


def _trusted(paths: tuple[Path, ...], state: Path | None) -> PublicKeys:
    from twisted_hoop.errors import ConfigurationError
    from twisted_hoop.recording.keys import PublicKeys, public_keys, read_public_key

    try:
        if paths:
            return PublicKeys(read_public_key(path) for path in paths)
        found = public_keys(state) if state else PublicKeys(())
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from error
    if not found.ids:
        raise click.UsageError("no public key to trust: name one with --public-key")
    return found


def _print(report: FolderReport, as_json: bool) -> None:
    for each in report.recordings:
        click.echo(json.dumps(each.as_json()) if as_json else _line(each))
    if as_json:
        told = {
            "ok": report.ok,
            "problems": report.problems,
            "deleted": report.deleted,
            "stored": report.stored,
            "ledger": report.head,
        }
        click.echo(json.dumps(told))
        return
    from twisted_hoop.recording.escapes import visible

    for gone in report.deleted:
        click.echo(f"deleted  {visible(gone)}")
    for away in report.stored:
        click.echo(f"stored   {visible(away)}")
    for problem in report.problems:
        click.echo(f"PROBLEM  {visible(problem)}")
    if report.head:
        click.echo(f"ledger   {report.lines} lines, head {report.head}")
    good = sum(each.ok for each in report.recordings)
    click.echo(f"{good} of {len(report.recordings)} recordings verify{'' if report.ok else ': NOT EVERYTHING IS WELL'}")


def _line(report: Report) -> str:
    from twisted_hoop.recording.escapes import visible

    if not report.ok:
        return f"DAMAGED  {visible(report.path)}: {visible(report.problem)}"
    outcome = report.outcome or report.state
    return f"ok       {visible(report.path)}: {visible(outcome)}, {report.count} entries, {report.bytes} bytes"
