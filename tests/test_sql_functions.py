"""Functions with effects, against the list a real server gave."""

from __future__ import annotations

import pytest

from tests.support.sql import classes, flags
from twisted_hoop.policy.what import CLASSES
from twisted_hoop.sql.builtins import BUILTINS
from twisted_hoop.sql.functions import EFFECTS, WHOLE_ROW, classes_of, flags_of

CONTRIB = (
    "dblink",
    "crosstab",
    "connectby",
    "xpath_table",
    "http",
    "pg_file_",
    "aws",
    "_s3",
    "heap_",
    "get_raw",
    "pg_get_wal",
    "autoprewarm",
    "pg_prewarm",
    "pg_truncate_vis",
    "pg_logdir",
    "pg_stat_statements",
    "postgres_fdw",
    "lo_manage",
    "lo_oid",
    "pg_start_backup",
    "pg_stop_backup",
    "pg_switch_xlog",
    "plpgsql_",
)


def test_the_table_names_functions_that_exist() -> None:
    stray = {name for name in EFFECTS if name not in BUILTINS and not any(part in name for part in CONTRIB)}
    assert stray == set()
    assert WHOLE_ROW <= BUILTINS


def test_classes_are_ones_that_rules_know() -> None:
    assert {c for found in EFFECTS.values() for c in found} <= CLASSES


@pytest.mark.parametrize(
    "stem",
    [
        "pg_ls_",
        "pg_read_",
        "lo_",
        "pg_logical_slot_",
        "binary_upgrade_",
        "pg_replication_origin_",
        "pg_stat_reset",
        "query_to_xml",
        "table_to_xml",
        "schema_to_xml",
        "pg_terminate",
        "pg_backup_",
    ],
)
def test_no_builtin_of_a_dangerous_family_is_harmless(stem: str) -> None:
    """P14"""
    family = {name for name in BUILTINS if name.startswith(stem)}
    assert family
    assert {name for name in family if not classes_of(name)} == set()


def test_schemas_and_quotes_do_not_hide_a_function() -> None:
    for name in (
        "lo_export",
        "pg_catalog.lo_export",
        '"lo_export"',
        "LO_EXPORT",
        "other.lo_export",
        'pg_catalog."lo_export"',
    ):
        assert {"file", "large-object"} <= classes(f"select {name}(1, 'x')"), name


def test_flags() -> None:
    assert flags_of("", "pg_sleep") == ["sleeps"]
    assert flags_of("", "pg_try_advisory_lock") == ["locks"]
    assert flags_of("pg_catalog", "upper") == []
    assert flags_of("information_schema", "_pg_char_max_length") == []
    assert flags_of("public", "upper") == ["user-function"]
    assert flags("select pg_sleep_for('1 s'), pg_advisory_lock(1)") == {"sleeps", "locks"}


def test_harmless_functions_stay_reads() -> None:
    for call in (
        "now()",
        "currval('s')",
        "pg_get_viewdef('v')",
        "txid_current()",
        "random()",
        "version()",
        "format('%s', 1)",
        "pg_backend_pid()",
        "has_table_privilege('t', 'select')",
        "pg_is_in_recovery()",
        "json_agg(1)",
    ):
        assert classes(f"select {call}") == {"read"}
