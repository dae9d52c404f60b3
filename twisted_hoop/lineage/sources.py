"""The items of FROM: what each adds to the scope, and which columns `*` makes of it.

Every function takes the walk, its node and the scope, appends to `scope.sources` what names may mean from then on, and
returns the columns in order (None: number unknown). Items are lateral to the ones before them unless a subquery is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from postgast import pg_query_pb2 as pb

from twisted_hoop.lineage.ctes import cte_columns
from twisted_hoop.lineage.expressions import children, expression, names_of, predicate
from twisted_hoop.lineage.functions import why_opaque
from twisted_hoop.lineage.scope import Cte, Node, Scope, Source, Walk, make_source, open_source, rename, renamed
from twisted_hoop.lineage.values import Columns, Origin, opaque, union


def from_item(walk: Walk, node: Node, scope: Scope) -> Columns:
    """One item of FROM."""
    kind = node.WhichOneof("node")
    walk.deeper()
    handler = _HANDLERS.get(kind)
    if handler is not None:
        columns = handler(walk, getattr(node, kind), scope)
    else:
        columns = None
        scope.sources.append(open_source("", opaque(f"{kind} in FROM")))
    walk.depth -= 1
    return columns


def from_items(walk: Walk, nodes: Sequence[Node], scope: Scope) -> Columns:
    """Several items: their columns one after the other."""
    all_columns: Columns = ()
    for node in nodes:
        columns = from_item(walk, node, scope)
        all_columns = None if columns is None or all_columns is None else (*all_columns, *columns)
    return all_columns


def alias_names(alias: Node) -> list[str]:
    """The column names of an alias."""
    return names_of(alias.colnames)


def table(walk: Walk, node: Node, scope: Scope, ctes: bool = True) -> Source:
    """The source a RangeVar means, under its alias. Targets of INSERT … are never WITH queries."""
    found: Cte | None = scope.ctes.get(node.relname) if ctes and not node.schemaname else None
    if found is not None:
        source = make_source(node.relname, cte_columns(walk, found), f"recursive query {node.relname}")
    else:
        source = walk.relations.find(node.schemaname, node.relname)
    name = node.alias.aliasname if node.HasField("alias") else node.relname
    return renamed(source, name, alias_names(node.alias))


def _range_var(walk: Walk, node: Node, scope: Scope) -> Columns:
    source = table(walk, node, scope)
    scope.sources.append(source)
    return source.columns


def _subselect(walk: Walk, node: Node, scope: Scope) -> Columns:
    parent = scope if node.lateral else scope.parent
    columns = rename(walk.query(walk, node.subquery, parent, scope.ctes), alias_names(node.alias))
    scope.sources.append(make_source(node.alias.aliasname, columns, "subquery whose columns are not known"))
    return columns


def _join(walk: Walk, node: Node, scope: Scope) -> Columns:
    start = len(scope.sources)
    left = from_item(walk, node.larg, scope)
    right = from_item(walk, node.rarg, scope)
    if node.is_natural or node.using_clause:
        scope.merging = True
        columns = _merged(walk, node, scope, left, right)
    else:
        predicate(walk, node.quals, scope)
        columns = None if left is None or right is None else (*left, *right)
    if node.HasField("alias"):
        del scope.sources[start:]
        columns = rename(columns, alias_names(node.alias))
        scope.sources.append(make_source(node.alias.aliasname, columns, "join of unknown columns"))
    return columns


def _merged(walk: Walk, node: Node, scope: Scope, left: Columns, right: Columns) -> Columns:
    """USING and NATURAL: merged columns first, each deriving from both sides (a FULL JOIN takes either)."""
    if left is None or right is None or any(not name for name, _ in (*left, *right)):
        origin = union([s.whole for s in scope.sources])
        walk.predicate(walk.read(origin))
        _name_join(node, scope, [(n, origin) for n in names_of(node.using_clause)])
        return None
    a, b = dict(_joined(left)), dict(_joined(right))
    names = names_of(node.using_clause) or [n for n in a if n in b]
    merged = [(n, union((a.get(n, _lost(n)), b.get(n, _lost(n))))) for n in names]
    for _, origin in merged:
        walk.predicate(walk.read(origin))
    _name_join(node, scope, merged)
    rest = [c for c in (*left, *right) if c[0] not in names]
    return (*merged, *rest)


def _joined(columns: Sequence[tuple[str, Origin]]) -> Sequence[tuple[str, Origin]]:
    """The columns, those of one name united."""
    names: dict[str, Origin] = {}
    for name, origin in columns:
        names[name] = union((names[name], origin)) if name in names else origin
    return tuple(names.items())


def _lost(name: str) -> Origin:
    return opaque(f"no column {name} to join on")


def _name_join(node: Node, scope: Scope, merged: Sequence[tuple[str, Origin]]) -> None:
    """`USING (…) AS name`: a further source with the merged columns only."""
    if node.HasField("join_using_alias"):
        scope.sources.append(make_source(node.join_using_alias.aliasname, tuple(merged)))


def _sample(walk: Walk, node: Node, scope: Scope) -> Columns:
    columns = from_item(walk, node.relation, scope)
    for one in (*node.args, node.repeatable):
        predicate(walk, one, scope)
    return columns


def _functions(walk: Walk, node: Node, scope: Scope) -> Columns:
    """Functions in FROM, alone or as ROWS FROM: every column derives from every argument."""
    found: list[Origin] = []
    columns: Columns = ()
    for item in node.functions:
        call, definitions = item.list.items[0], item.list.items[1:]
        origin = expression(walk, call, scope)
        walk.predicate(origin)  # arguments decide how many rows there are (M5)
        found.append(origin)
        names = _function_names(walk, call, _definitions([*definitions, *node.coldeflist]), node)
        columns = None if names is None or columns is None else (*columns, *((n, origin) for n in names))
    origin = union(found)
    if node.ordinality and columns is not None:
        columns = (*columns, ("ordinality", origin))
    name, aliases = node.alias.aliasname or _call_name(node), alias_names(node.alias)
    columns = rename(columns, aliases)
    known = columns is not None and all(n for n, _ in columns)
    source = make_source(name, columns) if known else open_source(name, origin, columns)
    scope.sources.append(source)
    return columns


def _call_name(node: Node) -> str:
    call = node.functions[0].list.items[0]
    return str(call.func_call.funcname[-1].string.sval) if call.HasField("func_call") else ""


def _definitions(nodes: Sequence[Node]) -> list[str]:
    """The names of a column definition list, wherever the parser put it."""
    names: list[str] = []
    for node in nodes:
        kind = node.WhichOneof("node")
        names += _definitions(node.list.items) if kind == "list" else [node.column_def.colname] if kind else []
    return names


def _function_names(walk: Walk, call: Node, defined: list[str], node: Node) -> Sequence[str] | None:
    """The names of what one function yields, or None. One column is named after the alias, else after the function."""
    if defined:
        return defined
    if not call.HasField("func_call"):
        return None
    names = names_of(call.func_call.funcname)
    catalogue = walk.relations.catalogue
    if why_opaque(names[-2] if len(names) > 1 else "", names[-1], catalogue):
        return None
    single = ((node.alias.aliasname if len(node.functions) == 1 else "") or names[-1],)
    if names[-1] == "unnest":
        args = call.func_call.args
        return single if len(args) == 1 and _plain_array(args[0]) else None
    known = catalogue.function_columns.get(names[-1])
    return single if known == ("",) else known


def _plain_array(node: Node) -> bool:
    """Whether the elements are certainly no composites, which unnest() would spread over several columns."""
    if node.WhichOneof("node") == "type_cast":
        names = names_of(node.type_cast.type_name.names)
        return (len(names) == 2 and names[0] == "pg_catalog") or names[-1:] in (["text"], ["uuid"], ["date"])
    elements = node.a_array_expr.elements
    return bool(elements) and all(e.WhichOneof("node") == "a_const" for e in elements)


def _xml_table(walk: Walk, node: Node, scope: Scope) -> Columns:
    """XMLTABLE: every column derives from the document and from all the paths."""
    parts = [expression(walk, node.docexpr, scope), expression(walk, node.rowexpr, scope)]
    parts += [children(walk, c.range_table_func_col, scope) for c in node.columns]
    parts += [expression(walk, n, scope) for n in node.namespaces]
    names = [str(c.range_table_func_col.colname) for c in node.columns]
    return _table_function(walk, node, union(parts), names, scope)


def _json_table(walk: Walk, node: Node, scope: Scope) -> Columns:
    """JSON_TABLE: every column derives from the document and what is passed to its paths."""
    return _table_function(walk, node, children(walk, node, scope), _json_names(node.columns), scope)


def _json_names(nodes: Sequence[Node]) -> list[str]:
    names: list[str] = []
    for node in nodes:
        column = node.json_table_column
        nested = column.coltype == pb.JTC_NESTED
        names += _json_names(column.columns) if nested else [str(column.name)]
    return names


def _table_function(walk: Walk, node: Node, origin: Origin, names: Sequence[str], scope: Scope) -> Columns:
    walk.predicate(origin)
    columns = rename(tuple((n, origin) for n in names), alias_names(node.alias))
    scope.sources.append(make_source(node.alias.aliasname, columns))
    return columns


_HANDLERS: Mapping[str | None, Callable[[Walk, Node, Scope], Columns]] = {
    "range_var": _range_var,
    "range_subselect": _subselect,
    "join_expr": _join,
    "range_table_sample": _sample,
    "range_function": _functions,
    "range_table_func": _xml_table,
    "json_table": _json_table,
}
