"""Reading a target's catalogue: the SQL texts, and what their answers mean. Pure: somebody else runs the texts.

    rows = [run(sql) for sql in CATALOGUE_SQL]     # simple-query protocol, text cells, in this order, one session
    catalogue = build(rows, version=1)

The texts are one read-only transaction at one snapshot and leave no setting behind. They run on PostgreSQL 13 to 18 as
any role: what they read is readable by PUBLIC. Views are printed with an empty search_path, so that names in them carry
their schema. pg_toast's tables are left out on purpose: what is not in a catalogue is opaque.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from twisted_hoop.lineage.catalogue import Catalogue, Column, Relation, TypeInfo

Row = Sequence[str | None]

# Extensions that compute from their arguments alone: none reads tables, files, or text as SQL.
HARMLESS_EXTENSIONS = (
    "pgcrypto", "uuid-ossp", "citext", "hstore", "ltree", "pg_trgm", "unaccent", "fuzzystrmatch", "cube",
    "earthdistance", "intarray", "isn", "seg", "btree_gin", "btree_gist", "bloom", "vector",
)  # fmt: skip
_HARMLESS = ", ".join(f"'{name}'" for name in HARMLESS_EXTENSIONS)

_BEGIN = "begin isolation level repeatable read read only"
_PATH = "set local search_path = ''"
_PATIENCE = "set local lock_timeout = '5s'"
_END = "commit"

# Printing a view or an expression waits for its tables' locks, and whoever holds one may hold it as long as he likes.
# What is locked is not printed, and hence opaque. Waiting requests block as well as granted ones.
_LOCKED = """
with locked as materialized (
  select relation from pg_locks where locktype = 'relation' and mode = 'AccessExclusiveLock'
    and database = (select oid from pg_database where datname = current_database())
)
""".strip()

# One row a relation: oid, schema, name, kind, definition, rules, parents, columns as JSON [[number, name, type], …].
_RELATIONS = f"""{_LOCKED}
select c.oid, n.nspname, c.relname, c.relkind,
  case when c.relkind in ('v', 'm') and n.nspname not in ('pg_catalog', 'information_schema') and not exists (
    select from pg_rewrite r
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
    join locked l on d.refclassid = 'pg_class'::regclass and d.refobjid = l.relation
    where r.ev_class = c.oid
  ) then pg_get_viewdef(c.oid) end,
  c.relhasrules and exists (select from pg_rewrite r where r.ev_class = c.oid and r.ev_type <> '1'),
  p.parents, a.columns
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join (select inhrelid, string_agg(inhparent::text, ',') as parents from pg_inherits group by 1) p
  on p.inhrelid = c.oid
left join (
  select attrelid, json_agg(json_build_array(attnum, attname, atttypid::bigint) order by attnum) as columns
  from pg_attribute where attnum > 0 and not attisdropped group by 1
) a on a.attrelid = c.oid
where c.relkind in ('r', 'v', 'm', 'p', 'f', 'S')
""".strip()  # noqa: S608

# One row a generated column: relation, number, expression.
_GENERATED = f"""{_LOCKED}
select a.attrelid, a.attnum,
  case when a.attrelid in (select relation from locked) then '(' else pg_get_expr(d.adbin, d.adrelid) end
from pg_attribute a join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attgenerated <> '' and not a.attisdropped
""".strip()  # noqa: S608

# One row a type: oid, schema, name, kind, category, base, element, labels and fields as JSON.
_TYPES = """
select t.oid, n.nspname, t.typname, t.typtype, t.typcategory, t.typbasetype, t.typelem, e.labels, f.fields
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
left join (select enumtypid, json_agg(enumlabel order by enumsortorder) as labels from pg_enum group by 1) e
  on e.enumtypid = t.oid
left join (
  select c.reltype, json_agg(json_build_array(a.attname, a.atttypid::bigint) order by a.attnum) as fields
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relkind = 'c' or c.oid >= 16384 group by 1
) f on f.reltype = t.oid and t.typtype = 'c'
where t.typtype <> 'p'
""".strip()

# No value from outside is put into these texts: the names of extensions are ours.
_OWNER = f"""
left join (
  select d.classid, d.objid, e.extname in ({_HARMLESS}) as harmless
  from pg_depend d join pg_extension e on e.oid = d.refobjid
  where d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
) x on x.objid = o.oid and x.classid = """  # noqa: S608

# One row a name: name, whether everything of that name belongs to harmless extensions.
_FUNCTIONS = f"""
select o.proname, bool_and(coalesce(x.harmless, false))
from pg_proc o {_OWNER} 'pg_proc'::regclass
where o.oid >= 16384 or o.pronamespace not in (select oid from pg_namespace where nspname in ('pg_catalog',
  'information_schema'))
group by 1
""".strip()  # noqa: S608

_OPERATORS = f"""
select o.oprname, bool_and(coalesce(x.harmless, false))
from pg_operator o {_OWNER} 'pg_operator'::regclass
where o.oid >= 16384 group by 1
""".strip()  # noqa: S608

_CASTS = f"""
select t.typname, bool_and(coalesce(x.harmless, false))
from pg_cast o join pg_type t on t.oid in (o.castsource, o.casttarget) {_OWNER} 'pg_cast'::regclass
where o.oid >= 16384 and o.castfunc <> 0 group by 1
""".strip()  # noqa: S608

# One row a function of pg_catalog in FROM: name, whether it returns what its arguments say, and names of its columns.
_YIELDS = """
select proname, bool_or(t.typtype = 'p' and t.typname not in ('void', 'record', 'trigger', 'cstring')
    or t.typtype = 'c' or t.typname = 'record' and p.proallargtypes is null),
  json_agg(distinct coalesce((
    select string_agg(coalesce(p.proargnames[i], ''), ',' order by i)
    from generate_subscripts(p.proargmodes, 1) i where p.proargmodes[i] in ('o', 'b', 't')
  ), ''))
from pg_proc p join pg_type t on t.oid = p.prorettype
where p.oid < 16384 and p.pronamespace = 'pg_catalog'::regnamespace and p.prokind <> 'p' group by 1
""".strip()

CATALOGUE_SQL: tuple[str, ...] = (
    _BEGIN, _PATH, _PATIENCE, _RELATIONS, _GENERATED, _TYPES, _FUNCTIONS, _OPERATORS, _CASTS, _YIELDS, _END,
)  # fmt: skip
"""The texts, in order. Those that are no queries return no rows; `build` wants an empty list for them."""


def build(rows: Sequence[Sequence[Row]], version: int) -> Catalogue:
    """The catalogue that the answers to CATALOGUE_SQL describe: one list of rows a text, cells as text or None.

    Raises ValueError for anything else.
    """
    if len(rows) != len(CATALOGUE_SQL):
        raise ValueError(f"{len(CATALOGUE_SQL)} answers make a catalogue, not {len(rows)}")
    try:
        return _build(rows, version)
    except (TypeError, IndexError, AttributeError, LookupError) as problem:
        raise ValueError(f"not an answer of a catalogue: {problem}") from problem


def _build(rows: Sequence[Sequence[Row]], version: int) -> Catalogue:
    _, _, _, relations, generated, types, functions, operators, casts, yields, _ = rows
    expressions = {(int(_text(r[0])), int(_text(r[1]))): _text(r[2]) for r in generated}
    found = {relation.oid: relation for relation in (_relation(r, expressions) for r in relations)}
    return Catalogue(
        version=version,
        relations=found,
        by_name=_by_name(found),
        types={info.oid: info for info in (_type(r) for r in types)},
        functions=frozenset(_text(name) for name, harmless in functions if harmless != "t"),
        operators=frozenset(_text(name) for name, harmless in operators if harmless != "t"),
        cast_types=frozenset(_text(name) for name, harmless in casts if harmless != "t"),
        harmless=frozenset(_text(name) for name, harmless in functions if harmless == "t"),
        function_columns=_yields(yields),
    )


def _relation(row: Row, expressions: Mapping[tuple[int, int], str]) -> Relation:
    oid, schema, name, kind, definition, rules, parents, columns = row
    number = int(_text(oid))
    listed: list[list[Any]] = json.loads(columns or "[]")
    return Relation(
        oid=number,
        schema=_text(schema),
        name=_text(name),
        kind=_text(kind),
        columns=tuple(Column(int(n), str(c), int(t), expressions.get((number, int(n)), "")) for n, c, t in listed),
        definition=definition or "",
        parents=tuple(int(p) for p in (parents or "").split(",") if p),
        rules=rules == "t",
    )


def _by_name(relations: Mapping[int, Relation]) -> Mapping[str, tuple[Relation, ...]]:
    found: dict[str, list[Relation]] = {}
    for relation in relations.values():
        found.setdefault(relation.name, []).append(relation)
    return {name: tuple(some) for name, some in found.items()}


def _type(row: Row) -> TypeInfo:
    oid, schema, name, kind, category, base, element, labels, fields = row
    return TypeInfo(
        oid=int(_text(oid)),
        schema=_text(schema),
        name=_text(name),
        kind=_text(kind),
        category=_text(category),
        base=int(_text(base)),
        element=int(_text(element)),
        labels=tuple(str(label) for label in json.loads(labels or "[]")),
        fields=tuple((str(field), int(of)) for field, of in json.loads(fields or "[]")),
    )


def _yields(rows: Sequence[Row]) -> Mapping[str, tuple[str, ...]]:
    """Functions whose overloads all yield the same columns, whatever the arguments are."""
    found: dict[str, tuple[str, ...]] = {}
    for name, depends, shapes in rows:
        shape = json.loads(_text(shapes))
        if depends != "t" and len(shape) == 1:
            found[_text(name)] = tuple(str(shape[0]).split(","))
    return found


def _text(cell: str | None) -> str:
    if cell is None:
        raise ValueError("not an answer of a catalogue: NULL where a value must be")
    return cell
