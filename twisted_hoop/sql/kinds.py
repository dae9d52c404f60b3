"""Every statement of PostgreSQL 18's grammar: what it is called in rules, and the classes it always has.

A statement that is not here is "unknown". A test holds the table against the grammar's own list.
"""

from __future__ import annotations

from collections.abc import Mapping

_TABLE = """
SelectStmt              select           read
InsertStmt              insert           write
UpdateStmt              update           write
DeleteStmt              delete           write
MergeStmt               merge            write
TruncateStmt            truncate         write
CopyStmt                copy             -
CallStmt                call             dynamic
DoStmt                  do               dynamic
PrepareStmt             prepare          -
ExecuteStmt             execute          execute
DeallocateStmt          deallocate       session
DeclareCursorStmt       declare          -
FetchStmt               -                cursor
ClosePortalStmt         close            cursor
ExplainStmt             explain          read
TransactionStmt         -                transaction
ConstraintsSetStmt      set              transaction
LockStmt                lock             transaction
VariableSetStmt         -                -
VariableShowStmt        show             session
DiscardStmt             discard          session
NotifyStmt              notify           notify
ListenStmt              listen           notify
UnlistenStmt            unlisten         notify
VacuumStmt              -                maintenance
ClusterStmt             cluster          maintenance
ReindexStmt             reindex          maintenance
CheckPointStmt          checkpoint       maintenance
RefreshMatViewStmt      refresh          maintenance
LoadStmt                load             dynamic administration
CreateStmt              create           ddl
CreateTableAsStmt       create           ddl write
CreateForeignTableStmt  create           ddl administration
ViewStmt                create           ddl
IndexStmt               create           ddl
CreateSeqStmt           create           ddl
CreateSchemaStmt        create           ddl
CreateDomainStmt        create           ddl
CreateEnumStmt          create           ddl
CreateRangeStmt         create           ddl dynamic
CompositeTypeStmt       create           ddl
CreateStatsStmt         create           ddl
DefineStmt              create           ddl
CreateFunctionStmt      create           ddl dynamic
CreateTrigStmt          create           ddl dynamic
RuleStmt                create           ddl dynamic
CreateEventTrigStmt     create           ddl dynamic administration
CreateCastStmt          create           ddl dynamic
CreateConversionStmt    create           ddl dynamic
CreateTransformStmt     create           ddl dynamic
CreateOpClassStmt       create           ddl dynamic
CreateOpFamilyStmt      create           ddl dynamic
CreatePLangStmt         create           ddl dynamic
CreateAmStmt            create           ddl dynamic administration
CreateExtensionStmt     create           ddl dynamic
CreateFdwStmt           create           ddl dynamic administration
CreateForeignServerStmt create           ddl administration
CreateUserMappingStmt   create           ddl administration
CreatePolicyStmt        create           ddl privilege
CreatePublicationStmt   create           ddl administration
CreateSubscriptionStmt  create           ddl administration
CreateTableSpaceStmt    create           ddl administration
CreatedbStmt            create           ddl administration
CreateRoleStmt          create           privilege administration
AlterTableStmt          alter            ddl
AlterTableMoveAllStmt   alter            ddl administration
AlterDomainStmt         alter            ddl
AlterEnumStmt           alter            ddl
AlterTypeStmt           alter            ddl dynamic
AlterSeqStmt            alter            ddl
AlterStatsStmt          alter            ddl
AlterCollationStmt      alter            ddl
AlterObjectSchemaStmt   alter            ddl
AlterObjectDependsStmt  alter            ddl
RenameStmt              alter            ddl
AlterFunctionStmt       alter            ddl dynamic
AlterOperatorStmt       alter            ddl dynamic
AlterOpFamilyStmt       alter            ddl dynamic
AlterTSDictionaryStmt   alter            ddl
AlterTSConfigurationStmt alter           ddl
AlterExtensionStmt      alter            ddl dynamic
AlterExtensionContentsStmt alter         ddl dynamic
AlterEventTrigStmt      alter            ddl administration
AlterOwnerStmt          alter            ddl privilege
AlterPolicyStmt         alter            ddl privilege
AlterDefaultPrivilegesStmt alter         privilege
AlterRoleStmt           alter            privilege administration
AlterRoleSetStmt        alter            privilege administration
AlterDatabaseStmt       alter            ddl administration
AlterDatabaseSetStmt    alter            ddl administration
AlterDatabaseRefreshCollStmt alter       ddl administration
AlterTableSpaceOptionsStmt alter         ddl administration
AlterSystemStmt         alter            administration
AlterFdwStmt            alter            ddl dynamic administration
AlterForeignServerStmt  alter            ddl administration
AlterUserMappingStmt    alter            ddl administration
AlterPublicationStmt    alter            ddl administration
AlterSubscriptionStmt   alter            ddl administration
DropStmt                drop             ddl
DropOwnedStmt           drop             ddl privilege write
DropRoleStmt            drop             privilege administration
DropTableSpaceStmt      drop             ddl administration
DropdbStmt              drop             ddl administration
DropSubscriptionStmt    drop             ddl administration
DropUserMappingStmt     drop             ddl administration
ReassignOwnedStmt       reassign         ddl privilege
ImportForeignSchemaStmt import           ddl administration
CommentStmt             comment          ddl
SecLabelStmt            security-label   ddl privilege
GrantStmt               -                privilege
GrantRoleStmt           -                privilege
"""

_ROWS = [line.split() for line in _TABLE.strip().splitlines()]
KINDS: Mapping[str, str] = {row[0]: row[1].strip("-") for row in _ROWS}
"""Statement node → kind; empty where the node's own fields decide."""
CLASSES: Mapping[str, tuple[str, ...]] = {row[0]: tuple(c for c in row[2:] if c != "-") for row in _ROWS}
"""Statement node → classes it always has."""
NOT_STATEMENTS = frozenset(("RawStmt", "SetOperationStmt", "ReturnStmt", "PLAssignStmt", "ReplicaIdentityStmt"))
"""Nodes called statements that a client cannot send as one: parts of others, or made by the planner."""
CHANGES_CATALOGUE = frozenset(("create", "alter", "drop", "import", "reassign"))
"""Kinds after which names may mean something else."""
TRANSACTIONS = {
    1: "begin",
    2: "begin",
    3: "commit",
    4: "rollback",
    5: "savepoint",
    6: "release",
    7: "rollback",
    8: "prepare-transaction",
    9: "commit-prepared",
    10: "rollback-prepared",
}
"""TransactionStmtKind → kind."""
