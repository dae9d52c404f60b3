"""What PostgreSQL's own functions do besides computing a value (P13, P14).

Calls are matched by the last part of the name, so that `pg_catalog.lo_export`, `"lo_export"` and a namesake in another
schema are all caught. A function that is not PostgreSQL's own gets the flag "user-function" and is left to rules.
Functions of the contrib modules that leave the database or run SQL text are listed too.
"""

from __future__ import annotations

from twisted_hoop.sql.builtins import BUILTINS


def _named(classes: str, names: str) -> dict[str, frozenset[str]]:
    found = frozenset(classes.split())
    return dict.fromkeys(names.split(), found)


EFFECTS: dict[str, frozenset[str]] = {
    **_named("write", "nextval setval"),
    # Run SQL that stands in a string, a cursor or another table.
    **_named(
        "dynamic",
        "set_config query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema "
        "table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema "
        "schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema database_to_xml_and_xmlschema "
        "ts_stat ts_rewrite crosstab crosstab2 crosstab3 crosstab4 crosstabn connectby xpath_table "
        "plpgsql_call_handler plpgsql_inline_handler plpgsql_validator",
    ),
    **_named("notify", "pg_notify"),
    **_named(
        "maintenance",
        "brin_summarize_new_values brin_summarize_range brin_desummarize_range "
        "gin_clean_pending_list pg_truncate_visibility_map pg_prewarm autoprewarm_start_worker autoprewarm_dump_now",
    ),
    **_named(
        "large-object",
        "loread lowrite lo_close lo_creat lo_create lo_from_bytea lo_get lo_lseek lo_lseek64 "
        "lo_open lo_put lo_tell lo_tell64 lo_truncate lo_truncate64 lo_unlink lo_manage lo_oid",
    ),
    **_named("large-object file", "lo_import lo_export"),
    **_named(
        "file",
        "pg_stat_file pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings pg_logdir_ls "
        "pg_current_logfile",
    ),
    **_named("file dynamic", "query_export_to_s3 table_import_from_s3"),
    **_named(
        "administration",
        "pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile pg_promote pg_switch_wal "
        "pg_switch_xlog pg_create_restore_point pg_backup_start pg_backup_stop pg_start_backup pg_stop_backup "
        "pg_wal_replay_pause pg_wal_replay_resume pg_log_backend_memory_contexts pg_log_standby_snapshot "
        "pg_create_logical_replication_slot pg_create_physical_replication_slot pg_copy_logical_replication_slot "
        "pg_copy_physical_replication_slot pg_drop_replication_slot pg_sync_replication_slots "
        "pg_logical_emit_message pg_import_system_collations pg_extension_config_dump pg_nextoid "
        "pg_stop_making_pinned_objects pg_clear_relation_stats pg_clear_attribute_stats pg_restore_relation_stats "
        "pg_restore_attribute_stats pg_stat_statements_reset pg_stat_force_next_flush postgres_fdw_disconnect "
        "postgres_fdw_disconnect_all heap_force_kill heap_force_freeze get_raw_page heap_page_items "
        "heap_page_item_attrs pg_get_wal_block_info pg_get_wal_record_info pg_get_wal_records_info "
        "http http_get http_post http_put http_patch http_delete http_head",
    ),
    **_named("transaction", "pg_export_snapshot"),
}
"""Function → the classes its call adds."""

_PREFIXES: tuple[tuple[str, frozenset[str]], ...] = (
    ("pg_ls_", frozenset(("file",))),
    ("pg_read_", frozenset(("file",))),
    ("pg_file_", frozenset(("file",))),
    ("pg_logical_slot_", frozenset(("administration",))),
    ("pg_replication_slot_", frozenset(("administration",))),
    ("pg_replication_origin_", frozenset(("administration",))),
    ("pg_stat_reset", frozenset(("administration",))),
    ("binary_upgrade_", frozenset(("administration",))),
    ("dblink", frozenset(("administration", "dynamic"))),
)
_FLAG_PREFIXES: tuple[tuple[str, str], ...] = (
    ("pg_advisory_", "locks"),
    ("pg_try_advisory_", "locks"),
    ("pg_sleep", "sleeps"),
)
_WHOLE_ROW = (
    "row_to_json to_json to_jsonb json_build_array jsonb_build_array json_build_object jsonb_build_object array_agg "
    "json_agg jsonb_agg record_out record_send hash_record num_nonnulls concat format"
)
WHOLE_ROW = frozenset(_WHOLE_ROW.split())
"""Functions of a whole row that can be written like a column: `t.to_json` is `to_json(t)`, every column of t (M1)."""

_NOTHING: frozenset[str] = frozenset()


def classes_of(name: str) -> frozenset[str]:
    """Classes that a call of this function (last part of its name) adds to a statement's own."""
    found = EFFECTS.get(name)
    if found is not None:
        return found
    if name.startswith(("pg_", "dblink", "binary_upgrade_")):
        return next((classes for prefix, classes in _PREFIXES if name.startswith(prefix)), _NOTHING)
    return _NOTHING


def flags_of(schema: str, name: str) -> list[str]:
    """Flags that a call adds: "locks", "sleeps", "user-function"."""
    own = schema in ("", "pg_catalog", "information_schema")
    flags = [] if own and (name in BUILTINS or schema == "information_schema") else ["user-function"]
    if name.startswith("pg_"):
        flags += (flag for prefix, flag in _FLAG_PREFIXES if name.startswith(prefix))
    return flags
