"""Which function knows which node of the parse tree. A node without an entry is entered generically."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from postgast.pg_query_pb2 import Node

from twisted_hoop.sql import admin as sql_admin
from twisted_hoop.sql import change as sql_change
from twisted_hoop.sql import expressions as sql_expressions
from twisted_hoop.sql import objects as sql_objects
from twisted_hoop.sql import session as sql_session
from twisted_hoop.sql.copy import copy
from twisted_hoop.sql.query import from_item, subquery
from twisted_hoop.sql.walk import FIELDS, Handler, Scope, Walk, relation_name


def _like(walk: Walk, clause: Any, scope: Scope) -> None:
    """LIKE table in CREATE TABLE: its shape is read."""
    walk.found.reads(relation_name(clause.relation))


def _constraint(walk: Walk, constraint: Any, scope: Scope) -> None:
    """A constraint: a foreign key names another table."""
    if constraint.HasField("pktable"):
        sql_objects.mentioned(walk, constraint.pktable)
    walk.children(constraint, scope, "pktable")


def _element(walk: Walk, element: Any, scope: Scope) -> None:
    """An option: what stands in it, but a nested SET is not one of this session."""
    if element.arg.HasField("variable_set_stmt"):
        walk.found.add("setting", element.arg.variable_set_stmt.name.lower() or "*")
    else:
        walk.node(element.arg, scope)


def _stray_source(field: str) -> Handler:
    """FROM items reached generically (CREATE STATISTICS … FROM)."""

    def handle(walk: Walk, item: Any, scope: Scope) -> None:
        node = _wrap(field, item)
        from_item(walk, node, scope.inner())

    return handle


def _wrap(field: str, item: Any) -> Any:
    node = Node()
    getattr(node, field).CopyFrom(item)
    return node


_EXPRESSIONS: dict[str, Handler] = {
    "ColumnRef": sql_expressions.column,
    "A_Const": sql_expressions.constant,
    "A_Expr": sql_expressions.operator,
    "BoolExpr": sql_expressions.boolean,
    "TypeCast": sql_expressions.cast,
    "ResTarget": sql_expressions.target,
    "FuncCall": sql_expressions.call,
    "RoleSpec": sql_expressions.role,
    "ParamRef": sql_expressions.nothing,
    "TypeName": sql_expressions.nothing,
    "String": sql_expressions.nothing,
    "A_Star": sql_expressions.nothing,
    "SelectStmt": subquery,
    "RangeVar": sql_objects.relation,
    "ObjectWithArgs": sql_objects.object_with_args,
    "DefElem": _element,
    "Constraint": _constraint,
    "TableLikeClause": _like,
    "PublicationTable": sql_admin.published,
    "JoinExpr": _stray_source("join_expr"),
    "RangeSubselect": _stray_source("range_subselect"),
}
_CHANGES: dict[str, Handler] = {
    "InsertStmt": sql_change.insert,
    "UpdateStmt": sql_change.update,
    "DeleteStmt": sql_change.delete,
    "MergeStmt": sql_change.merge,
    "TruncateStmt": sql_change.truncate,
    "CopyStmt": copy,
}
_SESSION: dict[str, Handler] = {
    "VariableSetStmt": sql_session.variable_set,
    "VariableShowStmt": sql_session.variable_show,
    "DiscardStmt": sql_session.discard,
    "TransactionStmt": sql_session.transaction,
    "PrepareStmt": sql_session.prepare,
    "ExecuteStmt": sql_session.execute,
    "DeallocateStmt": sql_session.deallocate,
    "DeclareCursorStmt": sql_session.declare,
    "FetchStmt": sql_session.fetch,
    "ClosePortalStmt": sql_session.close,
    "NotifyStmt": sql_session.notify,
}
_OBJECTS: dict[str, Handler] = {
    "DropStmt": sql_objects.drop,
    "CommentStmt": sql_objects.on_object("objtype"),
    "SecLabelStmt": sql_objects.on_object("objtype"),
    "RenameStmt": sql_objects.on_object("rename_type"),
    "AlterOwnerStmt": sql_objects.on_object("object_type"),
    "AlterObjectSchemaStmt": sql_objects.on_object("object_type"),
    "AlterObjectDependsStmt": sql_objects.on_object("object_type"),
    "AlterTableStmt": sql_objects.alter_table,
    "ViewStmt": sql_objects.create_view,
    "CreateTableAsStmt": sql_objects.create_table_as,
    "CreateSchemaStmt": sql_objects.create_schema,
    "IndexStmt": sql_objects.create_index,
    "RuleStmt": sql_objects.create_rule,
    "CreateFunctionStmt": sql_objects.create_function,
    "AlterFunctionStmt": sql_objects.alter_function,
    "CreateTrigStmt": sql_objects.function_named("funcname"),
    "CreateEventTrigStmt": sql_objects.function_named("funcname"),
    "CreateConversionStmt": sql_objects.function_named("func_name"),
    "DefineStmt": sql_objects.define,
}
_ADMINISTRATION: dict[str, Handler] = {
    "GrantStmt": sql_admin.grant,
    "GrantRoleStmt": sql_admin.grant_role,
    "AlterDefaultPrivilegesStmt": sql_admin.default_privileges,
    "CreateRoleStmt": sql_admin.role_statement,
    "DropOwnedStmt": sql_admin.owned,
    "AlterRoleSetStmt": sql_admin.setting_of("database"),
    "AlterDatabaseSetStmt": sql_admin.setting_of("dbname"),
    "AlterSystemStmt": sql_admin.setting_of(),
    "CreatedbStmt": sql_admin.database,
    "AlterDatabaseStmt": sql_admin.database,
    "AlterDatabaseRefreshCollStmt": sql_admin.database,
    "DropdbStmt": sql_admin.database,
    "CreateExtensionStmt": sql_admin.extension,
    "AlterExtensionStmt": sql_admin.extension,
    "AlterExtensionContentsStmt": sql_admin.extension_contents,
    "ImportForeignSchemaStmt": sql_admin.import_schema,
    "CreateSubscriptionStmt": sql_admin.subscription,
    "AlterSubscriptionStmt": sql_admin.subscription,
    "CreatePLangStmt": sql_admin.handler,
    "CreateAmStmt": sql_admin.handler,
    "ExplainStmt": sql_admin.explain,
    "CallStmt": sql_admin.call_procedure,
    "DoStmt": sql_admin.do,
    "VacuumStmt": sql_admin.vacuum,
    "ClusterStmt": sql_admin.on_relation,
    "ReindexStmt": sql_admin.reindex,
    "RefreshMatViewStmt": sql_admin.refresh,
    "LockStmt": sql_admin.lock,
}
BY_TYPE: Mapping[str, Handler] = {**_EXPRESSIONS, **_CHANGES, **_SESSION, **_OBJECTS, **_ADMINISTRATION}
"""Message type → handler."""
BY_FIELD: Mapping[str, Handler] = {field: BY_TYPE[name] for field, name in FIELDS.items() if name in BY_TYPE}
"""Field of the Node union → handler."""
