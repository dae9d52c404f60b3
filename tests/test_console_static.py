from __future__ import annotations

import gzip
import re

import pytest

from tests.support.visitor import ConsoleHouse, text_of
from twisted_hoop.console.static import FOLDER


def test_every_file_a_page_names_is_there(console: ConsoleHouse) -> None:
    bob = console.visitor()
    page = text_of(bob.get("/login"))
    named = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(named) >= 5
    for path in named:
        answer = bob.get(path)
        assert answer.status == 200 and "immutable" in answer.headers["cache-control"], path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["nothing.js", "console.css.map", "..", "%2e%2e%2fpages.py", "../pages.py", "a/b.js"])
def test_R9_no_other_file_is(console: ConsoleHouse, path: str) -> None:
    assert console.visitor().get(f"/static/000000000000/{path}").status == 404


def test_an_old_address_is_not_kept(console: ConsoleHouse) -> None:
    answer = console.visitor().get("/static/000000000000/console.css")
    assert answer.status == 200 and answer.headers["cache-control"] == "no-cache"


def test_what_others_wrote_comes_with_its_licence() -> None:
    names = {path.name for path in FOLDER.iterdir()}
    for other in ("htmx", "htmx-sse", "asciinema-player"):
        assert f"{other}-licence.txt" in names
        assert any(re.fullmatch(rf"{other}-[0-9.]+\.min\.js", name) for name in names)


def test_pages_stay_light() -> None:
    """What every page loads, compressed, in kilobytes."""
    always = [path for path in FOLDER.iterdir() if path.suffix in (".css", ".js") and "asciinema" not in path.name]
    assert sum(len(gzip.compress(path.read_bytes())) for path in always) < 30_000
