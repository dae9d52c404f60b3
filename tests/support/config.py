"""Configuration files for tests: a small one that is well, and what is wrong with a changed one."""

from __future__ import annotations

from pathlib import Path

from twisted_hoop.config.check import check
from twisted_hoop.config.draft import make_draft
from twisted_hoop.config.lines import read_toml

WELL = """\
[[issuers]]
name = "corp"
issuer = "https://id.example.com"
audience = ["hoop"]

[[listeners]]
name = "postgres"
protocol = "postgres"
endpoint = "tcp:5432:interface=127.0.0.1"
tls = "optional"

[[targets]]
name = "shop"
protocol = "postgres"
endpoint = "tcp:db.internal:5432"
database = "shop"
login = "hoop"
groups = ["dba"]

[[rules]]
name = "read"
effect = "allow"
classes = ["read"]
"""


def problems(text: str) -> list[str]:
    """Every problem of a text as `line: key: what`."""
    document = read_toml(text)
    found = list(document.problems)
    if not found:
        draft, found = make_draft(document.data)
        found += check(draft)
    return [f"{document.line(p)}: {'.'.join(map(str, p.key))}: {p.what}" for p in found]


def problems_of(more: str) -> list[str]:
    """What is wrong with a text that is put behind a configuration that is well; lines are those of the text."""
    before = WELL.count("\n")
    found = (problem.partition(":") for problem in problems(WELL + more))
    return [f"{int(line) - before}:{rest}" for line, _, rest in found]


def written(folder: Path, text: str = WELL) -> Path:
    """A file with the text."""
    path = folder / "hoop.toml"
    path.write_text(text)
    return path
