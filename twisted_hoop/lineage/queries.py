"""SELECT, VALUES, TABLE and set operations; the door through which every statement inside a query is walked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from postgast import pg_query_pb2 as pb

from twisted_hoop.lineage.changes import delete, insert, merge, update
from twisted_hoop.lineage.ctes import with_clause
from twisted_hoop.lineage.expressions import expression, predicate, window
from twisted_hoop.lineage.scope import Ctes, Node, Scope, Walk, find_column
from twisted_hoop.lineage.sources import from_items
from twisted_hoop.lineage.targets import target_columns
from twisted_hoop.lineage.values import EMPTY, Columns, Origin, union, whole

_STATEMENTS = {
    "SelectStmt": "select_stmt",
    "InsertStmt": "insert_stmt",
    "UpdateStmt": "update_stmt",
    "DeleteStmt": "delete_stmt",
    "MergeStmt": "merge_stmt",
}


def query(walk: Walk, node: Node, parent: Scope | None, ctes: Ctes) -> Columns:
    """The columns a statement returns; None for one that cannot stand in a query. `node` is a Node or what is in it."""
    if isinstance(node, pb.Node):
        kind = node.WhichOneof("node")
        node = getattr(node, kind) if kind else node
    name = type(node).DESCRIPTOR.name
    if name not in _STATEMENTS:
        return None
    walk.deeper()
    columns = _dispatch(walk, name, node, parent, ctes)
    walk.depth -= 1
    return columns


def _dispatch(walk: Walk, name: str, node: Node, parent: Scope | None, ctes: Ctes) -> Columns:
    ctes = with_clause(walk, node.with_clause, parent, ctes)
    if name == "SelectStmt":
        return _select(walk, node, parent, ctes)
    scope = Scope(parent, ctes)
    if name == "InsertStmt":
        return insert(walk, node, scope)
    if name == "UpdateStmt":
        return update(walk, node, scope)
    return delete(walk, node, scope) if name == "DeleteStmt" else merge(walk, node, scope)


def _select(walk: Walk, node: Node, parent: Scope | None, ctes: Ctes) -> Columns:
    scope = Scope(parent, ctes)
    if node.op in (pb.SETOP_UNION, pb.SETOP_INTERSECT, pb.SETOP_EXCEPT):
        columns = _set_operation(walk, node, parent, ctes)
    elif node.values_lists:
        columns = _values(walk, node.values_lists, scope)
    else:
        columns = _plain(walk, node, scope)
    for item in node.sort_clause:
        _by_output(walk, item.sort_by.node if item.HasField("sort_by") else item, columns, scope)
    for item in (node.limit_offset, node.limit_count):  # a number here is a number of rows, and names no output
        predicate(walk, item, scope)
    if node.HasField("into_clause"):
        walk.store(whole(columns))
        return ()
    return columns


def _plain(walk: Walk, node: Node, scope: Scope) -> Columns:
    star = from_items(walk, node.from_clause, scope)
    predicate(walk, node.where_clause, scope)
    columns = target_columns(walk, node.target_list, scope, star)
    for item in _grouped(node.group_clause):
        _by_output(walk, item, columns, scope)
    predicate(walk, node.having_clause, scope)
    for one in node.window_clause:
        window(walk, one.window_def, scope)
    for item in node.distinct_clause:
        if item.WhichOneof("node") is None:  # plain DISTINCT groups by every output
            walk.predicate(whole(columns))
        _by_output(walk, item, columns, scope)
    return columns


def _grouped(nodes: Iterable[Node]) -> Iterable[Node]:
    """The expressions of GROUP BY, those inside GROUPING SETS, ROLLUP and CUBE too."""
    for node in nodes:
        if node.HasField("grouping_set"):
            yield from _grouped(node.grouping_set.content)
        else:
            yield node


def _by_output(walk: Walk, node: Node, columns: Columns, scope: Scope) -> None:
    """An item of ORDER BY, GROUP BY or DISTINCT ON: an output's position, an output's name, or an expression (M5)."""
    if node.HasField("a_const"):
        number = node.a_const.ival.ival
        if columns is not None and 0 < number <= len(columns):
            walk.predicate(columns[number - 1][1])
        return
    if node.HasField("column_ref") and len(node.column_ref.fields) == 1:
        name = node.column_ref.fields[0].string.sval
        meant = [origin for n, origin in columns or () if n == name]
        inside = find_column(name, scope)
        if meant:
            walk.predicate(union([*meant, EMPTY if inside.opaque else inside]))
            return
    predicate(walk, node, scope)


def _values(walk: Walk, rows: Sequence[Node], scope: Scope) -> Columns:
    lists = [[expression(walk, item, scope) for item in row.list.items] for row in rows]
    if len({len(items) for items in lists}) != 1:
        return None
    return tuple((f"column{i}", union(column)) for i, column in enumerate(zip(*lists, strict=True), 1))


def _set_operation(walk: Walk, node: Node, parent: Scope | None, ctes: Ctes) -> Columns:
    """UNION, INTERSECT, EXCEPT: names of the left side, origins of both. Chains lean to the left and may be long."""
    right: list[Columns] = []
    compares = False
    while True:
        compares = compares or not (node.op == pb.SETOP_UNION and node.all)
        right.append(query(walk, node.rarg, parent, ctes))
        left = node.larg
        if left.op in (pb.SETOP_NONE, 0) or left.HasField("with_clause") or left.sort_clause or _limited(left):
            break
        node = left
    return _united(walk, [query(walk, left, parent, ctes), *reversed(right)], compares)


def _limited(node: Node) -> bool:
    return bool(node.HasField("limit_count") or node.HasField("limit_offset"))


def _united(walk: Walk, sides: Sequence[Columns], compares: bool) -> Columns:
    known = [side for side in sides if side is not None]
    if compares:
        for side in known:
            walk.predicate(whole(side))
    if len(known) != len(sides) or len({len(side) for side in known}) != 1:
        return None
    names = [name for name, _ in known[0]]
    origins: list[Origin] = [union(o for _, o in column) for column in zip(*known, strict=True)]
    return tuple(zip(names, origins, strict=True))
