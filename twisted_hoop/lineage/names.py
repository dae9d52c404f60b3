"""What PostgreSQL calls a column that has no alias (FigureColname in parse_target.c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from postgast import pg_query_pb2 as pb

from twisted_hoop.lineage.scope import Node

_Name = tuple[str, int]
_UNKNOWN: _Name = ("", 2)
_NONE: _Name = ("?column?", 0)


def column_name(target: Node) -> str:
    """The name of a ResTarget; "" when we do not know, and then any name may mean it."""
    return str(target.name) if target.name else _figure(target.val)[0]


def _figure(node: Node) -> _Name:
    """(name, strength): a cast's own name is used only over a weaker one."""
    kind = node.WhichOneof("node")
    if kind in _FIXED:
        return _FIXED[kind], 2
    if kind in _NAMELESS:
        return _NONE
    handler = _HANDLERS.get(kind)
    return _UNKNOWN if handler is None else handler(getattr(node, kind))


def _column_ref(ref: Node) -> _Name:
    return str(ref.fields[-1].string.sval), 2


def _function(call: Node) -> _Name:
    return str(call.funcname[-1].string.sval), 2


def _cast(cast: Node) -> _Name:
    name, strength = _figure(cast.arg)
    if strength <= 1 and cast.type_name.names:
        return str(cast.type_name.names[-1].string.sval), 1
    return name, strength


def _indirection(node: Node) -> _Name:
    fields = [i.string.sval for i in node.indirection if i.WhichOneof("node") == "string"]
    return (str(fields[-1]), 2) if fields else _figure(node.arg)


def _collate(node: Node) -> _Name:
    return _figure(node.arg)


def _a_expr(node: Node) -> _Name:
    return ("nullif", 2) if node.kind == pb.AEXPR_NULLIF else _NONE


def _case(node: Node) -> _Name:
    name, strength = _figure(node.defresult) if node.HasField("defresult") else _NONE
    return (name, strength) if strength > 1 else ("case", 1)


def _minmax(node: Node) -> _Name:
    return ("greatest" if node.op == pb.IS_GREATEST else "least"), 2


def _sublink(node: Node) -> _Name:
    if node.sub_link_type == pb.EXISTS_SUBLINK:
        return "exists", 2
    if node.sub_link_type == pb.ARRAY_SUBLINK:
        return "array", 2
    targets = node.subselect.select_stmt.target_list
    if node.sub_link_type != pb.EXPR_SUBLINK:
        return _NONE
    return (column_name(targets[0].res_target), 2) if targets else _UNKNOWN


_FIXED = {"coalesce_expr": "coalesce", "a_array_expr": "array", "row_expr": "row", "grouping_func": "grouping"}
_NAMELESS = frozenset(("a_const", "param_ref", "bool_expr", "null_test", "boolean_test"))
_HANDLERS: Mapping[str | None, Callable[[Node], _Name]] = {
    "column_ref": _column_ref,
    "func_call": _function,
    "type_cast": _cast,
    "a_indirection": _indirection,
    "collate_clause": _collate,
    "a_expr": _a_expr,
    "case_expr": _case,
    "min_max_expr": _minmax,
    "sub_link": _sublink,
}
