"""Names as the target would resolve them: by search_path, all of them when that is not known."""

from __future__ import annotations

from twisted_hoop.lineage.catalogue import Catalogue
from twisted_hoop.postgres.reading import Names
from twisted_hoop.testing.postgres import catalogue_of

CATALOGUE = catalogue_of(
    {
        "public.people": {"id": 23},
        "hr.people": {"id": 23},
        "pg_temp_3.people": {"id": 23},
        "pg_catalog.pg_class": {"oid": 26},
        "public.orders": {"id": 23},
    }
)


def schemas(names: Names, written: str) -> list[str]:
    return [r.schema for r in names.relations(written)]


def test_p18_the_first_schema_of_the_path_wins_but_temporary_tables_come_before() -> None:
    """P18: a temporary table of the name is always possible, and then it is what is meant."""
    assert schemas(Names(CATALOGUE, ("hr", "public")), "people") == ["pg_temp_3", "hr"]
    assert schemas(Names(CATALOGUE, ("public",)), "people") == ["pg_temp_3", "public"]
    assert schemas(Names(CATALOGUE, ()), "people") == ["pg_temp_3"]
    assert schemas(Names(CATALOGUE, ()), "pg_class") == ["pg_catalog"]


def test_p18_an_unknown_path_means_every_schema() -> None:
    """P18: when it cannot be told, every candidate is judged."""
    assert schemas(Names(CATALOGUE, None), "people") == ["public", "hr", "pg_temp_3"]
    assert schemas(Names(CATALOGUE, ("public",)), "hr.people") == ["hr"]


def test_facts_are_written_with_schemas() -> None:
    names = Names(CATALOGUE, ("public",))
    facts = names.facts(
        {
            "kind": frozenset({"select"}),
            "table": frozenset({"orders"}),
            "table_read": frozenset({"orders"}),
            "column": frozenset({"orders.id", "?.x", "nowhere.y"}),
        }
    )
    assert facts["table"] == facts["table_read"] == {"public.orders"}
    assert facts["column"] == {"public.orders.id", "?.x", "nowhere.y"}
    assert facts["schema"] == {"public"}


def test_facts_without_names_stay() -> None:
    facts = {"kind": frozenset({"select"})}
    assert Names(Catalogue(), None).facts(facts) is facts


def test_temporary_schemas_have_one_name() -> None:
    facts = Names(CATALOGUE, ()).facts({"table": frozenset({"people"})})
    assert facts["table"] == {"pg_temp.people"}
