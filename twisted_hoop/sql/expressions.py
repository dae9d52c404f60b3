"""Expressions: columns, function calls, constants."""

from __future__ import annotations

from typing import Any

from twisted_hoop.sql.functions import WHOLE_ROW, classes_of, flags_of
from twisted_hoop.sql.guarded import setting_class
from twisted_hoop.sql.walk import Scope, Source, Walk, dotted, part, strings


def column(walk: Walk, ref: Any, scope: Scope) -> None:
    """A column reference: `c`, `t.c`, `s.t.c`, and the same with `*`."""
    names = [field.string.sval or "*" for field in ref.fields]  # no identifier is empty
    if len(names) == 2:
        _qualified(walk, names[0], names[1], scope)
    elif len(names) == 1:
        _bare(walk, names[0], scope)
    else:
        name = "*" if names[-1] in WHOLE_ROW else part(names[-1])
        walk.found.columns.add(f"{dotted(names[:-1])}.{name}")


def _bare(walk: Walk, name: str, scope: Scope) -> None:
    if name == "*":
        for source in scope.sources:
            if not source.hidden:
                _of_source(walk, source, "*")
        return
    sources = _all_sources(scope)
    for source in sources:
        if source.name == name:
            _of_source(walk, source, "*")  # the whole row: SELECT c FROM customers c (M1)
    if len(sources) == 1:
        _of_source(walk, sources[0], name)
    elif not sources or any(s.tables for s in sources):
        walk.found.columns.add(f"?.{part(name)}")


def _all_sources(scope: Scope) -> list[Source]:
    if scope.parent is None and len(scope.sources) == 1:
        return scope.sources
    found: list[Source] = []
    level: Scope | None = scope
    while level is not None:
        found += (source for source in level.sources if not source.hidden)
        level = level.parent
    return found


def _qualified(walk: Walk, qualifier: str, name: str, scope: Scope) -> None:
    level: Scope | None = scope
    while level is not None:
        for source in level.sources:
            if source.name == qualifier:
                _of_source(walk, source, name)
                return
        level = level.parent
    walk.found.columns.add(f"{part(qualifier)}.{part(name)}")


def _of_source(walk: Walk, source: Source, name: str) -> None:
    """Note a column of a source; nothing for a derived one, whose own query has been noted already."""
    tables = source.tables
    if name == "*" or source.renamed or name in WHOLE_ROW:
        walk.found.columns.update([f"{table}.*" for table in tables])
    elif len(tables) == 1 and not source.derived:
        walk.found.columns.add(f"{tables[0]}.{part(name)}")
    elif tables:
        walk.found.columns.add(f"?.{part(name)}")


def constant(walk: Walk, value: Any, scope: Scope) -> None:
    """A constant: strings are kept for masks on data going in."""
    if value.HasField("sval"):
        walk.found.literals.append(value.sval.sval)


def operator(walk: Walk, expression: Any, scope: Scope) -> None:
    """A binary or unary operator, IN, LIKE, BETWEEN."""
    walk.node(expression.lexpr, scope)
    walk.node(expression.rexpr, scope)


def boolean(walk: Walk, expression: Any, scope: Scope) -> None:
    """AND, OR, NOT."""
    walk.nodes(expression.args, scope)


def cast(walk: Walk, expression: Any, scope: Scope) -> None:
    """`x::type`: the type itself does nothing here."""
    walk.node(expression.arg, scope)


def target(walk: Walk, item: Any, scope: Scope) -> None:
    """One output column."""
    if item.indirection:
        walk.nodes(item.indirection, scope)
    walk.node(item.val, scope)


def call(walk: Walk, func: Any, scope: Scope) -> None:
    """A function call, and what the function does (P14)."""
    names = strings(func.funcname)
    called(walk, names[1:] if len(names) == 2 and func.funcformat == COERCE_SQL_SYNTAX else names)
    if names[-1:] == ["set_config"]:
        _set_config(walk, func.args)
    walk.nodes(func.args, scope)
    if func.agg_order:
        walk.nodes(func.agg_order, scope)
    if func.HasField("agg_filter"):
        walk.node(func.agg_filter, scope)
    if func.HasField("over"):
        walk.children(func.over, scope)


COERCE_SQL_SYNTAX = 4
"""CoercionForm of EXTRACT(… FROM …) and its like, which the grammar turns into calls of pg_catalog functions."""


def called(walk: Walk, names: list[str]) -> None:
    """Note that the function of this name is called, or may be."""
    if not names:
        return
    found = walk.found
    schema = names[-2] if len(names) > 1 else ""
    found.add("function", dotted(names))
    if schema and schema != "pg_catalog":
        found.add("schema", schema)
    classes = classes_of(names[-1])
    if classes:
        found.add("class", *classes)
    for flag in flags_of(schema, names[-1]):
        found.flag(flag)


def _set_config(walk: Walk, args: Any) -> None:
    """set_config() is SET in a function's clothes; what it sets can be told when its arguments are constants (P13)."""
    values = [a.a_const.sval.sval if a.HasField("a_const") and a.a_const.HasField("sval") else None for a in args]
    name = (values[0] if values else None) or "?"
    value = values[1] if len(values) > 1 and values[1] is not None else "?"
    walk.found.add("setting", name.lower())
    walk.found.sets.append((name.lower(), value))
    walk.found.classes.update({setting_class(name.lower(), value)} - {"session"})


def role(walk: Walk, spec: Any, scope: Scope) -> None:
    """A role, by name or as CURRENT_USER, SESSION_USER, PUBLIC."""
    special = {2: "current_role", 3: "current_user", 4: "session_user", 5: "public"}
    walk.found.add("role", special.get(spec.roletype, spec.rolename))


def nothing(walk: Walk, message: Any, scope: Scope) -> None:
    """A node that does nothing of interest, and holds nothing that does."""
