"""What the gateway knows of one SQL text: values only. `sql.py` makes them, rules, lineage and the relay read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from twisted_hoop.model import Facts


@dataclass(frozen=True, slots=True)
class Copy:
    """A COPY to or from the client. `relation` is (schema or "", name); `query` is what COPY (…) TO runs."""

    direction: Literal["in", "out"]
    relation: tuple[str, str] | None = None
    columns: tuple[str, ...] = ()
    query: Statement | None = None
    format: Literal["text", "csv", "binary"] = "text"
    delimiter: str = "\t"
    quote: str = '"'
    escape: str = '"'
    null: str = "\\N"
    header: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a SQL text.

    `kind` is its name in lower case ("select", "create table" → "create"). `tree` is the parser's statement node, None
    when it was not understood. `prepares`, `executes`, `deallocates`, `declares`, `fetches`, `closes` are the names of
    SQL-level prepared statements and cursors it touches ("" for none; deallocates/closes "*" for ALL).
    `inner` is what PREPARE, DECLARE or EXPLAIN wraps. `sets` are the run-time settings it changes, (name, value) with
    value None for RESET/DEFAULT; `resets_all` is DISCARD ALL / RESET ALL. `changes_catalogue` is true for DDL.
    `literals` are its string constants, for masks that look at what goes in.
    """

    kind: str
    facts: Facts
    text: str = ""
    tree: Any = None
    inner: Statement | None = None
    prepares: str = ""
    executes: str = ""
    deallocates: str = ""
    declares: str = ""
    fetches: str = ""
    closes: str = ""
    copy: Copy | None = None
    sets: tuple[tuple[str, str | None], ...] = ()
    resets_all: bool = False
    changes_catalogue: bool = False
    literals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SqlText:
    """A whole text. `problem` is "" or "unknown" (does not parse) or "oversize" (too large or deep to be parsed)."""

    text: str
    statements: tuple[Statement, ...] = field(default=())
    problem: Literal["", "unknown", "oversize"] = ""
    why: str = ""
