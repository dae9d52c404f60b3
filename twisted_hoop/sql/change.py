"""INSERT, UPDATE, DELETE, MERGE, TRUNCATE: what they change, and whether every row of it."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from twisted_hoop.sql.query import changed, from_item, select, with_clause
from twisted_hoop.sql.walk import Scope, Source, Walk, part, relation_name, strings

_CASCADE = 2
_SPELLINGS = {"t": True, "true": True, "on": True, "yes": True, "1": True, "f": False, "false": False}
_UPDATE, _INSERT, _DELETE = 3, 4, 5


def insert(walk: Walk, stmt: Any, outer: Scope) -> None:
    """INSERT … VALUES | SELECT | DEFAULT VALUES, ON CONFLICT, RETURNING."""
    scope = _opened(walk, stmt, outer)
    table, source = _target(walk, stmt.relation)
    for column in stmt.cols:
        _changed(walk, table, column.res_target, scope)
    if not stmt.cols:
        walk.found.add("column", f"{table}.*")
    if stmt.HasField("select_stmt"):  # not for DEFAULT VALUES
        select(walk, stmt.select_stmt.select_stmt, scope.beside())
    scope.sources.append(source)
    if stmt.HasField("on_conflict_clause"):
        _on_conflict(walk, stmt.on_conflict_clause, source, scope)
    _returning(walk, stmt, source, scope)


def _opened(walk: Walk, stmt: Any, outer: Scope) -> Scope:
    scope = outer.inner()
    walk.found.add("class", "write")
    if stmt.HasField("with_clause"):
        with_clause(walk, stmt.with_clause, scope)
    return scope


def _target(walk: Walk, relation: Any) -> tuple[str, Source]:
    """The relation that is changed. A CTE of the same name does not hide it."""
    table = relation_name(relation)
    changed(walk, relation)
    alias = relation.alias.aliasname if relation.HasField("alias") else ""
    return table, Source(alias or relation.relname, (table,))


def _changed(walk: Walk, table: str, item: Any, scope: Scope) -> None:
    walk.found.add("column", f"{table}.{part(item.name)}")
    walk.nodes(item.indirection, scope)


def _assigned(walk: Walk, table: str, items: Any, scope: Scope) -> None:
    for node in items:
        _changed(walk, table, node.res_target, scope)
        walk.node(node.res_target.val, scope)


def _on_conflict(walk: Walk, clause: Any, source: Source, scope: Scope) -> None:
    table = source.tables[0]
    inner = scope.beside()
    inner.sources = [source, Source("excluded", source.tables, hidden=True)]
    for node in clause.infer.index_elems:
        if node.index_elem.name:
            walk.found.add("column", f"{table}.{part(node.index_elem.name)}")
        walk.node(node.index_elem.expr, scope)
    walk.node(clause.infer.where_clause, scope)
    _assigned(walk, table, clause.target_list, inner)
    walk.node(clause.where_clause, inner)


def _returning(walk: Walk, stmt: Any, source: Source, scope: Scope) -> None:
    """RETURNING reads the target: old and new rows, under their own names too (PostgreSQL 18)."""
    if not stmt.HasField("returning_clause"):
        return
    walk.found.flag("returning")
    walk.found.reads(source.tables[0])
    names = ["old", "new", *(o.returning_option.value for o in stmt.returning_clause.options)]
    scope.sources += [Source(name, source.tables, hidden=True) for name in names]
    walk.nodes(stmt.returning_clause.exprs, scope)


def update(walk: Walk, stmt: Any, outer: Scope) -> None:
    """UPDATE … SET … FROM … WHERE … RETURNING."""
    scope = _opened(walk, stmt, outer)
    table, source = _target(walk, stmt.relation)
    scope.sources.append(source)
    for item in stmt.from_clause:
        from_item(walk, item, scope)
    _assigned(walk, table, stmt.target_list, scope)
    _where(walk, stmt, scope)
    _returning(walk, stmt, source, scope)


def delete(walk: Walk, stmt: Any, outer: Scope) -> None:
    """DELETE FROM … USING … WHERE … RETURNING."""
    scope = _opened(walk, stmt, outer)
    _, source = _target(walk, stmt.relation)
    scope.sources.append(source)
    for item in stmt.using_clause:
        from_item(walk, item, scope)
    _where(walk, stmt, scope)
    _returning(walk, stmt, source, scope)


def _where(walk: Walk, stmt: Any, scope: Scope) -> None:
    if every_row(stmt.where_clause):
        walk.found.flag("no-where")
    walk.node(stmt.where_clause, scope)


def merge(walk: Walk, stmt: Any, outer: Scope) -> None:
    """MERGE INTO … USING … ON … WHEN … THEN … RETURNING."""
    scope = _opened(walk, stmt, outer)
    table, source = _target(walk, stmt.relation)
    scope.sources.append(source)
    from_item(walk, stmt.source_relation, scope)
    walk.node(stmt.join_condition, scope)
    loose = every_row(stmt.join_condition)
    for node in stmt.merge_when_clauses:
        when = node.merge_when_clause
        walk.node(when.condition, scope)
        _action(walk, table, when, scope)
        if loose and when.command_type in (_UPDATE, _DELETE) and every_row(when.condition):
            walk.found.flag("no-where")
    _returning(walk, stmt, source, scope)


def _action(walk: Walk, table: str, when: Any, scope: Scope) -> None:
    """What one WHEN does. An INSERT without column list writes them all."""
    _assigned(walk, table, when.target_list, scope)
    walk.nodes(when.values, scope)
    if when.command_type == _INSERT and not when.target_list:
        walk.found.add("column", f"{table}.*")


def truncate(walk: Walk, stmt: Any, scope: Scope) -> None:
    """TRUNCATE: every row, of every table named."""
    for node in stmt.relations:
        _target(walk, node.range_var)
    if stmt.behavior == _CASCADE:
        walk.found.flag("cascade")


def every_row(condition: Any) -> bool:
    """Whether a condition cannot choose among rows: none at all, constantly true, or without any column.

    `WHERE 1=1`, `WHERE now() > '2000-01-01'`, `WHERE id = id` and `WHERE x = 1 OR true` are all no WHERE.
    """
    which = condition.WhichOneof("node")
    if which is None:
        return True
    if which == "a_expr" and _column(condition.a_expr.lexpr) and not _column(condition.a_expr.rexpr):
        return False  # `id = 1`: nearly every WHERE there is
    value = _truth(condition)
    return value if value is not None else not _chooses(condition)


def _column(node: Any) -> bool:
    return bool(node.HasField("column_ref"))


def _truth(node: Any) -> bool | None:
    """The value of a condition, when it is plainly constant."""
    which = node.WhichOneof("node")
    if which == "a_const":
        return _constant_truth(node.a_const)
    if which == "type_cast":
        return _truth(node.type_cast.arg)
    if which == "bool_expr":
        return _combined(node.bool_expr)
    if which == "a_expr" and strings(node.a_expr.name) == ["="] and node.a_expr.kind == 1:
        return _same(node.a_expr)
    return None


def _constant_truth(value: Any) -> bool | None:
    if value.HasField("boolval"):
        return bool(value.boolval.boolval)
    if value.HasField("sval"):
        return _SPELLINGS.get(str(value.sval.sval).lower())
    return None


def _combined(expression: Any) -> bool | None:
    values = [_truth(arg) for arg in expression.args]
    if expression.boolop == 3:
        return None if values[0] is None else not values[0]
    decisive = expression.boolop == 2
    if decisive in values:
        return bool(decisive)
    return None if None in values else not decisive


def _same(expression: Any) -> bool | None:
    """`1 = 1` and `id = id` hold for every row (but for NULL, which nobody relies on)."""
    left, right = expression.lexpr, expression.rexpr
    kinds = left.WhichOneof("node"), right.WhichOneof("node")
    if kinds == ("column_ref", "column_ref"):
        first, second = strings(left.column_ref.fields), strings(right.column_ref.fields)
        one = first == second or (first[-1:] == second[-1:] and 1 in (len(first), len(second)))
        return True if one else None
    if kinds == ("a_const", "a_const"):
        return bool(_value(left.a_const) == _value(right.a_const))
    return None


def _value(constant: Any) -> bytes:
    """A constant without where it stands."""
    copy = type(constant)()
    copy.CopyFrom(constant)
    copy.ClearField("location")
    return bytes(copy.SerializeToString(deterministic=True))


def _chooses(message: Any) -> bool:
    """Whether a column, or the row of a cursor, stands anywhere below."""
    if message.DESCRIPTOR.name in ("ColumnRef", "CurrentOfExpr"):
        return True
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if any(_chooses(item) for item in ((value,) if isinstance(value, Message) else value)):
            return True
    return False
