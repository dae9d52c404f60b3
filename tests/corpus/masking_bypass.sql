-- Ways to read masked columns. See docs/bypass-corpus.md.
--
-- Schema: twisted_hoop/demo_data/shop.sql. Masked: customers.card_number, customers.ssn, api_keys.data.
-- Every entry is one session. `expect` says what the gateway must do:
--   masked   the statements run; no clear value is in anything the client receives
--   refused  at least one statement is refused, and what runs shows no clear value
--   either   one of the two
--   oracle   the statements run and show no clear value, but tell something about it (M5): the predicate is noticed

-- name: plain column
-- expect: masked
select card_number from customers;

-- name: star
-- expect: masked
select * from customers;

-- name: qualified star
-- expect: masked
select c.* from customers as c;

-- name: star with a table in between
-- expect: masked
select o.id, c.*, o.total from orders o join customers c on c.id = o.customer_id;

-- name: TABLE command
-- expect: masked
table customers;

-- name: alias
-- expect: masked
select card_number as city from customers;

-- name: alias that is another masked column
-- expect: masked
select city as card_number, card_number as city from customers;

-- name: schema-qualified reference
-- expect: masked
select public.customers.card_number from public.customers;

-- name: quoted names
-- expect: masked
select "customers"."card_number" as "x y" from "public"."customers";

-- name: unicode-escaped names
-- expect: masked
select U&"c\0061rd_number" from U&"c\0075stomers";

-- name: column aliases of a table alias
-- expect: masked
select e from customers as c(a, b, x, d, e, f);

-- name: cast to varchar
-- expect: masked
select card_number::varchar(30), cast(ssn as char(11)) from customers;

-- name: cast to bytea
-- expect: masked
select card_number::bytea from customers;

-- name: cast to numeric
-- expect: masked
select card_number::numeric, card_number::bigint from customers;

-- name: cast to name, regtype-free types
-- expect: masked
select card_number::name, ssn::bpchar from customers;

-- name: cast to json
-- expect: masked
select card_number::json, to_json(ssn) from customers;

-- name: cast to xml
-- expect: masked
select card_number::xml from customers;

-- name: cast error echoes the value
-- expect: masked
select ssn::int from customers;

-- name: cast error through an enum
-- expect: masked
select card_number::inet from customers;

-- name: cast error through a date
-- expect: masked
select to_date(ssn, 'YYYY-MM-DD'), ssn::date from customers;

-- name: function-style cast
-- expect: masked
select text(card_number), "varchar"(ssn::text, 9, true), bpchar(ssn::"char") from customers;

-- name: upper, lower, initcap
-- expect: masked
select upper(card_number), lower(ssn), initcap(ssn) from customers;

-- name: concatenation
-- expect: masked
select 'x' || card_number || 'y' from customers;

-- name: long concatenation
-- expect: masked
select name || ' ' || city || ' ' || phone || ' ' || email || ' ' || ssn || ' ' || id from customers;

-- name: concat and concat_ws
-- expect: masked
select concat(name, card_number), concat_ws('-', name, ssn) from customers;

-- name: concat of whole row
-- expect: masked
select concat(customers) from customers;

-- name: format
-- expect: masked
select format('%s / %L', card_number, ssn) from customers;

-- name: format with variadic array
-- expect: masked
select format('%s %s', variadic array[name, card_number]) from customers;

-- name: substring forms
-- expect: masked
select substr(card_number, 2), substring(ssn from 2), substring(ssn from '\d+'), left(card_number, 15), right(ssn, 10)
from customers;

-- name: substring similar
-- expect: masked
select substring(ssn similar '%#"___-__#"%' escape '#') from customers;

-- name: overlay, replace, translate, reverse
-- expect: masked
select overlay(card_number placing '' from 1 for 0), replace(ssn, '-', ''), translate(ssn, '-', '/'),
  reverse(card_number) from customers;

-- name: trim, pad, repeat
-- expect: masked
select trim(both 'x' from card_number), lpad(ssn, 20), rpad(ssn, 20), btrim(card_number), repeat(card_number, 2)
from customers;

-- name: split_part
-- expect: masked
select split_part(ssn, '-', 1), split_part(ssn, '-', 2), split_part(ssn, '-', 3) from customers;

-- name: regexp functions
-- expect: masked
select regexp_replace(card_number, '(\d)', '\1.', 'g'), regexp_match(ssn, '.*'), regexp_substr(ssn, '.+')
from customers;

-- name: regexp_matches in the target list
-- expect: masked
select id, regexp_matches(card_number, '.', 'g') from customers;

-- name: regexp_split_to_table in FROM
-- expect: masked
select c.id, part from customers c, regexp_split_to_table(c.ssn, '-') as part;

-- name: regexp_split_to_array
-- expect: masked
select regexp_split_to_array(ssn, '-') from customers;

-- name: string_to_table
-- expect: masked
select id, string_to_table(card_number, null) from customers;

-- name: string_to_array
-- expect: masked
select string_to_array(card_number, null) from customers;

-- name: array and subscript
-- expect: masked
select (array[card_number])[1], (string_to_array(ssn, '-'))[1:3] from customers;

-- name: unnest
-- expect: masked
select unnest(array[card_number, ssn]) from customers;

-- name: unnest in FROM with ordinality
-- expect: masked
select u.v, u.n from customers c, unnest(array[c.card_number, c.ssn]) with ordinality as u(v, n);

-- name: unnest of whole rows
-- expect: masked
select * from unnest(array(select c from customers c));

-- name: unnest of several arrays
-- expect: masked
select * from unnest(array(select ssn from customers), array(select name from customers)) as t(a, b);

-- name: ROWS FROM
-- expect: masked
select r.* from customers c, rows from (generate_series(1, 2), string_to_table(c.ssn, '-')) as r(n, part);

-- name: encode and decode
-- expect: masked
select encode(card_number::bytea, 'hex'), encode(convert_to(ssn, 'UTF8'), 'base64') from customers;

-- name: hashes
-- expect: masked
select md5(card_number), sha256(ssn::bytea), hashtext(ssn), hashtextextended(card_number, 0) from customers;

-- name: ascii and chr
-- expect: masked
select ascii(card_number), ascii(substr(ssn, 1, 1)) from customers;

-- name: quoting functions
-- expect: masked
select quote_literal(card_number), quote_ident(ssn), quote_nullable(ssn) from customers;

-- name: to_char, to_number
-- expect: masked
select to_char(card_number::bigint, '9999999999999999999'), to_number(ssn, '999G99G9999') from customers;

-- name: to_hex, to_bin
-- expect: masked
select to_hex(card_number::bigint) from customers;

-- name: bits and bytes
-- expect: masked
select get_byte(card_number::bytea, 0), get_bit(ssn::bytea, 1), card_number::bigint::bit(64) from customers;

-- name: arithmetic
-- expect: masked
select card_number::numeric + 1, card_number::numeric * 2 / 2, - card_number::numeric from customers;

-- name: width_bucket, ntile-like
-- expect: masked
select width_bucket(card_number::numeric, 0, 9999999999999999, 1000000) from customers;

-- name: length tells something
-- expect: masked
select length(card_number), octet_length(ssn), bit_length(ssn) from customers;

-- name: strpos and position
-- expect: masked
select strpos(card_number, '1'), position('1' in ssn) from customers;

-- name: generate_series over the value
-- expect: masked
select id, generate_series(card_number::bigint, card_number::bigint) from customers;

-- name: generate_series in FROM
-- expect: masked
select g from customers c, generate_series(c.card_number::bigint, c.card_number::bigint) as g;

-- name: dates made of digits
-- expect: masked
select to_timestamp(card_number::bigint / 1000000), make_interval(secs => right(card_number, 9)::float)
from customers;

-- name: ranges
-- expect: masked
select numrange(card_number::numeric, null), int8range(card_number::bigint, card_number::bigint, '[]') from customers;

-- name: multirange
-- expect: masked
select range_agg(int8range(card_number::bigint, card_number::bigint, '[]')) from customers;

-- name: network and geometry types
-- expect: masked
select point(card_number::float, 0), box(point(card_number::float, 0), point(0, 0)) from customers;

-- name: text search vector
-- expect: masked
select to_tsvector('simple', card_number), to_tsvector('simple', ssn) from customers;

-- name: text search functions
-- expect: masked
select ts_headline('simple', card_number, to_tsquery('simple', '4:*')), plainto_tsquery('simple', ssn),
  tsvector_to_array(to_tsvector('simple', ssn)) from customers;

-- name: ts_debug and ts_parse
-- expect: masked
select d.token from customers c, ts_debug('simple', c.card_number) d;

-- name: ts_lexize
-- expect: masked
select ts_lexize('simple', card_number) from customers;

-- name: ts_stat reads a query text
-- expect: either
select word from ts_stat('select to_tsvector(''simple'', card_number) from customers');

-- name: ts_rewrite reads a query text
-- expect: either
select ts_rewrite('a'::tsquery, 'select ''a''::tsquery, plainto_tsquery(''simple'', card_number) from customers');

-- name: coalesce, nullif
-- expect: masked
select coalesce(null, card_number), nullif(ssn, '') from customers;

-- name: greatest, least
-- expect: masked
select greatest(card_number, ''), least(ssn, 'zzz') from customers;

-- name: case result
-- expect: masked
select case when true then card_number else 'x' end from customers;

-- name: case operand
-- expect: masked
select case card_number when '4111111111111111' then 'yes' else 'no' end from customers;

-- name: case condition
-- expect: masked
select case when ssn like '7%' then 1 else 0 end from customers;

-- name: boolean expression
-- expect: masked
select ssn > '500', card_number in ('4111111111111111'), ssn between '7' and '8' from customers;

-- name: collation
-- expect: masked
select card_number collate "C" from customers;

-- name: whole row
-- expect: masked
select c from customers c;

-- name: whole row as text
-- expect: masked
select c::text, customers::text from customers, customers c limit 3;

-- name: row constructor
-- expect: masked
select row(card_number, ssn), row(c.*), (id, ssn) from customers c;

-- name: field of a whole row
-- expect: masked
select (c).card_number, (c.*).ssn from customers c;

-- name: expansion of a whole row
-- expect: masked
select (c).* from customers c;

-- name: field of a row from a subquery
-- expect: masked
select (q.r).ssn from (select c as r from customers c) q;

-- name: expansion of a row from a subquery
-- expect: masked
select (q.r).* from (select c as r from customers c) q;

-- name: functional notation of a column
-- expect: either
select card_number(c), ssn(customers) from customers c, customers limit 3;

-- name: attribute notation of a function
-- expect: masked
select c.row_to_json, c.to_json from customers c;

-- name: row comparison
-- expect: masked
select row(id, ssn) < row(5, '734'), (id, card_number) = (1, '4111111111111111') from customers;

-- name: row_to_json, to_jsonb
-- expect: masked
select row_to_json(c), to_jsonb(c), to_json(c.*) from customers c;

-- name: json aggregates
-- expect: masked
select json_agg(c), jsonb_agg(ssn), json_object_agg(id, card_number) from customers c;

-- name: json builders
-- expect: masked
select json_build_object('a', ssn), jsonb_build_array(card_number, id), json_object(array[name, ssn]) from customers;

-- name: SQL/JSON constructors
-- expect: masked
select json_object('a' value ssn), json_array(card_number, id), json_object('k': card_number returning text)
from customers;

-- name: SQL/JSON aggregates
-- expect: masked
select json_arrayagg(card_number order by id), json_objectagg(id: ssn) from customers;

-- name: JSON_ARRAY of a query
-- expect: masked
select json_array(select ssn from customers);

-- name: JSON_SCALAR, JSON_SERIALIZE, JSON()
-- expect: masked
select json_scalar(card_number), json_serialize(json_scalar(ssn)), json('"' || ssn || '"') from customers;

-- name: keys as columns of JSON
-- expect: masked
select data ->> 'secret', data -> 'key', data #>> '{secret}', data ['key'] from api_keys;

-- name: jsonb_each
-- expect: masked
select k.* from api_keys, jsonb_each(data) k;

-- name: jsonb_each_text in the target list
-- expect: masked
select id, (jsonb_each_text(data)).* from api_keys;

-- name: jsonb_path_query
-- expect: masked
select jsonb_path_query(data, '$.secret'), jsonb_path_query_array(data, '$.*'), jsonb_path_query_first(data, '$.key')
from api_keys;

-- name: JSON_VALUE, JSON_QUERY, JSON_EXISTS
-- expect: masked
select json_value(data, '$.secret'), json_query(data, '$.key'), json_exists(data, '$.key') from api_keys;

-- name: JSON_TABLE
-- expect: masked
select t.* from api_keys, json_table(data, '$' columns (s text path '$.secret', nested path '$' columns (k text path '$.key'))) t;

-- name: jsonb_to_record
-- expect: masked
select r.secret from api_keys, jsonb_to_record(data) as r(secret text, key text);

-- name: jsonb_populate_record
-- expect: masked
select jsonb_populate_record(null::customers, to_jsonb(c)) from customers c;

-- name: expansion of jsonb_populate_record
-- expect: masked
select (jsonb_populate_record(null::orders, jsonb_build_object('status', c.card_number))).* from customers c;

-- name: json set and insert
-- expect: masked
select jsonb_set('{}', '{a}', to_jsonb(card_number)), jsonb_insert('{}', '{b}', to_jsonb(ssn)) from customers;

-- name: jsonb pretty, strip, text
-- expect: masked
select jsonb_pretty(data), data::text, data || '{}' from api_keys;

-- name: jsonb subtraction leaves the secret
-- expect: masked
select data - 'owner' - 'key' from api_keys;

-- name: xmlelement and xmlforest
-- expect: masked
select xmlelement(name c, xmlattributes(ssn as s), card_number), xmlforest(card_number, ssn as x) from customers;

-- name: xmlagg, xmlconcat
-- expect: masked
select xmlagg(xmlelement(name a, ssn)) from customers;

-- name: xmlserialize, xmlparse
-- expect: masked
select xmlserialize(content xmlelement(name a, card_number) as text), xmlparse(content ssn) from customers;

-- name: xpath
-- expect: masked
select xpath('/a/text()', xmlelement(name a, card_number)) from customers;

-- name: XMLTABLE
-- expect: masked
select x.v from customers c, xmltable('/r/v' passing xmlelement(name r, xmlelement(name v, c.ssn)) columns v text path '.') x;

-- name: query_to_xml reads a query text
-- expect: either
select query_to_xml('select card_number from customers', true, false, '');

-- name: table_to_xml reads a table
-- expect: either
select table_to_xml('customers', true, false, '');

-- name: schema_to_xml and database_to_xml
-- expect: either
select schema_to_xml('public', true, false, '');

-- name: cursor_to_xml reads a cursor
-- expect: either
declare leak cursor for select card_number from customers;
select cursor_to_xml('leak', 5, false, true, '');

-- name: nested reader
-- expect: either
select upper(xmlserialize(content query_to_xml('select ssn from customers', true, false, '') as text));

-- name: reader in FROM
-- expect: either
select x.* from query_to_xml('select ssn from customers', true, false, '') as x;

-- name: array_agg, string_agg
-- expect: masked
select array_agg(card_number), string_agg(ssn, ',') from customers;

-- name: array functions
-- expect: masked
select array_to_string(array_agg(ssn), ','), array_append(array_agg(card_number), 'x'), array_to_json(array_agg(ssn)),
  array_position(array_agg(ssn), '734-10-1000') from customers;

-- name: ARRAY of a subquery
-- expect: masked
select array(select card_number from customers);

-- name: max, min, any_value
-- expect: masked
select max(card_number), min(ssn) from customers;

-- name: sums and averages
-- expect: masked
select sum(card_number::numeric), avg(card_number::numeric), stddev(card_number::numeric) from customers where id = 1;

-- name: bit aggregates
-- expect: masked
select bit_or(card_number::bigint), bool_or(ssn > '5'), bit_xor(card_number::bigint) from customers;

-- name: percentile and mode
-- expect: masked
select percentile_disc(0.5) within group (order by card_number), mode() within group (order by ssn) from customers;

-- name: rank of a hypothetical row
-- expect: masked
select rank('500') within group (order by ssn) from customers;

-- name: aggregate with FILTER
-- expect: masked
select max(card_number) filter (where id = 3), count(*) filter (where id = 3) from customers;

-- name: regression aggregates
-- expect: masked
select regr_intercept(card_number::float, id), corr(card_number::float, id) from customers;

-- name: window functions
-- expect: masked
select lag(card_number) over (order by id), lead(ssn) over w, first_value(ssn) over w, last_value(ssn) over w,
  nth_value(ssn, 2) over w from customers window w as (order by id);

-- name: window aggregate
-- expect: masked
select id, max(ssn) over (partition by id), array_agg(card_number) over (order by id rows 1 preceding) from customers;

-- name: GROUP BY value
-- expect: masked
select card_number, count(*) from customers group by card_number;

-- name: GROUPING SETS
-- expect: masked
select card_number, city, count(*) from customers group by grouping sets ((card_number), (city), ());

-- name: ROLLUP with position
-- expect: masked
select ssn, count(*) from customers group by rollup (1) order by 1;

-- name: DISTINCT
-- expect: masked
select distinct card_number from customers;

-- name: DISTINCT ON
-- expect: masked
select distinct on (id) ssn from customers order by id;

-- name: scalar subquery
-- expect: masked
select (select card_number from customers where id = 1);

-- name: correlated subquery
-- expect: masked
select o.id, (select c.ssn from customers c where c.id = o.customer_id) from orders o;

-- name: subquery in FROM
-- expect: masked
select x from (select upper(card_number) as x from customers) q;

-- name: nested subqueries with renamed columns
-- expect: masked
select z from (select y as z from (select ssn as y from customers) a) b;

-- name: subquery with column list
-- expect: masked
select b from (select id, card_number from customers) as q(a, b);

-- name: unnamed columns found by their default names
-- expect: masked
select "coalesce", "case", "?column?" from
  (select coalesce(ssn, ''), case when true then card_number end, card_number || '' from customers) q;

-- name: default name that an outer column has too
-- expect: masked
select (select xmlforest from (select xmlforest(card_number) from customers limit 1) q) from (select 1 as xmlforest) o;

-- name: LATERAL subquery
-- expect: masked
select l.v from orders o, lateral (select c.card_number as v from customers c where c.id = o.customer_id) l;

-- name: LATERAL VALUES
-- expect: masked
select v.x from customers c cross join lateral (values (c.ssn), (c.card_number)) v(x);

-- name: VALUES with a subquery
-- expect: masked
values (1, 'x'), (2, (select card_number from customers where id = 1));

-- name: CTE
-- expect: masked
with a as (select card_number as n from customers) select n from a;

-- name: CTE that shadows a table
-- expect: masked
with orders as (select id, ssn as status from customers) select status from orders;

-- name: CTE used by a CTE
-- expect: masked
with a(x) as (select ssn from customers), b as materialized (select x as y from a) select * from b;

-- name: recursive CTE
-- expect: masked
with recursive t(n, s) as (
  select 1, ''::text union all select n + 1, (select card_number from customers where id = n) from t where n < 5
) select s from t;

-- name: recursive CTE that shifts columns
-- expect: masked
with recursive t(a, b, c, n) as (
  select 'x', 'y', card_number, 1 from customers union all select b, c, a, n + 1 from t where n < 4
) select a from t;

-- name: recursive CTE with SEARCH
-- expect: masked
with recursive t(id, s) as (
  select id, ssn from customers where id = 1 union all select c.id, c.ssn from customers c join t on c.id = t.id + 1
  where c.id < 5
) search depth first by s set path select path from t;

-- name: recursive CTE with CYCLE
-- expect: masked
with recursive t(id, s) as (
  select id, ssn from customers where id = 1 union all select c.id, c.ssn from customers c join t on c.id = t.id + 1
  where c.id < 5
) cycle s set is_cycle using way select way from t;

-- name: UNION
-- expect: masked
select city from customers union select card_number from customers;

-- name: UNION ALL with the secret in the last arm
-- expect: masked
select 'a' as x union all select 'b' union all select ssn from customers;

-- name: INTERSECT and EXCEPT
-- expect: masked
(select ssn from customers intersect select ssn from customers) except select 'x';

-- name: parenthesised set operation with ORDER BY
-- expect: masked
(select ssn from customers order by id limit 1) union all (select name from customers limit 1) order by 1;

-- name: JOIN USING
-- expect: masked
select ssn from customers a join customers b using (ssn);

-- name: NATURAL JOIN
-- expect: masked
select * from customers natural join (select id, card_number as extra from customers) q;

-- name: FULL JOIN merges both sides
-- expect: masked
select city from (select card_number as city, -id as n from customers) a full join (select city, id as n from customers) b using (city, n);

-- name: JOIN USING alias
-- expect: masked
select j.ssn from customers a join customers b using (ssn) as j;

-- name: aliased join
-- expect: masked
select j.x from (customers a cross join orders b) as j(i, n, e, p, x);

-- name: CROSS JOIN of literals
-- expect: masked
select v || ssn from customers, (values ('a')) q(v);

-- name: TABLESAMPLE
-- expect: masked
select card_number from customers tablesample bernoulli (100);

-- name: ONLY
-- expect: masked
select card_number from only customers;

-- name: FOR UPDATE
-- expect: masked
select card_number from customers for update;

-- name: ordered by position
-- expect: masked
select card_number from customers order by 1 limit 3 offset 1;

-- name: FETCH WITH TIES
-- expect: masked
select ssn from customers order by id fetch first 2 rows with ties;

-- name: comments inside
-- expect: masked
select/**/card_number/* x */from--
customers;

-- name: existing view
-- expect: masked
select number, ssn_text from customer_cards;

-- name: star of an existing view
-- expect: masked
select * from customer_cards;

-- name: whole row of an existing view
-- expect: masked
select v from customer_cards v;

-- name: materialised view
-- expect: masked
select card from customer_totals;

-- name: expression over a view
-- expect: masked
select max(number), upper(max(ssn_text)) from customer_cards;

-- name: new view
-- expect: either
create view leak_v as select card_number as c from customers;
select c from leak_v;

-- name: new temporary view over a view
-- expect: either
create temp view leak_v as select number as c from customer_cards;
select c from leak_v;

-- name: new materialised view
-- expect: either
create materialized view leak_mv as select id, ssn as s from customers;
select s from leak_mv;

-- name: CREATE TABLE AS
-- expect: refused
create table leak_t as select card_number as c from customers;
select c from leak_t;

-- name: CREATE TEMP TABLE AS
-- expect: refused
create temp table leak_t as select upper(ssn) as c from customers;
select c from leak_t;

-- name: SELECT INTO
-- expect: refused
select card_number as c into leak_t from customers;
select c from leak_t;

-- name: SELECT INTO TEMP of a union
-- expect: refused
select id, ssn as c into temp leak_t from customers union all select id, card_number from customers;
select c from leak_t;

-- name: temporary table that shadows
-- expect: either
create temp table orders as select id, card_number as status from customers;
select status from orders;

-- name: INSERT SELECT into a plain column
-- expect: refused
insert into events (id, customer_id, kind, note, at) select id, id, 'leak', card_number, '2026-02-02' from customers;
select note from events where kind = 'leak';

-- name: INSERT RETURNING what was read
-- expect: refused
insert into events (id, kind, note, at) select id, 'leak', ssn, '2026-02-02' from customers returning note;

-- name: INSERT with a scalar subquery
-- expect: refused
insert into api_keys (id, service, data) values (999, (select card_number from customers where id = 1), '{}') returning service;

-- name: INSERT ON CONFLICT
-- expect: refused
insert into orders (id, customer_id, total, status) values (1, 1, 1, 'x')
on conflict (id) do update set status = (select card_number from customers where id = 1) returning status;

-- name: INSERT RETURNING the masked column itself
-- expect: masked
insert into customers (id, name, email, card_number, ssn) values (900, 'n', 'e900', '4242424242424242', '734-55-5555')
returning id;

-- name: UPDATE copies
-- expect: refused
update customers set city = card_number;
select city from customers;

-- name: UPDATE copies through a row
-- expect: refused
update customers set (city, phone) = (select ssn, card_number);
select city, phone from customers;

-- name: UPDATE FROM copies
-- expect: refused
update orders o set status = c.ssn from customers c where c.id = o.customer_id;
select status from orders;

-- name: UPDATE swaps with another masked column
-- expect: either
update customers set ssn = card_number, card_number = ssn;
select ssn, card_number from customers;

-- name: UPDATE RETURNING
-- expect: masked
update customers set city = city where id = 1 returning card_number, upper(ssn), customers;

-- name: UPDATE RETURNING OLD and NEW
-- expect: masked
update customers set city = 'x' where id = 1 returning old.card_number, new.ssn, old.*, new;

-- name: UPDATE RETURNING with renamed OLD
-- expect: masked
update customers set city = 'x' where id = 1 returning with (old as was, new as "is") was.card_number, "is".ssn;

-- name: DELETE RETURNING
-- expect: masked
delete from customers where id > 990 returning *;

-- name: DELETE USING RETURNING
-- expect: masked
delete from orders o using customers c where c.id = o.customer_id and o.id = 3 returning o.id, c.card_number;

-- name: MERGE copies
-- expect: refused
merge into orders o using customers c on c.id = o.customer_id when matched then update set status = c.card_number;
select status from orders;

-- name: MERGE INSERT
-- expect: refused
merge into api_keys k using customers c on k.id = -c.id when not matched then insert values (-c.id, c.card_number, '{}');
select service from api_keys;

-- name: MERGE RETURNING
-- expect: masked
merge into orders o using customers c on c.id = o.customer_id and o.id = 1 when matched then update set total = 1
returning merge_action(), c.card_number, o.status;

-- name: data-modifying CTE
-- expect: masked
with d as (delete from customers where id > 990 returning card_number as n)
select n from d union all select ssn from customers;

-- name: data-modifying CTE that copies
-- expect: refused
with u as (update orders set status = (select card_number from customers where id = 1) where id = 1 returning status)
select status from u;

-- name: COPY table
-- expect: masked
copy customers to stdout;

-- name: COPY columns
-- expect: masked
copy customers (id, ssn) to stdout;

-- name: COPY query
-- expect: masked
copy (select upper(card_number), id from customers) to stdout;

-- name: COPY RETURNING
-- expect: masked
copy (update customers set city = city where id = 2 returning ssn) to stdout;

-- name: COPY csv
-- expect: masked
copy (select name, ssn from customers) to stdout with (format csv, header, quote '''');

-- name: COPY binary
-- expect: either
copy (select id, ssn from customers) to stdout with (format binary);

-- name: COPY to a file
-- expect: refused
copy customers to '/tmp/leak';

-- name: COPY to a program
-- expect: refused
copy customers to program 'cat';

-- name: SQL prepared statement
-- expect: either
prepare leak as select card_number from customers;
execute leak;

-- name: SQL prepared statement with an expression
-- expect: either
prepare leak (int) as select upper(ssn) from customers where id = $1;
execute leak (1);

-- name: CREATE TABLE AS EXECUTE
-- expect: refused
prepare leak as select card_number as c from customers;
create temp table leak_t as execute leak;
select c from leak_t;

-- name: cursor
-- expect: either
declare leak cursor for select card_number, upper(ssn) from customers;
fetch 5 from leak;

-- name: cursor with hold
-- expect: either
declare leak scroll cursor with hold for select concat(ssn) from customers;
fetch last from leak;

-- name: EXPLAIN shows literals and estimates
-- expect: either
explain select * from customers where card_number > '4111';

-- name: EXPLAIN ANALYZE
-- expect: either
explain (analyze, verbose, format json) select upper(card_number) from customers where ssn = (select min(ssn) from customers);

-- name: EXPLAIN with a constant-folded subquery
-- expect: either
explain verbose select * from (values ('x')) v where exists (select ssn from customers);

-- name: pg_stats
-- expect: either
select most_common_vals, histogram_bounds from pg_stats where tablename = 'customers';

-- name: pg_stats as text
-- expect: either
select attname, histogram_bounds::text from pg_catalog.pg_stats;

-- name: star of pg_stats
-- expect: either
select * from pg_stats where tablename = 'customers';

-- name: pg_statistic
-- expect: either
select stavalues1, stavalues2, starelid::regclass from pg_statistic;

-- name: extended statistics
-- expect: either
create statistics leak_s (mcv) on card_number, ssn from customers;
analyze customers;
select most_common_vals from pg_stats_ext;

-- name: statistics of an expression
-- expect: either
create statistics leak_s on (upper(ssn)) from customers;
analyze customers;
select most_common_vals, histogram_bounds from pg_stats_ext_exprs;

-- name: statistics of an expression index
-- expect: either
create index leak_i on customers (upper(ssn));
analyze customers;
select histogram_bounds from pg_stats where tablename = 'leak_i';

-- name: pg_stat_activity
-- expect: either
select query from pg_stat_activity;

-- name: pg_prepared_statements and pg_cursors
-- expect: either
select statement from pg_prepared_statements union all select statement from pg_cursors;

-- name: setting as a courier
-- expect: refused
select set_config('leak.x', string_agg(card_number, ','), false) from customers;
select current_setting('leak.x');

-- name: setting as a courier, inside a condition
-- expect: refused
select id from customers where set_config('leak.x', card_number, false) <> '' limit 1;
select current_setting('leak.x');

-- name: setting as a courier, shown
-- expect: refused
select id from customers where set_config('leak.x', ssn, false) is null;
show leak.x;

-- name: application_name as a courier
-- expect: refused
select count(set_config('application_name', card_number, false)) from customers;
select application_name from pg_stat_activity;

-- name: sequence as a courier
-- expect: refused
create sequence leak_q maxvalue 9223372036854775807;
select setval('leak_q', max(card_number::bigint)) from customers;
select last_value from leak_q;

-- name: notification as a courier
-- expect: refused
listen leak;
select pg_notify('leak', card_number) from customers;

-- name: advisory lock as a courier
-- expect: refused
select pg_advisory_lock(card_number::bigint) from customers where id = 1;
select classid, objid from pg_locks where locktype = 'advisory';

-- name: large object as a courier
-- expect: refused
select lo_from_bytea(424242, convert_to(card_number, 'UTF8')) from customers where id = 1;
select convert_from(lo_get(424242), 'UTF8');

-- name: large object written in pieces
-- expect: refused
select lo_create(424243);
select lo_put(424243, 0, ssn::bytea) from customers where id = 1;
select data from pg_largeobject where loid = 424243;

-- name: large object read by descriptor
-- expect: either
select lo_from_bytea(424244, 'x');
select loread(lo_open(424244, 262144), 100);

-- name: logical message as a courier
-- expect: refused
select pg_logical_emit_message(false, 'leak', card_number) from customers;

-- name: random seed as a courier
-- expect: refused
select setseed(('0.' || card_number)::float) from customers where id = 1;
select random();

-- name: sleep as an oracle
-- expect: refused
select pg_sleep(length(card_number)::float / 1000) from customers where id = 1;

-- name: DO block
-- expect: refused
do $$ begin raise notice '%', (select string_agg(card_number, ',') from customers); end $$;

-- name: DO block that copies
-- expect: refused
do $$ begin create temp table leak_t as select card_number c from customers; end $$;
select c from leak_t;

-- name: DO block with an exception
-- expect: refused
do $$ begin raise exception '%', (select ssn from customers where id = 1); end $$;

-- name: new SQL function
-- expect: refused
create function leak_f() returns setof text language sql as 'select card_number from customers';
select * from leak_f();

-- name: new SQL function with a body
-- expect: refused
create function leak_f() returns text begin atomic select max(card_number) from customers; end;
select leak_f();

-- name: new PL/pgSQL function
-- expect: refused
create function leak_f(i int) returns text language plpgsql as $$ begin return (select ssn from customers where id = i); end $$;
select leak_f(1);

-- name: new function that hides behind a builtin's name
-- expect: refused
create function public.upper(text) returns text language sql as 'select max(card_number) from public.customers';
select public.upper('x');

-- name: new function in a temporary schema
-- expect: refused
create function pg_temp.leak_f() returns setof customers language sql as 'select * from customers';
select * from pg_temp.leak_f();

-- name: new procedure
-- expect: refused
create procedure leak_p(inout x text) language plpgsql as $$ begin select card_number into x from customers where id = 1; end $$;
call leak_p('');

-- name: new aggregate over a function
-- expect: refused
create function leak_f(text, text) returns text language sql as 'select max(ssn) from customers';
create aggregate leak_a(text) (sfunc = leak_f, stype = text, initcond = '');
select leak_a('x');

-- name: new operator
-- expect: refused
create function leak_f(text) returns text language sql as 'select max(ssn) from customers';
create operator @@@@ (rightarg = text, function = leak_f);
select @@@@ 'x';

-- name: new cast
-- expect: refused
create type leak_y as (a int);
create function leak_f(leak_y) returns text language sql as 'select max(ssn) from customers';
create cast (leak_y as text) with function leak_f(leak_y);
select row(1)::leak_y::text;

-- name: new domain with a checking function
-- expect: refused
create function leak_f(text) returns boolean language plpgsql as $$ begin raise notice '%', (select max(ssn) from customers); return true; end $$;
create domain leak_d as text check (leak_f(value));
select 'x'::leak_d;

-- name: new trigger
-- expect: refused
create trigger leak_g before update on customers for each row execute function tsvector_update_trigger(city, 'pg_catalog.simple', ssn);
update customers set name = name;
select city from customers;

-- name: new rule
-- expect: refused
create rule leak_r as on update to customers do also insert into api_keys values (old.id + 5000, old.card_number, '{}');
update customers set name = name;
select service from api_keys;

-- name: new rule with RETURNING
-- expect: refused
create view leak_v as select id, status from orders;
create rule leak_r as on delete to leak_v do instead update customers set name = name returning id, card_number;
delete from leak_v returning status;

-- name: new generated column
-- expect: refused
alter table customers add column leak_c text generated always as (upper(card_number)) stored;
select leak_c from customers;

-- name: column type with USING
-- expect: refused
alter table customers alter column city type text using card_number;
select city from customers;

-- name: renamed column
-- expect: either
alter table customers rename column card_number to innocent;
select innocent, upper(innocent) from customers;

-- name: renamed table
-- expect: either
alter table customers rename to innocents;
select ssn, card_number, upper(card_number) from innocents;

-- name: table moved to another schema
-- expect: either
create schema leak;
alter table customers set schema leak;
select card_number from leak.customers;

-- name: swapped names
-- expect: either
alter table customers rename column card_number to swap;
alter table customers rename column city to card_number;
alter table customers rename column swap to city;
select city from customers;

-- name: new parent
-- expect: either
create table leak_p (card_number text);
alter table customers inherit leak_p;
select card_number, upper(card_number) from leak_p;

-- name: new partition of a masked table's copy
-- expect: either
create table leak_p (like customers) partition by range (id);
alter table leak_p attach partition customers for values from (0) to (100000);
select * from leak_p;

-- name: CREATE SCHEMA with a view inside
-- expect: either
create schema leak create view v as select ssn as s from public.customers;
select s from leak.v;

-- name: search_path with a decoy
-- expect: either
create schema leak;
create view leak.orders as select id, card_number as status from public.customers;
set search_path = leak, public;
select status from orders;

-- name: decoy table in front
-- expect: masked
set search_path = pg_catalog, public;
select card_number from customers;

-- name: policy does not unmask
-- expect: either
create policy leak_p on customers using (card_number > '5');
alter table customers enable row level security;
select card_number from customers;

-- name: error message through a constraint
-- expect: either
alter table customers add constraint leak_c check (card_number < '1');

-- name: error message through a unique index
-- expect: masked
insert into customers (id, name, email, card_number) values (1, 'n', 'x', 'y');

-- name: error message through division
-- expect: masked
select 1 / (card_number::bigint - card_number::bigint) from customers;

-- name: error message through an overflow
-- expect: masked
select card_number::int from customers;

-- name: error message through xml
-- expect: masked
select xmlparse(document card_number) from customers;

-- name: error message through a regular expression
-- expect: masked
select 'a' ~ ('(' || card_number) from customers;

-- name: error message through jsonpath
-- expect: masked
select jsonb_path_query('{}', (ssn || ' x y')::jsonpath) from customers;

-- name: error message through set_config
-- expect: refused
select set_config('work_mem', ssn, true) from customers;

-- name: error message through a registered class
-- expect: masked
select card_number::regclass from customers;

-- name: error message through enum
-- expect: masked
create type leak_e as enum ('a');
select ssn::leak_e from customers;

-- name: error described instead of raised
-- expect: masked
select (pg_input_error_info(ssn, 'integer')).message, pg_input_is_valid(card_number, 'integer') from customers;

-- name: composite type of its own
-- expect: masked
create type leak_y as (a text, b text);
select row(card_number, ssn)::leak_y, (row(card_number, ssn)::leak_y).a from customers;

-- name: domain of its own
-- expect: masked
create domain leak_d as text;
select card_number::leak_d from customers;

-- name: range type of its own
-- expect: either
create type leak_r as range (subtype = text);
select leak_r(ssn, null) from customers;

-- name: dblink
-- expect: either
select * from dblink('dbname=shop', 'select card_number from customers') as t(c text);

-- name: file functions
-- expect: either
select pg_read_file('/etc/passwd');

-- name: logical decoding
-- expect: either
select data from pg_logical_slot_peek_changes('leak', null, null);

-- name: toast table
-- expect: either
select chunk_data from pg_toast.pg_toast_1262;

-- name: table that is not known
-- expect: either
select * from no_such_table;

-- name: WHERE as an oracle
-- expect: oracle
select id from customers where card_number like '4111%';

-- name: WHERE on a hash as an oracle
-- expect: oracle
select id from customers where md5(card_number) < '8';

-- name: JOIN as an oracle
-- expect: oracle
select c.id from customers c join (values ('4111111111111111'), ('4000')) g(x) on g.x = c.card_number;

-- name: ORDER BY as an oracle
-- expect: oracle
select id from customers order by ssn;

-- name: ORDER BY output name as an oracle
-- expect: oracle
select id from (select id, ssn as s from customers) q order by s;

-- name: GROUP BY as an oracle
-- expect: oracle
select count(*) from customers group by substr(card_number, 1, 1);

-- name: HAVING as an oracle
-- expect: oracle
select count(*) from customers having max(ssn) > '9';

-- name: count as an oracle
-- expect: oracle
select count(*) filter (where ssn < '735'), count(nullif(card_number, '4111111111111111')) from customers;

-- name: EXISTS as an oracle
-- expect: oracle
select exists (select from customers where card_number = '4111111111111111');

-- name: IS NULL as an oracle
-- expect: oracle
select nullif(card_number, '4111111111111111') is null from customers;

-- name: IN as an oracle
-- expect: oracle
select name from customers where '4111111111111111' in (card_number, ssn);

-- name: window order as an oracle
-- expect: oracle
select id, row_number() over (order by card_number), rank() over (partition by left(ssn, 3) order by id) from customers;

-- name: DISTINCT ON as an oracle
-- expect: oracle
select distinct on (left(card_number, 1)) id from customers order by left(card_number, 1), id;

-- name: LIMIT as an oracle
-- expect: oracle
select id from orders limit (select left(card_number, 1)::int from customers where id = 1);

-- name: number of rows as an oracle
-- expect: oracle
select o.id from customers c, generate_series(1, left(c.card_number, 1)::int) g, orders o where o.id = 1 and c.id = 1;

-- name: number of rows in the target list as an oracle
-- expect: oracle
select id from (select id, generate_series(1, left(card_number, 1)::int) from customers where id < 3) q;

-- name: aggregate order as an oracle
-- expect: oracle
select string_agg(name, ',' order by card_number) from customers;

-- name: JSON predicate as an oracle
-- expect: oracle
select id from api_keys where data @> '{"owner": "ada@example.com"}' or data ? 'secret';

-- name: UPDATE with a predicate as an oracle
-- expect: oracle
update orders set total = total where exists (select from customers where ssn like '734%') and id = 1 returning id;

-- name: swapped names that nobody else can see yet
-- expect: either
begin;
alter table customers rename column card_number to swap;
alter table customers rename column city to card_number;
alter table customers rename column swap to city;
select upper(city) from customers;

-- name: swapped tables that nobody else can see yet
-- expect: either
begin;
alter table events rename to swap;
alter table customers rename to events;
select upper(ssn) from events;

-- name: renamed schema
-- expect: refused
alter schema public rename to leak;
select upper(ssn) from leak.customers;

-- name: table moved to a schema nobody knows
-- expect: either
create schema leak;
begin;
alter table customers set schema leak;
select upper(card_number) from leak.customers;

-- name: parent that nobody else can see yet
-- expect: either
create table leak_p (ssn text);
begin;
alter table customers inherit leak_p;
select upper(ssn) from leak_p;

-- name: notification of what a query text reads
-- expect: refused
listen leak;
select pg_notify('leak', (select string_agg(word, ',') from ts_stat('select to_tsvector(''simple'', card_number) from customers')));

-- name: setting made of a row nobody knows
-- expect: refused
select set_config('leak.x', (select string_agg(t::text, ',') from pg_stats t), false);
show leak.x;

-- name: prepared statement that returns its parameter
-- expect: refused
prepare leak (text) as select $1;
execute leak (ts_rewrite('a', 'select ''a''::tsquery, plainto_tsquery(''simple'', card_number) from customers')::text);

-- name: default that reads a query text
-- expect: refused
create table leak_t (id int, x text default ts_rewrite('a', 'select ''a''::tsquery, plainto_tsquery(''simple'', max(card_number)) from customers')::text);
insert into leak_t (id) values (1) returning x;

-- name: new column with a default that reads
-- expect: refused
alter table events add column leak text default query_to_xml('select card_number from customers', true, false, '')::text;
select leak from events;

-- name: changed default that reads
-- expect: refused
alter table events alter column note set default ts_rewrite('a', 'select ''a''::tsquery, plainto_tsquery(''simple'', max(ssn)) from customers')::text;
insert into events (id, kind, at) values (1, 'x', '2026-01-05') returning note;

-- name: policy that tells
-- expect: refused
listen leak;
create policy leak_p on customers using (pg_notify('leak', card_number) is not null);
alter table customers force row level security;
select id from customers;

-- name: check that tells
-- expect: refused
listen leak;
alter table customers add constraint leak_c check (pg_notify('leak', ssn) is not null);

-- name: domain that tells
-- expect: refused
listen leak;
create domain leak_d as text check (pg_notify('leak', value) is not null);
select id from customers where card_number::leak_d is not null;

-- name: domain that tells later
-- expect: refused
create domain leak_d as text;
alter domain leak_d add constraint c check (set_config('leak.x', value, false) is not null);
select id from customers where ssn::leak_d is not null;
show leak.x;

-- name: operator over a function that tells
-- expect: refused
listen leak;
create operator %%% (leftarg = text, rightarg = text, function = pg_notify);
select 'leak' %%% card_number from customers;

-- name: aggregate over a function that keeps
-- expect: refused
create aggregate leak_a (text, boolean) (sfunc = set_config, stype = text, initcond = 'leak.x');
select leak_a(card_number, false) from customers;
show leak.x;

-- name: aggregate with a builtin's name
-- expect: refused
create aggregate public.upper (text, boolean) (sfunc = set_config, stype = text, initcond = 'leak.x');
select public.upper(card_number, false) from customers;
show leak.x;

-- name: cast over a function that reads
-- expect: refused
create type leak_y as enum ('4');
create cast (leak_y as tsquery) with function plainto_tsquery(text);

-- name: foreign table
-- expect: refused
create extension if not exists postgres_fdw;
create server leak_s foreign data wrapper postgres_fdw options (dbname 'shop');
create user mapping for current_user server leak_s;
create foreign table leak_f (x text options (column_name 'card_number')) server leak_s options (table_name 'customers');
select x from leak_f;

-- name: extension that opens doors
-- expect: refused
create extension if not exists dblink;
select * from dblink('dbname=shop', 'select card_number from customers') as t(c text);

-- name: view with a function that tells
-- expect: refused
listen leak;
create view leak_v as select pg_notify('leak', card_number) from customers;
select count(*) from leak_v;

-- name: default names in a chain of subqueries
-- expect: masked
select upper from (select upper from (select upper(ssn) from customers) a) b;

-- name: outer row named like an inner column
-- expect: masked
select (select card_number from (select 1 as other) q) from customers;

-- name: whole row of a join
-- expect: masked
select j from (customers c join orders o on o.customer_id = c.id) as j;

-- name: row through an aggregate and back
-- expect: masked
select (u.r).ssn from (select unnest(array_agg(c)) as r from customers c) u;

-- name: jsonb subscript through a row
-- expect: masked
select (to_jsonb(c))['card_number'], to_jsonb(c) -> 'ssn', to_jsonb(c) @? '$.ssn' from customers c;

-- name: json keys in order
-- expect: masked
select string_agg(v, ',') from customers c, json_each_text(row_to_json(c)) as e(k, v);

-- name: pivot by crossing rows
-- expect: masked
select max(case when n = 1 then substr(ssn, 1, 1) end), max(case when n = 2 then substr(ssn, 2, 1) end)
from customers, generate_series(1, 2) n where id = 1;

-- name: window over an array of rows
-- expect: masked
select (array_agg(c) over ())[1] from customers c limit 1;

-- name: EXCEPT that reveals by what is left
-- expect: masked
select n from (values ('4111111111111111'), ('4000')) v(n) except select card_number from customers;

-- name: query text that tells
-- expect: refused
listen leak;
select query_to_xml('select pg_notify(''leak'', card_number) from customers', true, false, '');

-- name: query text that keeps
-- expect: refused
select * from ts_stat('select to_tsvector(set_config(''leak.x'', string_agg(card_number, '',''), false)) from customers');
show leak.x;
