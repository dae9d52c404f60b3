-- A small shop with made-up people, for the demo and for tests. Card numbers are the card networks' published test
-- numbers or made to pass the Luhn check; nobody owns them. Load it into an empty database.

create table public.customers (
  id integer primary key,
  name text not null,
  email text not null unique,
  phone text,
  card_number text,
  ssn text,
  city text,
  created timestamptz not null default now()
);

create table public.orders (
  id integer primary key,
  customer_id integer not null references public.customers (id),
  total numeric(10, 2) not null,
  status text not null default 'new',
  placed timestamptz not null default now()
);
create index on public.orders (customer_id);

create table public.api_keys (
  id integer primary key,
  service text not null,
  data jsonb not null
);

create table public.events (
  id bigint not null,
  customer_id integer,
  kind text not null,
  note text,
  at date not null
) partition by range (at);
create table public.events_2025 partition of public.events for values from ('2025-01-01') to ('2026-01-01');
create table public.events_2026 partition of public.events for values from ('2026-01-01') to ('2027-01-01');

insert into public.customers (id, name, email, phone, card_number, ssn, city, created) values
  (1, 'Ada Lovelace', 'ada.lovelace1@example.com', '+1-202-555-0100', '4111111111111111', '734-10-1000', 'Zurich', '2026-01-01 09:00:00+00'),
  (2, 'Grace Thompson', 'grace.thompson2@example.com', '+1-202-555-0101', '5555555555554444', '735-11-1173', 'London', '2026-02-02 09:01:00+00'),
  (3, 'Alan Clarke', 'alan.clarke3@example.com', '+1-202-555-0102', '378282246310005', '736-12-1346', 'Utrecht', '2026-03-03 09:02:00+00'),
  (4, 'Edsger Berners', 'edsger.berners4@example.com', '+1-202-555-0103', '6011111111111117', '737-13-1519', 'Lisbon', '2026-04-04 09:03:00+00'),
  (5, 'Barbara Dijkstra', 'barbara.dijkstra5@example.com', '+1-202-555-0104', '4012888888881881', '738-14-1692', 'Oslo', '2026-05-05 09:04:00+00'),
  (6, 'Donald Perlman', 'donald.perlman6@example.com', '+1-202-555-0105', '5105105105105100', '739-15-1865', 'Vienna', '2026-06-06 09:05:00+00'),
  (7, 'Frances Codd', 'frances.codd7@example.com', '+1-202-555-0106', '30569309025904', '740-16-2038', 'Porto', '2026-07-07 09:06:00+00'),
  (8, 'Ken Lamarr', 'ken.lamarr8@example.com', '+1-202-555-0107', '3530111333300000', '741-17-2211', 'Ghent', '2026-08-08 09:07:00+00'),
  (9, 'Margaret Allen', 'margaret.allen9@example.com', '+1-202-555-0108', '4000005260181590', '742-18-2384', 'Turin', '2026-09-09 09:08:00+00'),
  (10, 'Dennis Hoare', 'dennis.hoare10@example.com', '+1-202-555-0109', '5555550830166130', '743-19-2557', 'Graz', '2026-10-10 09:09:00+00'),
  (11, 'Radia Wilson', 'radia.wilson11@example.com', '+1-202-555-0110', '4000001860913904', '734-20-2730', 'Zurich', '2026-11-11 09:10:00+00'),
  (12, 'Niklaus Turing', 'niklaus.turing12@example.com', '+1-202-555-0111', '4000009960308248', '735-21-2903', 'London', '2026-12-12 09:11:00+00'),
  (13, 'Katherine Ritchie', 'katherine.ritchie13@example.com', '+1-202-555-0112', '5555556281948215', '736-22-3076', 'Utrecht', '2026-01-13 09:12:00+00'),
  (14, 'Tony Bartik', 'tony.bartik14@example.com', '+1-202-555-0113', '4000009935181902', '737-23-3249', 'Lisbon', '2026-02-14 09:13:00+00'),
  (15, 'Joan Stroustrup', 'joan.stroustrup15@example.com', '+1-202-555-0114', '4000009378657970', '738-24-3422', 'Oslo', '2026-03-15 09:14:00+00'),
  (16, 'John Knuth', 'john.knuth16@example.com', '+1-202-555-0115', '5555555432319482', '739-25-3595', 'Vienna', '2026-04-16 09:15:00+00'),
  (17, 'Jean Johnson', 'jean.johnson17@example.com', '+1-202-555-0116', '4000007574911860', '740-26-3768', 'Porto', '2026-05-17 09:16:00+00'),
  (18, 'Edgar Stonebraker', 'edgar.stonebraker18@example.com', '+1-202-555-0117', '4000002527601890', '741-27-3941', 'Ghent', '2026-06-18 09:17:00+00'),
  (19, 'Lynn Hopper', 'lynn.hopper19@example.com', '+1-202-555-0118', '5555555559797114', '742-28-4114', 'Turin', '2026-07-19 09:18:00+00'),
  (20, 'Michael Hamilton', 'michael.hamilton20@example.com', '+1-202-555-0119', '4000004710497466', '743-29-4287', 'Graz', '2026-08-20 09:19:00+00'),
  (21, 'Sophie Backus', 'sophie.backus21@example.com', '+1-202-555-0120', '4000005075291709', '734-30-4460', 'Zurich', '2026-09-21 09:20:00+00'),
  (22, 'Tim Jones', 'tim.jones22@example.com', '+1-202-555-0121', '5555553423667126', '735-31-4633', 'London', '2026-10-22 09:21:00+00'),
  (23, 'Karen Liskov', 'karen.liskov23@example.com', '+1-202-555-0122', '4000007684268466', '736-32-4806', 'Utrecht', '2026-11-23 09:22:00+00'),
  (24, 'Bjarne Wirth', 'bjarne.wirth24@example.com', '+1-202-555-0123', '4000005632122330', '737-33-4979', 'Lisbon', '2026-12-24 09:23:00+00'),
  (25, 'Hedy Conway', 'hedy.conway25@example.com', '+1-202-555-0124', '5555550792440267', '738-34-5152', 'Oslo', '2026-01-25 09:24:00+00'),
  (26, 'Ada Lovelace', 'ada.lovelace26@example.com', '+1-202-555-0125', '4000008599528903', '739-35-5325', 'Vienna', '2026-02-26 09:25:00+00'),
  (27, 'Grace Thompson', 'grace.thompson27@example.com', '+1-202-555-0126', '4000007866661769', '740-36-5498', 'Porto', '2026-03-27 09:26:00+00'),
  (28, 'Alan Clarke', 'alan.clarke28@example.com', '+1-202-555-0127', '5555550313721591', '741-37-5671', 'Ghent', '2026-04-28 09:27:00+00'),
  (29, 'Edsger Berners', 'edsger.berners29@example.com', '+1-202-555-0128', '4000000109281594', '742-38-5844', 'Turin', '2026-05-01 09:28:00+00'),
  (30, 'Barbara Dijkstra', 'barbara.dijkstra30@example.com', '+1-202-555-0129', '4000000139624599', '743-39-6017', 'Graz', '2026-06-02 09:29:00+00'),
  (31, 'Donald Perlman', 'donald.perlman31@example.com', '+1-202-555-0130', '5555555711777749', '734-40-6190', 'Zurich', '2026-07-03 09:30:00+00'),
  (32, 'Frances Codd', 'frances.codd32@example.com', '+1-202-555-0131', '4000001215472804', '735-41-6363', 'London', '2026-08-04 09:31:00+00'),
  (33, 'Ken Lamarr', 'ken.lamarr33@example.com', '+1-202-555-0132', '4000003852808415', '736-42-6536', 'Utrecht', '2026-09-05 09:32:00+00'),
  (34, 'Margaret Allen', 'margaret.allen34@example.com', '+1-202-555-0133', '5555554852538887', '737-43-6709', 'Lisbon', '2026-10-06 09:33:00+00'),
  (35, 'Dennis Hoare', 'dennis.hoare35@example.com', '+1-202-555-0134', '4000005393363388', '738-44-6882', 'Oslo', '2026-11-07 09:34:00+00'),
  (36, 'Radia Wilson', 'radia.wilson36@example.com', '+1-202-555-0135', '4000007500474397', '739-45-7055', 'Vienna', '2026-12-08 09:35:00+00'),
  (37, 'Niklaus Turing', 'niklaus.turing37@example.com', '+1-202-555-0136', '5555555755131373', '740-46-7228', 'Porto', '2026-01-09 09:36:00+00'),
  (38, 'Katherine Ritchie', 'katherine.ritchie38@example.com', '+1-202-555-0137', '4000003537990752', '741-47-7401', 'Ghent', '2026-02-10 09:37:00+00'),
  (39, 'Tony Bartik', 'tony.bartik39@example.com', '+1-202-555-0138', '4000001163726516', '742-48-7574', 'Turin', '2026-03-11 09:38:00+00'),
  (40, 'Joan Stroustrup', 'joan.stroustrup40@example.com', '+1-202-555-0139', '5555556761222024', '743-49-7747', 'Graz', '2026-04-12 09:39:00+00'),
  (41, 'John Knuth', 'john.knuth41@example.com', '+1-202-555-0140', '4000009729975287', '734-50-7920', 'Zurich', '2026-05-13 09:40:00+00'),
  (42, 'Jean Johnson', 'jean.johnson42@example.com', '+1-202-555-0141', '4000008200182637', '735-51-8093', 'London', '2026-06-14 09:41:00+00'),
  (43, 'Edgar Stonebraker', 'edgar.stonebraker43@example.com', '+1-202-555-0142', '5555553043483953', '736-52-8266', 'Utrecht', '2026-07-15 09:42:00+00'),
  (44, 'Lynn Hopper', 'lynn.hopper44@example.com', '+1-202-555-0143', '4000004862057985', '737-53-8439', 'Lisbon', '2026-08-16 09:43:00+00'),
  (45, 'Michael Hamilton', 'michael.hamilton45@example.com', '+1-202-555-0144', '4000006828288075', '738-54-8612', 'Oslo', '2026-09-17 09:44:00+00'),
  (46, 'Sophie Backus', 'sophie.backus46@example.com', '+1-202-555-0145', '5555552902227915', '739-55-8785', 'Vienna', '2026-10-18 09:45:00+00'),
  (47, 'Tim Jones', 'tim.jones47@example.com', '+1-202-555-0146', '4000008058887188', '740-56-8958', 'Porto', '2026-11-19 09:46:00+00'),
  (48, 'Karen Liskov', 'karen.liskov48@example.com', '+1-202-555-0147', '4000000334018787', '741-57-9131', 'Ghent', '2026-12-20 09:47:00+00'),
  (49, 'Bjarne Wirth', 'bjarne.wirth49@example.com', '+1-202-555-0148', '5555550175989831', '742-58-9304', 'Turin', '2026-01-21 09:48:00+00'),
  (50, 'Hedy Conway', 'hedy.conway50@example.com', '+1-202-555-0149', '4000004788783847', '743-59-9477', 'Graz', '2026-02-22 09:49:00+00');

insert into public.orders (id, customer_id, total, status, placed)
select n, 1 + n * 7 % 50, (n * 37 % 900 + 10) + 0.5 * (n % 2), (array['new', 'paid', 'sent', 'returned'])[1 + n % 4],
  timestamptz '2026-01-01 08:00:00+00' + n * interval '5 hours'
from generate_series(1, 400) as n;

insert into public.api_keys (id, service, data) values
  (1, 'payments', '{"key": "hk_test_6e4d3cea27d26934b484e73c", "secret": "hs_test_xaeatyrmscnk5p1mvu1q", "owner": "ada@example.com"}'),
  (2, 'mail', '{"key": "hk_test_a923732881584d8c4fa2815d", "secret": "hs_test_4h15g5e4g7v0msh82zf7", "owner": "grace@example.com"}'),
  (3, 'maps', '{"key": "hk_test_581569969e58b081006f7e3d", "secret": "hs_test_xryjdemc8rn3804gta35", "owner": "alan@example.com"}'),
  (4, 'search', '{"key": "hk_test_c9791e558e08baa7196b50ac", "secret": "hs_test_5whycfy05g59r2r1jje5", "owner": "edsger@example.com"}'),
  (5, 'storage', '{"key": "hk_test_4caf4941d4072014b3ce107f", "secret": "hs_test_g0v4y5z4wg4gfdevxq4w", "owner": "barbara@example.com"}'),
  (6, 'billing', '{"key": "hk_test_91624a8940f1f836f99eee36", "secret": "hs_test_j5w1iv4yuhqdd459zgp8", "owner": "donald@example.com"}'),
  (7, 'backup', '{"key": "hk_test_83b7ffc050fec94dbca3a0aa", "secret": "hs_test_r7c0igp4rq4pth3h63i9", "owner": "frances@example.com"}'),
  (8, 'metrics', '{"key": "hk_test_78da6bd0c621de49f145fda9", "secret": "hs_test_jggrfjwr7aa4dyxeumut", "owner": "ken@example.com"}');

insert into public.events (id, customer_id, kind, note, at)
select n, 1 + n % 50, (array['login', 'order', 'mail'])[1 + n % 3], 'event ' || n, date '2025-06-01' + (n % 400)
from generate_series(1, 300) as n;

create view public.customer_cards as
  select id, name, card_number as number, upper(ssn) as ssn_text from public.customers;

create materialized view public.customer_totals as
  select c.id, c.name, max(c.card_number) as card, sum(o.total) as total
  from public.customers c join public.orders o on o.customer_id = c.id
  group by c.id, c.name;

analyze;
