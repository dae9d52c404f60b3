"""Queries: SELECT and what it is made of, with the scoping rules of WITH and FROM.

A CTE hides a table of the same name only where PostgreSQL says so: after its definition (anywhere in WITH RECURSIVE),
never for a qualified name, never as the target of INSERT, UPDATE, DELETE or MERGE.
"""

from __future__ import annotations

from typing import Any

from twisted_hoop.sql.expressions import called
from twisted_hoop.sql.walk import Scope, Source, Walk, part, relation_name, strings

SETOP_NONE = 1
_ORACLES = frozenset(("pg_stats", "pg_stats_ext", "pg_stats_ext_exprs", "pg_statistic", "pg_statistic_ext_data"))
_LARGE_OBJECTS = frozenset(("pg_largeobject", "pg_largeobject_metadata"))
_DML = {
    "insert_stmt": "InsertStmt",
    "update_stmt": "UpdateStmt",
    "delete_stmt": "DeleteStmt",
    "merge_stmt": "MergeStmt",
}


def subquery(walk: Walk, query: Any, scope: Scope) -> None:
    """A SELECT inside an expression: it sees the query around it."""
    select(walk, query, scope.inner())


def select(walk: Walk, query: Any, scope: Scope) -> None:
    """A SELECT, VALUES, TABLE or set operation, in a scope of its own."""
    if query.HasField("with_clause"):
        with_clause(walk, query.with_clause, scope)
    if query.HasField("into_clause"):
        into(walk, query.into_clause, scope)
    if query.op != SETOP_NONE:
        _set_operation(walk, query, scope)
    else:
        _plain(walk, query, scope)
    if query.locking_clause:
        walk.found.flag("locks")


def _plain(walk: Walk, query: Any, scope: Scope) -> None:
    for item in query.from_clause:
        from_item(walk, item, scope)
    walk.nodes(query.target_list, scope)
    walk.nodes(query.values_lists, scope)
    walk.node(query.where_clause, scope)
    if query.group_clause:
        walk.nodes(query.group_clause, scope)
        walk.node(query.having_clause, scope)
    elif query.HasField("having_clause"):
        walk.node(query.having_clause, scope)
    if query.distinct_clause:
        walk.nodes(query.distinct_clause, scope)
    if query.window_clause:
        walk.nodes(query.window_clause, scope)
    if query.sort_clause:
        _sort(walk, query, scope, {t.res_target.name for t in query.target_list})
    _limits(walk, query, scope)


def _limits(walk: Walk, query: Any, scope: Scope) -> None:
    if query.HasField("limit_count"):
        walk.node(query.limit_count, scope)
    if query.HasField("limit_offset"):
        walk.node(query.limit_offset, scope)


def _set_operation(walk: Walk, query: Any, scope: Scope) -> None:
    for arm in (query.larg, query.rarg):
        select(walk, arm, scope.beside())
    _sort(walk, query, scope, None)
    _limits(walk, query, scope)


def _sort(walk: Walk, query: Any, scope: Scope, outputs: set[str] | None) -> None:
    """ORDER BY: a bare name means an output column first; of a set operation, nothing else."""
    for item in query.sort_clause:
        node = item.sort_by.node
        if node.HasField("column_ref"):
            names = strings(node.column_ref.fields)
            if len(names) == 1 and (outputs is None or names[0] in outputs):
                continue
        walk.node(node, scope)


def into(walk: Walk, clause: Any, scope: Scope) -> None:
    """INTO of SELECT INTO and CREATE TABLE AS: a table is made (P14)."""
    found = walk.found
    found.add("class", "ddl", "write")
    found.extra["changes_catalogue"] = True
    created(walk, clause.rel)


def created(walk: Walk, relation: Any) -> None:
    """A relation comes into being."""
    walk.found.writes(relation_name(relation))
    noted_schema(walk, relation)
    if relation.relpersistence == "t" or relation.schemaname == "pg_temp":
        walk.found.flag("temp")


def noted_schema(walk: Walk, relation: Any) -> None:
    """The schema, where one is written."""
    if relation.schemaname:
        walk.found.add("schema", relation.schemaname)


def changed(walk: Walk, relation: Any) -> None:
    """Rows of a relation are changed. Those of pg_settings are the session's settings (P13), and a catalogue's rows
    are roles, functions and privileges to whoever may write them."""
    walk.found.writes(relation_name(relation))
    noted_schema(walk, relation)
    if relation.schemaname in ("", "pg_catalog") and relation.relname.startswith("pg_"):
        if relation.relname == "pg_settings":
            walk.found.add("class", "dynamic")
            walk.found.sets.append(("?", "?"))
        else:
            walk.found.add("class", "administration")
    if relation.relname in _LARGE_OBJECTS:
        walk.found.add("class", "large-object")


def with_clause(walk: Walk, clause: Any, scope: Scope) -> None:
    """WITH: enter each query, then let its name be seen."""
    if clause.recursive:
        scope.ctes |= {node.common_table_expr.ctename for node in clause.ctes}
    for node in clause.ctes:
        cte = node.common_table_expr
        query, inner = cte.ctequery, scope.beside()
        which = query.WhichOneof("node")
        if which == "select_stmt":
            select(walk, query.select_stmt, inner)
        else:
            if which in _DML:
                walk.found.flag("writing-cte")
            walk.node(query, inner)
        walk.children(cte, inner, "ctequery")
        scope.ctes |= {cte.ctename}


def from_item(walk: Walk, node: Any, scope: Scope) -> None:
    """One item of FROM: enter it and put what it offers into the scope."""
    which = node.WhichOneof("node")
    if which == "range_var":
        scope.sources.append(_relation(walk, node.range_var, scope))
    elif which == "join_expr":
        _join(walk, node.join_expr, scope)
    elif which == "range_subselect":
        item = node.range_subselect
        inner = scope.inner() if item.lateral else scope.beside()
        select(walk, item.subquery.select_stmt, inner)
        scope.sources.append(Source(item.alias.aliasname, derived=True))
    elif which == "range_table_sample":
        _sample(walk, node.range_table_sample, scope)
    else:
        _function(walk, node, which, scope)


def _relation(walk: Walk, relation: Any, scope: Scope) -> Source:
    alias = relation.alias.aliasname if relation.HasField("alias") else ""
    name = relation.relname
    if not relation.schemaname and name in scope.ctes:
        return Source(alias or name, derived=True)
    table = relation_name(relation)
    walk.found.reads(table)
    noted_schema(walk, relation)
    if name in _ORACLES:
        walk.found.flag("oracle")
    elif name in _LARGE_OBJECTS:
        walk.found.add("class", "large-object")
    return Source(alias or name, (table,), renamed=bool(alias and relation.alias.colnames))


def _join(walk: Walk, join: Any, scope: Scope) -> None:
    start = len(scope.sources)
    from_item(walk, join.larg, scope)
    middle = len(scope.sources)
    from_item(walk, join.rarg, scope)
    if join.is_natural:
        for source in scope.sources[start:]:
            walk.found.add("column", *(f"{table}.*" for table in source.tables))
    for name in strings(join.using_clause):
        for side in (scope.sources[start:middle], scope.sources[middle:]):
            _merged_column(walk, name, side)
    walk.node(join.quals, scope)
    joined = scope.sources[start:]
    for alias, hides in ((join.join_using_alias, False), (join.alias, True)):
        if alias.aliasname:
            if hides:
                del scope.sources[start:]
            scope.sources.append(_merged(alias, joined))


def _merged_column(walk: Walk, name: str, side: list[Source]) -> None:
    """A column of JOIN … USING: of the only table of this side, or of one that cannot be told."""
    if len(side) == 1 and len(side[0].tables) == 1 and not side[0].renamed and not side[0].derived:
        walk.found.add("column", f"{side[0].tables[0]}.{part(name)}")
    elif any(source.tables for source in side):
        walk.found.add("column", f"?.{part(name)}")


def _merged(alias: Any, sources: list[Source]) -> Source:
    tables = tuple(dict.fromkeys(table for source in sources for table in source.tables))
    mixed = any(source.derived for source in sources)
    renamed = bool(alias.colnames) or any(source.renamed for source in sources)
    return Source(alias.aliasname, tables, mixed, renamed)


def _sample(walk: Walk, sample: Any, scope: Scope) -> None:
    from_item(walk, sample.relation, scope)
    method = strings(sample.method)
    if method[-1:] not in (["system"], ["bernoulli"]):
        called(walk, method)
    walk.children(sample, scope, "relation", "method")


def _function(walk: Walk, node: Any, which: str | None, scope: Scope) -> None:
    """A function, XMLTABLE or JSON_TABLE in FROM: it sees the items before it."""
    if which is None:
        return
    item = getattr(node, which)
    walk.children(item, scope, "alias")
    name = item.alias.aliasname if "alias" in item.DESCRIPTOR.fields_by_name else ""
    if not name and which == "range_function":
        name = _function_name(item)
    scope.sources.append(Source(name, derived=True))


def _function_name(item: Any) -> str:
    """A function in FROM without alias is called by its own name."""
    for node in item.functions:
        for inner in node.list.items:
            if inner.HasField("func_call"):
                return strings(inner.func_call.funcname)[-1]
    return ""
