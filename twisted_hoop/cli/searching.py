"""`hoop sessions search`: commands in all recordings, by the gateway's index or in the files of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from twisted_hoop.cli.exits import CommandFailed
from twisted_hoop.cli.options import Connection, connection_options, json_option
from twisted_hoop.cli.output import json_line, print_table, when

PAGE = 200


@click.command("search")
@click.argument("query", nargs=-1)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000), help="How many at most.")
@click.option(
    "--state",
    envvar="HOOP_STATE",
    type=click.Path(file_okay=False, path_type=Path),
    help="State folder (HOOP_STATE) of a gateway on this machine: read its recordings instead of asking the API.",
)
@connection_options
@json_option
def search(query: tuple[str, ...], limit: int, state: Path | None, as_json: bool, **where: str) -> None:
    """Find commands in all recordings, newest first.

    \b
    hoop sessions search drop table person:alice since:7d
    hoop sessions search '"delete from customers"' 'target:shop-*' decision:deny
    hoop sessions search path:/etc/shadow until:2026-11-22

    Words, "phrases", beginnings* and person: target: protocol: table: path: decision: rule: session: since: until: must
    all hold. Exit codes as for hoop sessions list.
    """
    text = " ".join(query)
    if state is not None:
        hits = _local(state, text)
    else:
        outer = click.get_current_context().find_object(Connection) or Connection()
        hits = _remote(Connection(**where).over(outer), text, limit)
    found = [hit for hit, _ in zip(hits, range(limit), strict=False)]
    if as_json:
        for hit in found:
            click.echo(json_line(hit))
    else:
        print_table(("when", "session", "who", "target", "decision", "command"), [_cells(hit) for hit in found])


def _remote(connection: Connection, text: str, limit: int) -> Iterator[dict[str, Any]]:
    api, cursor = connection.api(), ""
    while True:
        asked = {"q": text, "limit": str(min(limit, PAGE)), "cursor": cursor}
        answer = api.get("/v1/search?" + urlencode({name: value for name, value in asked.items() if value}))
        yield from answer["hits"]
        cursor = answer["next"]
        if not cursor:
            return


def _local(state: Path, text: str) -> Iterator[dict[str, Any]]:
    import os
    import time

    from twisted_hoop.archive.query import BadQuery, parse
    from twisted_hoop.archive.reading import search_files
    from twisted_hoop.cli.sources import local_ring, recordings_folder
    from twisted_hoop.recording.library import Library

    try:
        wanted = parse(text, time.time())
    except BadQuery as error:
        raise CommandFailed(f"the query cannot be read: {error}") from error
    for row in search_files(Library(recordings_folder(state), local_ring(state, os.environ)), wanted):
        yield {"session": row.session, "n": row.n, "at": row.at, **row.about}


def _cells(hit: dict[str, Any]) -> list[str]:
    text = " ".join(str(hit["text"]).split())
    names = (hit["session"], hit["who"], hit["target"], hit["decision"])
    return [when(hit["at"]), *map(str, names), text + (" …" if hit["cut"] else "")]
