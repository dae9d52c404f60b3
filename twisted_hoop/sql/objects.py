"""DDL: which objects are made, changed or dropped, and what they can do later.

Most definitions are entered generically: whatever relation, function, role or query stands in them is noted. Here is
what generic entry cannot know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from postgast import pg_query_pb2 as pg

from twisted_hoop.sql.expressions import called
from twisted_hoop.sql.query import created, noted_schema
from twisted_hoop.sql.session import setting_value
from twisted_hoop.sql.walk import Scope, Walk, dotted, part, relation_name, strings

_CASCADE = 2
_RELATIONS = frozenset(
    (pg.OBJECT_TABLE, pg.OBJECT_VIEW, pg.OBJECT_MATVIEW, pg.OBJECT_SEQUENCE, pg.OBJECT_FOREIGN_TABLE, pg.OBJECT_INDEX)
)
_OF_RELATIONS = frozenset(
    (pg.OBJECT_TRIGGER, pg.OBJECT_RULE, pg.OBJECT_POLICY, pg.OBJECT_COLUMN, pg.OBJECT_TABCONSTRAINT)
)
_FUNCTIONS = frozenset((pg.OBJECT_FUNCTION, pg.OBJECT_PROCEDURE, pg.OBJECT_AGGREGATE, pg.OBJECT_ROUTINE))
_NAMED = {
    pg.OBJECT_SCHEMA: "schema",
    pg.OBJECT_EXTENSION: "extension",
    pg.OBJECT_DATABASE: "database",
    pg.OBJECT_ROLE: "role",
}
_ADMINISTRATION = frozenset(
    (
        pg.OBJECT_DATABASE,
        pg.OBJECT_FDW,
        pg.OBJECT_FOREIGN_SERVER,
        pg.OBJECT_USER_MAPPING,
        pg.OBJECT_PUBLICATION,
        pg.OBJECT_SUBSCRIPTION,
        pg.OBJECT_TABLESPACE,
        pg.OBJECT_EVENT_TRIGGER,
        pg.OBJECT_ACCESS_METHOD,
    )
)
_PRIVILEGE = frozenset((pg.OBJECT_POLICY, pg.OBJECT_ROLE))
_LARGE_OBJECT = pg.OBJECT_LARGEOBJECT
_DYNAMIC_DEFINITIONS = frozenset(
    (pg.OBJECT_AGGREGATE, pg.OBJECT_OPERATOR, pg.OBJECT_TYPE, pg.OBJECT_TSPARSER, pg.OBJECT_TSTEMPLATE)
)
_GUARDS = frozenset(
    (
        pg.AT_ChangeOwner,
        pg.AT_EnableRowSecurity,
        pg.AT_DisableRowSecurity,
        pg.AT_ForceRowSecurity,
        pg.AT_NoForceRowSecurity,
        *range(pg.AT_EnableTrig, pg.AT_DisableRule + 1),
    )
)
"""Parts of ALTER TABLE that change who may do what: ownership, row security, triggers and rules."""


def relation(walk: Walk, item: Any, scope: Scope) -> None:
    """A relation in a definition: it is made or changed."""
    created(walk, item)


def mentioned(walk: Walk, item: Any) -> None:
    """A relation that is named, without its data being read or changed."""
    walk.found.add("table", relation_name(item))
    noted_schema(walk, item)


def _cascades(walk: Walk, stmt: Any) -> None:
    if stmt.behavior == _CASCADE:
        walk.found.flag("cascade")


def named(walk: Walk, kind: int, node: Any) -> None:
    """An object by its ObjectType and name, as DROP, COMMENT, ALTER … OWNER and others write it."""
    which = node.WhichOneof("node")
    if kind in _FUNCTIONS:
        names = node.object_with_args.objname if which == "object_with_args" else node.list.items
        called(walk, strings(names))
        return
    names = strings(node.list.items) if which == "list" else strings([node])
    if kind in _RELATIONS and names:
        walk.found.writes(dotted(names))
    elif kind in _OF_RELATIONS and len(names) > 1:
        walk.found.writes(dotted(names[:-1]))
        names = names[:-1]
    elif kind in _NAMED and names:
        walk.found.add(_NAMED[kind], names[-1])
        return
    if len(names) > 1:
        walk.found.add("schema", names[-2])


def _kind_classes(walk: Walk, kind: int) -> None:
    if kind in _ADMINISTRATION:
        walk.found.add("class", "administration")
    if kind in _PRIVILEGE:
        walk.found.add("class", "privilege")
    if kind == _LARGE_OBJECT:
        walk.found.add("class", "large-object")


def drop(walk: Walk, stmt: Any, scope: Scope) -> None:
    """DROP of nearly everything."""
    for node in stmt.objects:
        named(walk, stmt.remove_type, node)
    _kind_classes(walk, stmt.remove_type)
    _cascades(walk, stmt)
    if stmt.concurrent:
        walk.found.flag("concurrently")


def on_object(kind_field: str, skipped: str = "object") -> Callable[[Walk, Any, Scope], None]:
    """A statement that names one object: COMMENT, SECURITY LABEL, RENAME, SET SCHEMA, OWNER TO …"""

    def handle(walk: Walk, stmt: Any, scope: Scope) -> None:
        kind = getattr(stmt, kind_field)
        named(walk, kind, stmt.object)
        _kind_classes(walk, kind)
        if schema := getattr(stmt, "newschema", ""):
            walk.found.add("schema", schema)
        name = getattr(stmt, "newname", "") or getattr(stmt, "subname", "")
        if name and kind in _NAMED:
            walk.found.add(_NAMED[kind], name, *filter(None, (stmt.subname,)))
        if kind == pg.OBJECT_COLUMN and getattr(stmt, "subname", ""):
            walk.found.add("column", f"{relation_name(stmt.relation)}.{part(stmt.subname)}")
        walk.children(stmt, scope, skipped)

    return handle


def alter_table(walk: Walk, stmt: Any, scope: Scope) -> None:
    """ALTER TABLE, VIEW, INDEX, SEQUENCE …: one or more parts."""
    created(walk, stmt.relation)
    table = relation_name(stmt.relation)
    inner = scope.inner()
    for node in stmt.cmds:
        command = node.alter_table_cmd
        if command.subtype in _GUARDS:
            walk.found.add("class", "privilege")
        if command.name and "Column" in pg.AlterTableType.Name(command.subtype):
            walk.found.add("column", f"{table}.{part(command.name)}")
        if command.subtype == pg.AT_AddColumn:
            walk.found.add("column", f"{table}.{part(getattr(command, 'def').column_def.colname)}")
        _cascades(walk, command)
        walk.children(command, inner)


def create_view(walk: Walk, stmt: Any, scope: Scope) -> None:
    """CREATE VIEW: what it will read is read by whoever may read it (M7)."""
    created(walk, stmt.view)
    walk.statement(stmt.query, scope)


def create_table_as(walk: Walk, stmt: Any, scope: Scope) -> None:
    """CREATE TABLE AS, CREATE MATERIALIZED VIEW, also AS EXECUTE."""
    created(walk, stmt.into.rel)
    walk.found.extra["changes_catalogue"] = True
    walk.statement(stmt.query, scope)


def create_schema(walk: Walk, stmt: Any, scope: Scope) -> None:
    """CREATE SCHEMA with what is made in it."""
    if stmt.schemaname:
        walk.found.add("schema", stmt.schemaname)
    if stmt.HasField("authrole"):
        walk.message(stmt.authrole, scope)
        walk.found.add("class", "privilege")
    for node in stmt.schema_elts:
        walk.statement(node, scope)


def create_index(walk: Walk, stmt: Any, scope: Scope) -> None:
    """CREATE INDEX: its columns are its table's."""
    if stmt.concurrent:
        walk.found.flag("concurrently")
    table = relation_name(stmt.relation)
    for node in (*stmt.index_params, *stmt.index_including_params):
        if node.index_elem.name:
            walk.found.add("column", f"{table}.{part(node.index_elem.name)}")
    walk.children(stmt, scope)


def create_rule(walk: Walk, stmt: Any, scope: Scope) -> None:
    """CREATE RULE: its actions run later, for others."""
    created(walk, stmt.relation)
    walk.node(stmt.where_clause, scope)
    for node in stmt.actions:
        walk.statement(node, scope)


def create_function(walk: Walk, stmt: Any, scope: Scope) -> None:
    """CREATE FUNCTION or PROCEDURE: its body is opaque, unless it is a SQL-standard one (P13)."""
    names = strings(stmt.funcname)
    walk.found.add("function", dotted(names))
    if len(names) > 1:
        walk.found.add("schema", names[-2])
    function_options(walk, stmt.options)
    walk.nodes(stmt.parameters, scope)
    _body(walk, stmt.sql_body, scope)


def _body(walk: Walk, node: Any, scope: Scope) -> None:
    """RETURN expression, or BEGIN ATOMIC with its statements (a list of lists)."""
    which = node.WhichOneof("node")
    if which == "list":
        for item in node.list.items:
            _body(walk, item, scope)
    elif which == "return_stmt":
        walk.children(node.return_stmt, scope)
    elif which is not None:
        walk.statement(node, scope)


def function_options(walk: Walk, options: Any) -> None:
    """SECURITY DEFINER, SET …, LANGUAGE of a function."""
    for node in options:
        option = node.def_elem
        if option.defname == "security" and option.arg.boolean.boolval:
            walk.found.flag("security-definer")
            walk.found.add("class", "privilege")
        elif option.defname == "set":
            walk.found.add("setting", option.arg.variable_set_stmt.name.lower() or "*")
        elif option.defname == "language" and setting_value([option.arg]).lower() in ("c", "internal"):
            walk.found.add("class", "administration")


def alter_function(walk: Walk, stmt: Any, scope: Scope) -> None:
    """ALTER FUNCTION, PROCEDURE, ROUTINE."""
    called(walk, strings(stmt.func.objname))
    function_options(walk, stmt.actions)


def function_named(field: str) -> Callable[[Walk, Any, Scope], None]:
    """A definition that runs a function later: triggers, event triggers, handlers."""

    def handle(walk: Walk, stmt: Any, scope: Scope) -> None:
        called(walk, strings(getattr(stmt, field)))
        walk.children(stmt, scope, field)

    return handle


def object_with_args(walk: Walk, item: Any, scope: Scope) -> None:
    """A function that a cast, operator class or transform will call."""
    if not item.objname:
        return
    called(walk, strings(item.objname))


def define(walk: Walk, stmt: Any, scope: Scope) -> None:
    """CREATE AGGREGATE, OPERATOR, TYPE, COLLATION, TEXT SEARCH …"""
    if stmt.kind in _DYNAMIC_DEFINITIONS:
        walk.found.add("class", "dynamic")
    for node in stmt.definition:
        arg = node.def_elem.arg
        if arg.HasField("type_name") and stmt.kind in _DYNAMIC_DEFINITIONS:
            _maybe_function(walk, node.def_elem.defname, strings(arg.type_name.names))
    walk.children(stmt, scope, "definition")


_FUNCTION_OPTIONS = (
    "sfunc finalfunc combinefunc serialfunc deserialfunc msfunc minvfunc mfinalfunc procedure function restrict join "
    "input output receive send typmod_in typmod_out analyze subscript start gettoken end headline lextypes init "
    "lexize sfunc1"
)


def _maybe_function(walk: Walk, option: str, names: list[str]) -> None:
    if option.lower() in _FUNCTION_OPTIONS.split():
        called(walk, names)
