"""The site made of the documents: strict, whole, and nothing fetched from anywhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
_FETCHED = re.compile(
    r"<(?:script|img|iframe)[^>]+src=\"(?:https?:)?//|<link[^>]+rel=\"(?:stylesheet|preload)\"[^>]+//"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stderr
    return folder


def test_every_document_is_a_page(site: Path) -> None:
    """The build itself fails on a link or an anchor that leads nowhere, and on a page the menu lacks."""
    for source in (ROOT / "docs").rglob("*.md"):
        inside = source.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        assert (site / inside.replace("README.html", "index.html")).exists(), inside
    assert {"architecture.html", "security.html", "news.html", "contributing.html", "hoop.toml.html"} <= {
        page.name for page in (site / "project").iterdir()
    }


def test_what_is_shown_is_fetched_from_nowhere_else(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert _FETCHED.search(page.read_text()) is None, page


def test_search_knows_every_page(site: Path) -> None:
    index = json.loads((site / "search/search_index.json").read_text())
    found = {entry["location"].partition("#")[0] for entry in index["docs"]}
    assert {"getting-started.html", "reference/configuration.html", "reference/cli.html", "limits.html"} <= found
    assert any("PGPASSWORD" in entry["text"] for entry in index["docs"])
