"""Every statement of the grammar is classified."""

from __future__ import annotations

import pytest
from postgast import pg_query_pb2

from tests.support.sql import only
from twisted_hoop.policy.what import CLASSES as KNOWN_CLASSES
from twisted_hoop.sql.kinds import CLASSES, KINDS, NOT_STATEMENTS, TRANSACTIONS


def test_every_statement_node_of_the_grammar_is_in_the_table() -> None:
    """P14: a statement that a later grammar adds fails here, not in production."""
    nodes = {f.message_type.name for f in pg_query_pb2.Node.DESCRIPTOR.oneofs[0].fields}
    statements = {name for name in nodes if name.endswith("Stmt")}
    assert statements == set(KINDS) | NOT_STATEMENTS
    assert not set(KINDS) & NOT_STATEMENTS


def test_classes_are_ones_that_rules_know() -> None:
    assert {c for classes in CLASSES.values() for c in classes} <= KNOWN_CLASSES


def test_transactions_of_every_kind() -> None:
    kinds = {v.number for v in pg_query_pb2.TransactionStmtKind.DESCRIPTOR.values} - {0}
    assert set(TRANSACTIONS) == kinds


ONE_OF_EACH = """
select 1|select|read; values (1)|select|read; insert into t values (1)|insert|write; update t set a=1|update|write
delete from t|delete|write; merge into t using u on true when matched then delete|merge|read write
truncate t|truncate|write; copy t to stdout|copy|read copy-out; call p()|call|dynamic; do 'x'|do|dynamic
prepare p as select 1|prepare|read; execute p|execute|execute; deallocate p|deallocate|session
declare c cursor for select 1|declare|read; fetch c|fetch|cursor; move c|move|cursor; close c|close|cursor
explain select 1|explain|read; begin|begin|transaction; start transaction|begin|transaction; commit|commit|transaction
end|commit|transaction; rollback|rollback|transaction; abort|rollback|transaction; savepoint s|savepoint|transaction
release s|release|transaction; rollback to s|rollback|transaction
prepare transaction 'x'|prepare-transaction|transaction administration
commit prepared 'x'|commit-prepared|transaction administration
rollback prepared 'x'|rollback-prepared|transaction administration; set constraints all deferred|set|transaction
lock t|lock|transaction; set a = 1|set|session; reset a|reset|session; show a|show|session
discard all|discard|session; notify c|notify|notify; listen c|listen|notify; unlisten *|unlisten|notify
vacuum|vacuum|maintenance; analyze t|analyze|maintenance; cluster t|cluster|maintenance
reindex table t|reindex|maintenance; checkpoint|checkpoint|maintenance
refresh materialized view m|refresh|maintenance; load 'x'|load|dynamic administration
create table t (a int)|create|ddl; create table t as select 1|create|ddl write read
create view v as select 1|create|ddl read; create materialized view v as select 1|create|ddl write read
create index i on t (a)|create|ddl; create sequence s|create|ddl; create schema s|create|ddl
create domain d as int|create|ddl; create type e as enum ('a')|create|ddl
create type r as range (subtype = int)|create|ddl dynamic; create type c as (a int)|create|ddl
create statistics s on a, b from t|create|ddl; create collation c from "C"|create|ddl
create aggregate a (int) (sfunc = f, stype = int)|create|ddl dynamic
create operator + (function = f, leftarg = int)|create|ddl dynamic
create type t (input = f, output = g)|create|ddl dynamic
create function f() returns int as 'x' language sql|create|ddl dynamic
create procedure p() as 'x' language sql|create|ddl dynamic
create trigger g before insert on t execute function f()|create|ddl dynamic
create rule r as on insert to t do nothing|create|ddl dynamic
create event trigger g on ddl_command_end execute function f()|create|ddl dynamic administration
create cast (a as b) with function f(a)|create|ddl dynamic
create conversion c for 'UTF8' to 'LATIN1' from f|create|ddl dynamic
create transform for a language l (from sql with function f(internal))|create|ddl dynamic
create operator class c for type int using btree as operator 1 <|create|ddl dynamic
create operator family f using btree|create|ddl dynamic; create trusted language l handler h|create|ddl dynamic
create access method a type table handler h|create|ddl dynamic administration; create extension e|create|ddl dynamic
create foreign data wrapper w|create|ddl dynamic administration
create server s foreign data wrapper w|create|ddl administration
create user mapping for u server s|create|ddl administration
create foreign table t (a int) server s|create|ddl administration; create policy p on t|create|ddl privilege
create publication p for table t|create|ddl administration read
create subscription s connection 'x' publication p|create|ddl administration
create tablespace t location 'x'|create|ddl administration; create database d|create|ddl administration
create role r|create|privilege administration; create user u|create|privilege administration
create text search configuration c (copy = d)|create|ddl
create text search template t (lexize = f)|create|ddl dynamic; alter table t add a int|alter|ddl
alter table all in tablespace a set tablespace b|alter|ddl administration; alter domain d drop default|alter|ddl
alter type e add value 'x'|alter|ddl; alter type t set (send = f)|alter|ddl dynamic
alter sequence s restart|alter|ddl; alter statistics s set statistics 1|alter|ddl
alter collation c refresh version|alter|ddl; alter table t set schema s|alter|ddl
alter function f() depends on extension e|alter|ddl; alter table t rename to u|alter|ddl
alter function f() stable|alter|ddl dynamic; alter operator + (int, int) set (restrict = none)|alter|ddl dynamic
alter operator family f using btree drop operator 1 (int, int)|alter|ddl dynamic
alter text search dictionary d (a = 1)|alter|ddl; alter text search configuration c drop mapping for a|alter|ddl
alter extension e update|alter|ddl dynamic; alter extension e add table t|alter|ddl dynamic
alter event trigger g disable|alter|ddl administration; alter table t owner to u|alter|ddl privilege
alter view v owner to u|alter|ddl privilege; alter schema s owner to u|alter|ddl privilege
alter policy p on t using (true)|alter|ddl privilege
alter default privileges grant select on tables to u|alter|privilege
alter role r superuser|alter|privilege administration; alter role r set a = 1|alter|privilege administration
alter database d set tablespace t|alter|ddl administration; alter database d set a = 1|alter|ddl administration
alter database d refresh collation version|alter|ddl administration
alter tablespace t set (a = 1)|alter|ddl administration; alter system set a = 1|alter|administration
alter foreign data wrapper w options (a 'b')|alter|ddl dynamic administration
alter server s version 'x'|alter|ddl administration
alter user mapping for u server s options (a 'b')|alter|ddl administration
alter publication p add table t|alter|ddl administration read; alter subscription s disable|alter|ddl administration
drop table t|drop|ddl; drop owned by u|drop|ddl privilege write; drop role r|drop|privilege administration
drop policy p on t|drop|ddl privilege; drop tablespace t|drop|ddl administration
drop database d|drop|ddl administration; drop subscription s|drop|ddl administration
drop user mapping for u server s|drop|ddl administration; drop server s|drop|ddl administration
drop publication p|drop|ddl administration; drop event trigger g|drop|ddl administration
reassign owned by a to b|reassign|ddl privilege
import foreign schema a from server s into b|import|ddl administration; comment on table t is 'x'|comment|ddl
security label on table t is 'x'|security-label|ddl privilege; grant select on t to u|grant|privilege
revoke select on t from u|revoke|privilege; grant a to b|grant|privilege; revoke a from b|revoke|privilege
"""
ROWS = [tuple(row.strip().split("|")) for line in ONE_OF_EACH.strip().splitlines() for row in line.split("; ")]


@pytest.mark.parametrize(("text", "kind", "classes"), ROWS)
def test_kind_and_class(text: str, kind: str, classes: str) -> None:
    statement = only(text)
    assert statement.kind == kind
    assert statement.facts["class"] == set(classes.split())


def test_the_rows_above_leave_no_statement_out() -> None:
    seen = {only(row[0]).tree.DESCRIPTOR.name for row in ROWS}
    assert set(KINDS) - seen == set()
