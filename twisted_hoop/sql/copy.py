"""COPY: to or from the client, a file of the server, or a program the server runs (P15)."""

from __future__ import annotations

from typing import Any

from twisted_hoop.sql.guarded import setting_class
from twisted_hoop.sql.query import changed, noted_schema
from twisted_hoop.sql.statements import Copy
from twisted_hoop.sql.walk import Scope, Source, Walk, part, relation_name, strings


def copy(walk: Walk, stmt: Any, scope: Scope) -> None:
    """Any COPY. Only the one through the client's own connection gets a `Copy` value."""
    found = walk.found
    if stmt.HasField("relation"):
        _relation(walk, stmt, scope)
    else:
        found.extra["inner_node"] = stmt.query
        walk.statement(stmt.query, scope)
    options = _options(stmt)
    found.add("class", "write" if stmt.is_from else "read")
    if stmt.is_program:
        found.add("class", "program")
        found.flag("copy-program")
    elif stmt.filename:
        found.add("class", "file")
    else:
        found.add("class", "copy-in" if stmt.is_from else "copy-out")
        found.extra["copy"] = _value(stmt, options)
    if options.get("format", "text").lower() not in ("text", "csv", "binary"):
        found.add("class", "unknown")
    if (encoding := options.get("encoding")) is not None:
        found.add("class", setting_class("client_encoding", encoding))


def _relation(walk: Walk, stmt: Any, scope: Scope) -> None:
    table = relation_name(stmt.relation)
    noted_schema(walk, stmt.relation)
    if stmt.is_from:
        changed(walk, stmt.relation)
    else:
        walk.found.reads(table)
    columns = [part(name) for name in strings(stmt.attlist)] or ["*"]
    walk.found.add("column", *(f"{table}.{column}" for column in columns))
    inner = scope.inner()
    inner.sources.append(Source(stmt.relation.relname, (table,)))
    walk.node(stmt.where_clause, inner)


def _options(stmt: Any) -> dict[str, str]:
    """Options by name, as text; a bare one is "true". Both spellings come as the same list from the grammar."""
    found = {}
    for node in stmt.options:
        option = node.def_elem
        found[option.defname.lower()] = _text(option.arg)
    return found


def _text(arg: Any) -> str:
    which = arg.WhichOneof("node")
    if which is None:
        return "true"
    if which == "string":
        return str(arg.string.sval)
    if which == "boolean":
        return "true" if arg.boolean.boolval else "false"
    if which == "integer":
        return str(arg.integer.ival)
    return "*"


def _value(stmt: Any, options: dict[str, str]) -> Copy:
    form = options.get("format", "text").lower()
    csv = form == "csv"
    relation = stmt.relation
    quote = options.get("quote", '"')
    return Copy(
        direction="in" if stmt.is_from else "out",
        relation=(relation.schemaname, relation.relname) if stmt.HasField("relation") else None,
        columns=tuple(strings(stmt.attlist)),
        format="csv" if csv else "binary" if form == "binary" else "text",
        delimiter=options.get("delimiter", "," if csv else "\t"),
        quote=quote,
        escape=options.get("escape", quote),
        null=options.get("null", "" if csv else "\\N"),
        header=options.get("header", "false").lower() not in ("false", "off", "0"),
    )
