"""INSERT, UPDATE, DELETE and MERGE: what they store where (M7), and what RETURNING shows of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from twisted_hoop.lineage.expressions import expression, predicate
from twisted_hoop.lineage.scope import Node, Scope, Source, Walk, open_source
from twisted_hoop.lineage.sources import from_item, from_items, table
from twisted_hoop.lineage.targets import target_columns
from twisted_hoop.lineage.values import EMPTY, Columns, Origin, opaque, union, whole, with_opaque

Written = Mapping[str, Origin]
"""Column of the target → what is written into it. "" stands for every column."""

_Around = tuple[Columns, Columns]
"""What `RETURNING *` lists before and after the target's own columns."""


def insert(walk: Walk, node: Node, scope: Scope) -> Columns:
    """INSERT … [ON CONFLICT] [RETURNING]."""
    target = table(walk, node.relation, scope, ctes=False)
    columns = walk.query(walk, node.select_stmt, scope.parent, scope.ctes) if node.HasField("select_stmt") else ()
    written = _inserted(node, target, columns)
    if node.HasField("on_conflict_clause"):
        written = _both(written, _on_conflict(walk, node.on_conflict_clause, scope, target, written))
    return _finish(walk, node, Scope(scope.parent, scope.ctes), target, written)


def _inserted(node: Node, target: Source, columns: Columns) -> Written:
    names = [c.res_target.name for c in node.cols] or [name for name, _ in target.columns or ()]
    if any(c.res_target.indirection for c in node.cols) or columns is None or len(columns) > len(names):
        return {"": whole(columns)} if columns is None or columns else {}
    return {name: origin for name, (_, origin) in zip(names, columns, strict=False)}


def _on_conflict(walk: Walk, clause: Node, scope: Scope, target: Source, written: Written) -> Written:
    excluded = replace(_returned(target, written), name="excluded")
    inner = Scope(scope.parent, scope.ctes, [target, excluded])
    for element in clause.infer.index_elems:
        predicate(walk, element.index_elem.expr, Scope(scope.parent, scope.ctes, [target]))
    predicate(walk, clause.infer.where_clause, inner)
    predicate(walk, clause.where_clause, inner)
    return _assigned(walk, clause.target_list, inner)


def update(walk: Walk, node: Node, scope: Scope) -> Columns:
    """UPDATE … [FROM] [RETURNING]."""
    target = table(walk, node.relation, scope, ctes=False)
    scope.sources.append(target)
    others = from_items(walk, node.from_clause, scope)
    written = _assigned(walk, node.target_list, scope)
    predicate(walk, node.where_clause, scope)
    return _finish(walk, node, scope, target, written, ((), others))


def delete(walk: Walk, node: Node, scope: Scope) -> Columns:
    """DELETE … [USING] [RETURNING]."""
    target = table(walk, node.relation, scope, ctes=False)
    scope.sources.append(target)
    others = from_items(walk, node.using_clause, scope)
    predicate(walk, node.where_clause, scope)
    return _finish(walk, node, scope, target, {}, ((), others))


def merge(walk: Walk, node: Node, scope: Scope) -> Columns:
    """MERGE INTO … USING … WHEN … [RETURNING]."""
    target = table(walk, node.relation, scope, ctes=False)
    source = from_item(walk, node.source_relation, scope)
    scope.sources.append(target)
    predicate(walk, node.join_condition, scope)
    written: Written = {}
    for clause in node.merge_when_clauses:
        written = _both(written, _merge_clause(walk, clause.merge_when_clause, scope, target))
    # RETURNING * lists the source's columns before the target's.
    return _finish(walk, node, scope, target, written, (source, ()))


def _merge_clause(walk: Walk, clause: Node, scope: Scope, target: Source) -> Written:
    predicate(walk, clause.condition, scope)
    if not clause.values:
        return _assigned(walk, clause.target_list, scope)
    names = [t.res_target.name for t in clause.target_list] or [name for name, _ in target.columns or ()]
    origins = [expression(walk, value, scope) for value in clause.values]
    if len(origins) > len(names):
        return {"": union(origins)}
    return dict(zip(names, origins, strict=False))


def _assigned(walk: Walk, targets: Iterable[Node], scope: Scope) -> Written:
    """SET lists: columns and what they are given."""
    written: dict[str, Origin] = {}
    for target in targets:
        one = target.res_target
        written[one.name] = union((written.get(one.name, EMPTY), expression(walk, one.val, scope)))
    return written


def _both(a: Written, b: Written) -> Written:
    return {name: union((a.get(name, EMPTY), b.get(name, EMPTY))) for name in (*a, *b)}


def _finish(
    walk: Walk, node: Node, scope: Scope, target: Source, written: Written, around: _Around = ((), ())
) -> Columns:
    """Note what is stored, then walk RETURNING, where columns of the target may hold what was just written."""
    for name, origin in written.items():
        _store(walk, target, name, origin)
    returned = _returned(target, written)
    if target.rules:
        walk.store(opaque(f"rules of {target.name}"))
        returned = open_source(target.name, with_opaque(returned.whole, f"rules of {target.name}"))
    others = [s for s in scope.sources if s is not target]
    inner = Scope(scope.parent, scope.ctes, [returned, *others, *_old_and_new(node, returned)], scope.merging)
    parts = (around[0], returned.columns, around[1])
    star = None if any(p is None for p in parts) else tuple(c for p in parts for c in p or ())
    return target_columns(walk, node.returning_clause.exprs, inner, star)


def _store(walk: Walk, target: Source, name: str, origin: Origin) -> None:
    """A column written back into itself (`set ssn = trim(ssn)`) goes nowhere."""
    own = target.names.get(name, EMPTY).columns
    walk.store(Origin(origin.columns - own, origin.opaque))


def _returned(target: Source, written: Written) -> Source:
    """The target with each column deriving from its own contents and from what is written into it."""
    if not written:
        return target
    every = written.get("", EMPTY)
    names = {n: union((o, every, written.get(n, EMPTY))) for n, o in target.names.items()}
    columns = None if target.columns is None else tuple((n, names.get(n, o)) for n, o in target.columns)
    rest = None if target.rest is None else union((target.rest, *written.values()))
    return replace(target, columns=columns, names=names, whole=union((target.whole, *written.values())), rest=rest)


def _old_and_new(node: Node, returned: Source) -> list[Source]:
    """OLD and NEW of RETURNING (PostgreSQL 18), under the names WITH (…) gives them. They add nothing to `*`."""
    names = {1: "old", 2: "new"}
    for one in node.returning_clause.options:
        names[one.returning_option.option] = one.returning_option.value
    return [replace(returned, name=name) for name in names.values()]
