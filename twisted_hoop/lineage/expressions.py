"""What the value of an expression derives from. One function a kind of node; what has none derives from its children.

The result of an expression derives from everything in it, with few exceptions that tell at most a truth value or a
number of rows and count as predicates instead (M5): count(), EXISTS, IS NULL, GROUPING().
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from postgast import pg_query_pb2 as pb

from twisted_hoop.lineage.functions import HARMLESS_SETTINGS, is_multiplier, is_sink, runs_text, why_opaque
from twisted_hoop.lineage.scope import (
    Node,
    Scope,
    Source,
    Walk,
    find_column,
    find_field,
    find_qualified,
    find_source,
)
from twisted_hoop.lineage.values import EMPTY, Origin, opaque, union, whole, with_opaque

_QUERIES = frozenset(("select_stmt", "insert_stmt", "update_stmt", "delete_stmt", "merge_stmt"))
_NO_VALUE = frozenset(
    (
        "a_const", "param_ref", "sqlvalue_function", "set_to_default", "integer", "float", "boolean", "string",
        "bit_string", "type_name", "a_star", "current_of_expr", "merge_support_func", "json_format",
        "json_returning", "json_output", "json_table_path_spec", "role_spec", "collate_clause_name",
    )
)  # fmt: skip


def expression(walk: Walk, node: Node, scope: Scope) -> Origin:
    """The origin of a Node of the tree. An unset node (no kind) is empty."""
    kind = node.WhichOneof("node")
    if kind is None or kind in _NO_VALUE:
        return EMPTY
    inner = getattr(node, kind)
    walk.deeper()
    handler = _HANDLERS.get(kind)
    if handler is not None:
        origin = handler(walk, inner, scope)
    elif kind in _QUERIES:
        origin = whole(walk.query(walk, inner, scope, scope.ctes))
    elif kind.endswith("_stmt"):
        origin = opaque(f"{kind} inside an expression")
    else:
        origin = children(walk, inner, scope)
    walk.depth -= 1
    return origin


def expressions(walk: Walk, nodes: Iterable[Node], scope: Scope) -> Origin:
    """The union over several nodes."""
    return union([expression(walk, node, scope) for node in nodes])


def predicate(walk: Walk, node: Node, scope: Scope) -> None:
    """Read an expression that chooses, orders, groups or counts rows (M5)."""
    walk.predicate(expression(walk, node, scope))


def children(walk: Walk, message: Node, scope: Scope) -> Origin:
    """The union over everything below a message of any type: what holds for nodes nobody listed."""
    found: list[Origin] = []
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.name == "TypeName":
            continue
        for one in value if field.is_repeated else (value,):
            if isinstance(one, pb.Node):
                found.append(expression(walk, one, scope))
            elif isinstance(one, pb.SelectStmt):
                found.append(whole(walk.query(walk, one, scope, scope.ctes)))
            else:
                found.append(children(walk, one, scope))
    return union(found)


def names_of(nodes: Iterable[Node]) -> list[str]:
    """The strings of a list of String nodes; a star or anything else is ""."""
    return [n.string.sval for n in nodes]


def whole_row(node: Node, scope: Scope) -> Source | None:
    """The source whose whole row a node is: `t`, `t.*` or `s.t.*`, or None when it is not certainly one."""
    if node.WhichOneof("node") != "column_ref":
        return None
    fields = node.column_ref.fields
    if fields[-1].WhichOneof("node") == "a_star":
        return find_source(fields[-2].string.sval, scope) if len(fields) > 1 else None
    if len(fields) != 1:
        return None
    name = fields[0].string.sval
    if any(s.find(name) is not None for level in scope.levels() for s in level.sources):
        return None
    return find_source(name, scope)


def _column_ref(walk: Walk, ref: Node, scope: Scope) -> Origin:
    fields = ref.fields
    if fields[-1].WhichOneof("node") == "a_star":
        return walk.read(_star(names_of(fields[:-1]), scope))
    names = names_of(fields)
    if len(names) == 1:
        return walk.read(find_column(names[0], scope))
    return walk.read(find_qualified(names[-2], names[-1], scope))


def _star(names: list[str], scope: Scope) -> Origin:
    if not names:
        return union([s.whole for s in scope.sources])
    source = find_source(names[-1], scope)
    return opaque(f"no table {names[-1]}") if source is None else source.whole


def _a_expr(walk: Walk, node: Node, scope: Scope) -> Origin:
    """An operator. Chains lean to the left and may be long, so they are followed without recursion."""
    found: list[Origin] = []
    while True:
        found.append(_operator(walk, node, scope))
        found.append(expression(walk, node.rexpr, scope))
        if node.lexpr.WhichOneof("node") != "a_expr":
            found.append(expression(walk, node.lexpr, scope))
            break
        node = node.lexpr.a_expr
    origin = union(found)
    if origin.opaque:  # a user's operator may keep what it is given
        walk.store(Origin(origin.columns))
    return origin


def _operator(walk: Walk, node: Node, scope: Scope) -> Origin:
    name = names_of(node.name)
    if name and name[-1] in walk.relations.catalogue.operators:
        return opaque(f"operator {name[-1]} is not PostgreSQL's own")
    if len(name) > 1 and name[0] != "pg_catalog" and walk.relations.catalogue.operators:
        return opaque(f"operator {'.'.join(name)} is not PostgreSQL's own")
    return EMPTY


def _null_test(walk: Walk, node: Node, scope: Scope) -> Origin:
    predicate(walk, node.arg, scope)
    return EMPTY


def _grouping(walk: Walk, node: Node, scope: Scope) -> Origin:
    for arg in node.args:
        predicate(walk, arg, scope)
    return EMPTY


def _case(walk: Walk, node: Node, scope: Scope) -> Origin:
    found = [expression(walk, node.arg, scope), *(expression(walk, w.case_when.expr, scope) for w in node.args)]
    walk.predicate(union(found))
    found += [expression(walk, w.case_when.result, scope) for w in node.args]
    found.append(expression(walk, node.defresult, scope))
    return union(found)


def _sublink(walk: Walk, node: Node, scope: Scope) -> Origin:
    inner = whole(walk.query(walk, node.subselect, scope, scope.ctes))
    if node.sub_link_type == pb.EXISTS_SUBLINK:
        walk.predicate(inner)
        return EMPTY
    if not node.HasField("testexpr"):
        return inner
    origin = union((inner, expression(walk, node.testexpr, scope)))
    walk.predicate(origin)
    names = names_of(node.oper_name)
    bad = bool(names) and names[-1] in walk.relations.catalogue.operators
    return with_opaque(origin, f"operator {names[-1]} is not PostgreSQL's own") if bad else origin


def _type_cast(walk: Walk, node: Node, scope: Scope) -> Origin:
    origin = expression(walk, node.arg, scope)
    names = names_of(node.type_name.names)
    if names and names[-1] in walk.relations.catalogue.cast_types:
        walk.store(Origin(origin.columns))
        return with_opaque(origin, f"type {names[-1]} has conversions that are not PostgreSQL's own")
    return origin


def _indirection(walk: Walk, node: Node, scope: Scope) -> Origin:
    """`(x).field`, `(x).*`, `x[1:2]`."""
    subscripts = [_subscript(walk, i.a_indices, scope) for i in node.indirection if i.HasField("a_indices")]
    row = whole_row(node.arg, scope)
    first = node.indirection[0].string.sval
    if row is not None and first:
        return walk.read(union((find_field(row, first), *subscripts)))
    return union((expression(walk, node.arg, scope), *subscripts))


def _subscript(walk: Walk, node: Node, scope: Scope) -> Origin:
    return union((expression(walk, node.lidx, scope), expression(walk, node.uidx, scope)))


def _function(walk: Walk, node: Node, scope: Scope) -> Origin:
    names = names_of(node.funcname)
    name, schema = names[-1], names[-2] if len(names) > 1 else ""
    origin = expressions(walk, node.args, scope)
    rest = _function_clauses(walk, node, scope)
    catalogue = walk.relations.catalogue
    why = why_opaque(schema, name, catalogue)
    if name == "current_setting" and name not in catalogue.functions and _setting(node) in HARMLESS_SETTINGS:
        why = ""
    if name == "count" and not why:
        walk.predicate(origin)
        return EMPTY
    _kept(walk, name, origin, why)
    if is_multiplier(name):
        walk.predicate(origin)
    origin = union((origin, rest))
    return with_opaque(origin, why) if why else origin


def _kept(walk: Walk, name: str, origin: Origin, why: str) -> None:
    """What goes into some functions may come out somewhere else (M7)."""
    if runs_text(name):
        walk.store(Origin(origin.columns, f"function {name} runs what it is given"))
    elif is_sink(name):
        walk.store(origin)
    elif why:
        walk.store(Origin(origin.columns))


def _function_clauses(walk: Walk, node: Node, scope: Scope) -> Origin:
    """ORDER BY and FILTER of an aggregate, OVER of a window function."""
    filtered = expression(walk, node.agg_filter, scope)
    ordered = expressions(walk, node.agg_order, scope)
    walk.predicate(filtered)
    walk.predicate(ordered)
    if node.HasField("over"):
        window(walk, node.over, scope)
    # WITHIN GROUP (ORDER BY x) returns x; without it, order decides only what comes first.
    return union((filtered, ordered)) if node.agg_within_group or filtered is not EMPTY else EMPTY


def _setting(node: Node) -> str:
    if not node.args or node.args[0].WhichOneof("node") != "a_const":
        return ""
    return str(node.args[0].a_const.sval.sval).lower()


def window(walk: Walk, node: Node, scope: Scope) -> None:
    """PARTITION BY, ORDER BY and the frame of a window."""
    for one in (*node.partition_clause, *node.order_clause, node.start_offset, node.end_offset):
        predicate(walk, one, scope)


def _multi_assign(walk: Walk, node: Node, scope: Scope) -> Origin:
    return expression(walk, node.source, scope)


Handler = Callable[[Walk, Node, Scope], Origin]
_HANDLERS: Mapping[str, Handler] = {
    "column_ref": _column_ref,
    "a_expr": _a_expr,
    "null_test": _null_test,
    "grouping_func": _grouping,
    "case_expr": _case,
    "sub_link": _sublink,
    "type_cast": _type_cast,
    "a_indirection": _indirection,
    "func_call": _function,
    "multi_assign_ref": _multi_assign,
}
