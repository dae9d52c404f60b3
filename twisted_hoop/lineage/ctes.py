"""WITH queries: evaluated once each, recursive ones until nothing changes."""

from __future__ import annotations

from collections.abc import Sequence

from twisted_hoop.lineage.scope import Cte, Ctes, Node, Scope, Walk, rename
from twisted_hoop.lineage.values import Columns, union, union_columns


def with_clause(walk: Walk, clause: Node, parent: Scope | None, ctes: Ctes) -> Ctes:
    """The WITH queries visible below a WITH clause. Each one is walked, used or not: it may change data."""
    if not clause.ctes:
        return ctes
    walk.groups += 1
    visible = dict(ctes)
    made: list[Cte] = []
    for node in clause.ctes:
        one = node.common_table_expr
        # Without RECURSIVE a query sees the earlier ones only; a later name means a table.
        cte = Cte(one, walk.groups, visible if clause.recursive else dict(visible), parent)
        visible[one.ctename] = cte
        made.append(cte)
        if not clause.recursive:
            cte_columns(walk, cte)
    for cte in made:
        cte_columns(walk, cte)
    return visible


def cte_columns(walk: Walk, cte: Cte) -> Columns:
    """What a WITH query yields; what is known so far when it is asked for by itself; None when that is nothing."""
    if cte.state == "running":
        cte.seen = True
        above = walk.running[walk.running.index(cte) + 1 :]
        # PostgreSQL refuses mutual recursion; what a sibling has read too early must not be kept.
        return None if any(c.group == cte.group for c in above) else cte.columns
    if cte.state == "waiting":
        cte.state = "running"
        walk.running.append(cte)
        cte.columns = _evaluate(walk, cte)
        walk.running.pop()
        cte.state = "done"
    return cte.columns


def _evaluate(walk: Walk, cte: Cte) -> Columns:
    query = cte.node.ctequery
    if query.WhichOneof("node") == "select_stmt" and query.select_stmt.HasField("larg"):
        select = query.select_stmt
        ctes = with_clause(walk, select.with_clause, cte.parent, cte.ctes)
        cte.columns = _named(cte, walk.query(walk, select.larg, cte.parent, ctes))
        cte.seen = False
    columns = _named(cte, walk.query(walk, query, cte.parent, cte.ctes))
    return _until_stable(walk, cte, columns) if cte.seen else columns


def _until_stable(walk: Walk, cte: Cte, columns: Columns) -> Columns:
    """Walk the recursive query again until its origins do not grow any more: at most as often as it has columns."""
    for _ in range(len(columns or ()) + 2):
        cte.columns = columns
        again = _grown(columns, _named(cte, walk.query(walk, cte.node.ctequery, cte.parent, cte.ctes)))
        if again == columns:
            return columns
        columns = again
    return None


def _grown(old: Columns, new: Columns) -> Columns:
    if old is None or new is None or len(old) != len(new):
        return None
    return tuple((name, union((a, b))) for (name, a), (_, b) in zip(old, new, strict=True))


def _named(cte: Cte, columns: Columns) -> Columns:
    columns = rename(columns, [n.string.sval for n in cte.node.aliascolnames])
    if columns is None:
        return None
    origin = union_columns(columns)
    extra = _added_names(cte)
    known = {name for name, _ in columns}
    return (*columns, *((n, origin) for n in extra if n not in known))


def _added_names(cte: Cte) -> Sequence[str]:
    """Columns that SEARCH and CYCLE add; we let each derive from the whole row."""
    node = cte.node
    names = [node.search_clause.search_seq_column] if node.HasField("search_clause") else []
    if node.HasField("cycle_clause"):
        names += [node.cycle_clause.cycle_mark_column, node.cycle_clause.cycle_path_column]
    return names
