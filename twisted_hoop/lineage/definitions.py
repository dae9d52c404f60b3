"""Definitions: statements that change what names mean, or that leave expressions behind to be evaluated later (M7).

A new name for a masked column counts as storing it: until the change is committed and the catalogue read again, a
statement in the same transaction, or one that waits for it in another session, would be judged by the old names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from postgast import pg_query_pb2 as pb

from twisted_hoop.lineage.expressions import expression
from twisted_hoop.lineage.scope import Node, Scope, Source, Walk, open_source
from twisted_hoop.lineage.sources import table
from twisted_hoop.lineage.values import EMPTY, Columns, Origin, opaque, union, whole

_NOBODY = Scope(None, {})
_OF_A_TABLE = frozenset((pb.OBJECT_TABCONSTRAINT, pb.OBJECT_TRIGGER, pb.OBJECT_RULE, pb.OBJECT_POLICY))
_WITH_CODE = frozenset(
    (
        pb.OBJECT_FUNCTION, pb.OBJECT_PROCEDURE, pb.OBJECT_ROUTINE, pb.OBJECT_AGGREGATE, pb.OBJECT_OPERATOR,
        pb.OBJECT_SCHEMA, pb.OBJECT_EXTENSION,
    )
)  # fmt: skip
_KEPT = frozenset((pb.CONSTR_DEFAULT, pb.CONSTR_GENERATED))
_EXPRESSION_COMMANDS = frozenset((pb.AT_ColumnDefault, pb.AT_SetExpression))


def _view(walk: Walk, node: Node) -> Columns:
    walk.store(whole(walk.query(walk, node.query, None, {})))
    return ()


def _rule(walk: Walk, node: Node) -> Columns:
    """A rule copies rows of its table when later statements change them."""
    source = table(walk, node.relation, _NOBODY, ctes=False)
    walk.store(walk.read(source.whole))
    walk.store(opaque("a rule acts in later statements"))
    return ()


def _create_table(walk: Walk, node: Node) -> Columns:
    """Defaults are values; checks only matter when they keep what they are given."""
    elements = [*node.table_elts, *node.constraints]
    _elements(walk, elements, Scope(None, {}, [open_source("", EMPTY)]))
    return ()


def _create_foreign_table(walk: Walk, node: Node) -> Columns:
    """It may show any table, of this server too."""
    walk.store(opaque("a foreign table shows what its options name"))
    return _create_table(walk, node.base_stmt)


def _elements(walk: Walk, nodes: Iterable[Node], scope: Scope) -> Origin:
    """Walk column definitions and constraints; the union of what defaults and generated columns derive from."""
    found = [_element(walk, node, scope) for node in nodes]
    origin = union(found)
    walk.store(Origin(opaque=origin.opaque))
    return origin


def _element(walk: Walk, node: Node, scope: Scope) -> Origin:
    kind = node.WhichOneof("node")
    if kind == "column_def":
        value = expression(walk, node.column_def.raw_default, scope)
        return union((value, _elements(walk, node.column_def.constraints, scope)))
    if kind != "constraint":
        return EMPTY
    origin = expression(walk, node.constraint.raw_expr, scope)
    if node.constraint.contype in _KEPT:
        return origin
    walk.predicate(origin)
    return EMPTY


def _create_domain(walk: Walk, node: Node) -> Columns:
    _elements(walk, node.constraints, _any_value())
    return ()


def _alter_domain(walk: Walk, node: Node) -> Columns:
    """A new check is run over every column of the domain at once; a new default is a value."""
    definition = getattr(node, "def")
    if definition.HasField("constraint"):
        _elements(walk, [definition], _any_value())
    elif definition.WhichOneof("node") is not None:
        walk.store(expression(walk, definition, _any_value()))
    return ()


def _any_value() -> Scope:
    """VALUE of a domain may be anything that is ever cast to it."""
    return Scope(None, {}, [open_source("", opaque("a domain's value"))])


def _policy(walk: Walk, node: Node) -> Columns:
    """A policy's expression is run over rows that later statements read."""
    scope = Scope(None, {}, [table(walk, node.table, _NOBODY, ctes=False)])
    walk.predicate(union((expression(walk, node.qual, scope), expression(walk, node.with_check, scope))))
    return ()


def _alter_table(walk: Walk, node: Node) -> Columns:
    """ALTER TYPE … USING, defaults, generated columns, and new parents, which show the rows of their children."""
    source = table(walk, node.relation, _NOBODY, ctes=False)
    scope = Scope(None, {}, [source])
    for command in node.cmds:
        _alter_command(walk, command.alter_table_cmd, scope, source)
    return ()


def _alter_command(walk: Walk, command: Node, scope: Scope, source: Source) -> None:
    definition = getattr(command, "def")
    if command.subtype == pb.AT_AddInherit:
        walk.store(source.whole)
    elif command.subtype == pb.AT_AttachPartition:
        walk.store(table(walk, definition.partition_cmd.name, _NOBODY, ctes=False).whole)
    elif command.subtype in _EXPRESSION_COMMANDS:
        _store_in(walk, command.name, expression(walk, definition, scope), source)
    else:
        _store_in(walk, command.name, _element(walk, definition, scope), source)


def _store_in(walk: Walk, name: str, origin: Origin, source: Source) -> None:
    own = source.names.get(name, EMPTY).columns
    walk.store(Origin(origin.columns - own, origin.opaque))


def _rename(walk: Walk, node: Node) -> Columns:
    column = node.subname if node.rename_type in (pb.OBJECT_COLUMN, pb.OBJECT_ATTRIBUTE) else ""
    _renamed(walk, node.rename_type, node, column)
    return ()


def _set_schema(walk: Walk, node: Node) -> Columns:
    _renamed(walk, node.object_type, node, "")
    return ()


def _renamed(walk: Walk, kind: int, node: Node, column: str) -> None:
    """Any kind of name may be a table's: ALTER INDEX renames tables too. What is unknown holds nothing masked."""
    if kind in _WITH_CODE:
        walk.store(opaque("names of code change"))
    relation = node.relation
    if kind in _OF_A_TABLE or not walk.relations.catalogue.candidates(relation.schemaname, relation.relname):
        return
    source = walk.relations.find(relation.schemaname, relation.relname)
    found = source.find(column) if column else source.whole
    walk.store(Origin((found or source.whole).columns))


def _define(walk: Walk, node: Node) -> Columns:
    """Operators and aggregates run functions under another name; types, dictionaries and collations do not."""
    if node.kind in _WITH_CODE:
        walk.store(opaque("a definition runs functions under another name"))
    return ()


DEFINITIONS: Mapping[str, Callable[[Walk, Node], Columns]] = {
    "view_stmt": _view,
    "rule_stmt": _rule,
    "create_stmt": _create_table,
    "create_foreign_table_stmt": _create_foreign_table,
    "create_domain_stmt": _create_domain,
    "alter_domain_stmt": _alter_domain,
    "create_policy_stmt": _policy,
    "alter_policy_stmt": _policy,
    "alter_table_stmt": _alter_table,
    "rename_stmt": _rename,
    "alter_object_schema_stmt": _set_schema,
    "define_stmt": _define,
}
