"""Target lists and RETURNING lists: which columns they make."""

from __future__ import annotations

from collections.abc import Sequence

from twisted_hoop.lineage.expressions import expression, names_of, whole_row
from twisted_hoop.lineage.names import column_name
from twisted_hoop.lineage.scope import Node, Scope, Walk, find_source
from twisted_hoop.lineage.values import Columns, Origin, union_columns


def target_columns(walk: Walk, targets: Sequence[Node], scope: Scope, star: Columns) -> Columns:
    """The columns of a target list; `star` are those of `*`. None when a star stands for an unknown number."""
    found: list[tuple[str, Origin]] = []
    complete = True
    for target in targets:
        columns = _target(walk, target.res_target, scope, star)
        complete = complete and columns is not None
        found.extend(columns or ())
    return tuple(found) if complete else None


def _target(walk: Walk, target: Node, scope: Scope, star: Columns) -> Columns:
    value = target.val
    if _is_star(value):
        columns = _star(walk, value, scope, star)
        if columns is not None:
            walk.read(union_columns(columns))
        return columns
    return ((column_name(target), expression(walk, value, scope)),)


def _is_star(value: Node) -> bool:
    kind = value.WhichOneof("node")
    if kind == "column_ref":
        return bool(value.column_ref.fields[-1].HasField("a_star"))
    return bool(kind == "a_indirection" and value.a_indirection.indirection[-1].HasField("a_star"))


def _star(walk: Walk, value: Node, scope: Scope, star: Columns) -> Columns:
    """`*`, `t.*`, `s.t.*` and `(t).*`."""
    if value.HasField("a_indirection"):
        expression(walk, value, scope)  # notes what is read
        source = whole_row(value.a_indirection.arg, scope) if len(value.a_indirection.indirection) == 1 else None
        return None if source is None else source.columns
    names = names_of(value.column_ref.fields[:-1])
    if not names:
        for one in scope.sources:
            walk.read(one.whole)
        return star
    source = find_source(names[-1], scope)
    if source is None:
        return None
    walk.read(source.whole)
    return source.columns
