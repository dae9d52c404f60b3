"""What is known of functions by name, and which columns of PostgreSQL's own relations may hold other tables' values.

PostgreSQL's own functions compute from their arguments, so a call derives from its arguments; the exceptions are listed
here. Every list is of names, schema left out: `pg_catalog.` may be written or not. Source: PostgreSQL 18 documentation,
chapter 9, and pg_proc of versions 13 to 18.
"""

from __future__ import annotations

from twisted_hoop.lineage.catalogue import Catalogue
from twisted_hoop.sql.builtins import BUILTINS


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Functions that read tables, files, large objects or other sessions' statements named by their arguments' text.
_READERS = _words(
    """
    cursor_to_xml cursor_to_xmlschema database_to_xml database_to_xml_and_xmlschema database_to_xmlschema
    query_to_xml query_to_xml_and_xmlschema query_to_xmlschema schema_to_xml schema_to_xml_and_xmlschema
    schema_to_xmlschema table_to_xml table_to_xml_and_xmlschema table_to_xmlschema
    lo_get loread lo_export ts_stat ts_rewrite pg_read_file pg_read_file_old pg_read_file_all pg_read_binary_file
    pg_read_binary_file_all pg_current_logfile pg_stat_get_activity pg_stat_get_backend_activity pg_prepared_statement
    pg_cursor pg_logical_slot_get_changes pg_logical_slot_peek_changes pg_logical_slot_get_binary_changes
    pg_logical_slot_peek_binary_changes pg_mcv_list_items xpath_table xpath_list crosstab crosstab2 crosstab3 crosstab4
    crosstabn connectby
    pg_stat_statements get_raw_page heap_page_items heap_page_item_attrs bt_page_items pg_get_wal_records_info
    pg_get_wal_block_info pg_get_wal_record_info current_setting pg_show_all_settings pg_file_read
    """
)
# Functions that run SQL they are given as text: it may do anything, hand values on to others too.
_RUNNERS = _words(
    """
    query_to_xml query_to_xml_and_xmlschema query_to_xmlschema ts_stat ts_rewrite xpath_table crosstab crosstab2
    crosstab3 crosstab4 crosstabn connectby
    """
)
_RUNNER_PREFIXES = ("dblink",)
_READER_PREFIXES = ("dblink", "pg_ls_", "pg_read_", "pg_logdir_", "pg_logical_slot_", "plpgsql_", "plpython", "plperl")

# Settings that current_setting() may be asked for by name: none of them can hold a value that a statement put there.
HARMLESS_SETTINGS = _words(
    """
    server_version server_version_num server_encoding client_encoding timezone datestyle intervalstyle lc_collate
    lc_ctype lc_messages lc_monetary lc_numeric lc_time standard_conforming_strings transaction_isolation
    transaction_read_only default_transaction_isolation default_transaction_read_only in_hot_standby is_superuser
    integer_datetimes max_identifier_length max_index_keys block_size search_path statement_timeout lock_timeout
    extra_float_digits bytea_output jit max_connections wal_level data_checksums
    """
)

# Functions that put their arguments where somebody else can read them: what goes in counts as stored (M7).
_SINKS = _words(
    """
    set_config setval pg_notify lo_from_bytea lo_put lowrite lo_create lo_creat lo_import lo_open lo_unlink
    pg_logical_emit_message pg_advisory_lock pg_advisory_lock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared
    pg_try_advisory_lock pg_try_advisory_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared
    pg_create_restore_point pg_file_write pg_stat_clear_snapshot pg_restore_relation_stats pg_restore_attribute_stats
    pg_create_physical_replication_slot pg_create_logical_replication_slot pg_replication_origin_create
    pg_replication_origin_session_setup setseed pg_sleep pg_sleep_for pg_sleep_until pg_terminate_backend
    pg_cancel_backend tsvector_update_trigger tsvector_update_trigger_column
    pg_log_backend_memory_contexts lo_truncate lo_lseek lo_truncate64 lo_lseek64
    """
)

# Functions that turn one row into several: how many rows there are tells something of the arguments (M5).
_MULTIPLIERS = _words(
    """
    generate_series generate_subscripts unnest string_to_table regexp_split_to_table regexp_matches json_each jsonb_each
    json_each_text jsonb_each_text json_array_elements jsonb_array_elements json_array_elements_text
    jsonb_array_elements_text json_object_keys jsonb_object_keys jsonb_path_query jsonb_path_query_tz
    json_populate_recordset jsonb_populate_recordset json_to_recordset jsonb_to_recordset ts_parse ts_token_type
    ts_debug _pg_expandarray
    ts_stat
    """
)

# Helpers of the information schema, which drivers list keys with: computed from their arguments and from pg_index.
_INFORMATION_SCHEMA = _words(
    """
    _pg_char_max_length _pg_char_octet_length _pg_datetime_precision _pg_expandarray _pg_index_position
    _pg_interval_type _pg_keysequal _pg_numeric_precision _pg_numeric_precision_radix _pg_numeric_scale _pg_truetypid
    _pg_truetypmod
    """
)

# PostgreSQL's own relations with columns that hold values of other tables, or texts of statements (M6).
# None stands for every column.
_REVEALING: dict[str, frozenset[str] | None] = {
    "pg_statistic": None,
    "pg_statistic_ext_data": frozenset(("stxdndistinct", "stxddependencies", "stxdmcv", "stxdexpr")),
    "pg_stats": _words(
        """
        most_common_vals histogram_bounds most_common_elems range_length_histogram range_bounds_histogram
        most_common_freqs elem_count_histogram most_common_elem_freqs
        """
    ),
    "pg_stats_ext": frozenset(("most_common_vals", "most_common_val_nulls", "most_common_freqs", "exprs")),
    "pg_stats_ext_exprs": None,
    "pg_stat_activity": frozenset(("query",)),
    "pg_stat_statements": frozenset(("query",)),
    "pg_prepared_statements": frozenset(("statement",)),
    "pg_cursors": frozenset(("statement",)),
    "pg_largeobject": frozenset(("data",)),
}


def why_opaque(schema: str, name: str, catalogue: Catalogue) -> str:
    """Why a function's result can derive from more than its arguments; "" when it cannot."""
    if name in catalogue.functions:
        return f"function {name} is not PostgreSQL's own"
    if name in catalogue.harmless:
        return ""
    if schema == "information_schema" and name in _INFORMATION_SCHEMA:
        return ""
    if schema not in ("", "pg_catalog") or name not in BUILTINS:
        return f"function {name} is not known"
    if name in catalogue.cast_types:
        return f"type {name} has conversions that are not PostgreSQL's own"
    if name in _READERS or name.startswith(_READER_PREFIXES):
        return f"function {name} reads what its arguments name"
    return ""


def is_sink(name: str) -> bool:
    """Whether arguments of the function end where they can be read again."""
    return name in _SINKS or name.startswith(_READER_PREFIXES)


def runs_text(name: str) -> bool:
    """Whether the function runs SQL that it is given as text."""
    return name in _RUNNERS or name.startswith(_RUNNER_PREFIXES)


def is_multiplier(name: str) -> bool:
    """Whether the function returns as many rows as its arguments say."""
    return name in _MULTIPLIERS


def why_revealing(schema: str, relation: str, column: str) -> str:
    """Why a column of one of PostgreSQL's own relations cannot be shown to be free of other tables' values (M6)."""
    if relation not in _REVEALING or (schema != "pg_catalog" and not relation.startswith("pg_stat_statements")):
        return ""
    columns = _REVEALING[relation]
    return f"{relation} holds values of other tables" if columns is None or column in columns else ""
