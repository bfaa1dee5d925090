-- The tables of the data. {…} are identifiers and literals, composed by psycopg2.sql.

-- name: schema_lock
-- Keeps a second change of a dataset's tables waiting, until the transaction ends.
select pg_advisory_xact_lock(%(key)s);

-- name: short_lock_timeout
-- Whoever waits for a table lock longer than this would make readers queue behind it.
select set_config('lock_timeout', %(milliseconds)s || 'ms', true);

-- name: session_lock_timeout
-- The same for statements that are transactions of their own.
select set_config('lock_timeout', %(milliseconds)s || 'ms', false);

-- name: usual_lock_timeout
-- Ends that.
reset lock_timeout;

-- name: table_exists
-- Whether a table of schema trips is there. Read from the catalog: to_regclass may still say what it knew before this
-- session waited for the lock.
select exists (select from pg_tables where schemaname = 'trips' and tablename = %(name)s);

-- name: create_parent_table
-- The table of a dataset: one partition a month.
create table {table} (
    month date not null,
    load_id bigint not null,
    {columns}
) partition by list (month);

-- name: create_diverted_table
-- The rows of a dataset that row rules took out of published months.
create table {table} (
    load_id bigint not null,
    month date not null,
    code text not null,
    column_name text not null,
    row_number bigint not null,
    row jsonb not null
);

-- name: index_diverted_table
-- Finds the diverted rows of one month, to show and to replace them.
create index on {table} (month);

-- name: comment_on_table
-- Says what a table is.
comment on table {table} is {comment};

-- name: comment_on_column
-- Says what a column means, in which unit, and what the source calls it.
comment on column {column} is {comment};

-- name: table_columns
-- The columns of a table and their types.
select attname, format_type(atttypid, atttypmod)
from pg_attribute
where attrelid = %(table)s::regclass and attnum > 0 and not attisdropped;

-- name: add_column
-- A column that the dataset got after its table was made, or that a file brought.
alter table {table} add column {column};

-- name: described_columns
-- The columns of a table, in their order, with their types and comments; none when there is no such table.
select attname, format_type(atttypid, atttypmod), coalesce(col_description(attrelid, attnum), '')
from pg_attribute
where attrelid = to_regclass(%(table)s) and attnum > 0 and not attisdropped
order by attnum;

-- name: reserved_words
-- The words that no column may be called, or only in quotes: user without them is the session's user.
select word from pg_get_keywords() where catcode in ('R', 'T');

-- name: keep_columns
-- Keeps the columns of a dataset's table as they are until the transaction ends; it is the lock that ATTACH takes.
lock table only {table} in share update exclusive mode;

-- name: create_staging_table
-- Where one load stages one month, with the constraint that later spares ATTACH a scan.
create table {table} (
    like {parent} including comments,
    constraint {check} check (month = {month})
) with (autovacuum_enabled = off);  -- it keeps the lock that the publish needs, and only gives way to who waits long
alter table {table}
    alter column month set default {month},
    alter column load_id set default {load_id};

-- name: create_diverted_staging_table
-- Where one load stages the rows that it takes out.
create table {table} (like {parent});
alter table {table}
    alter column month set default {month},
    alter column load_id set default {load_id};

-- name: copy_binary
-- Takes the encoded rows; month and load_id come from the table's defaults.
copy {table} ({columns}) from stdin (format binary);

-- name: copy_diverted
-- Takes the spooled rows that were diverted.
copy {table} (code, column_name, row_number, row) from stdin (format csv);

-- name: drop_staging_table
-- Removes a staged table.
drop table if exists {table};

-- name: create_index
-- An index of a staged month, made before it is published.
create index if not exists {name} on {table} using {method} ({columns});

-- name: finish_staging_table
-- A published month must get its load_id from its loader, never from a default.
alter table {table} alter column month drop default, alter column load_id drop default;

-- name: analyze
-- Statistics of one month's table; never of the parent.
analyze {table};

-- name: is_attached
-- Whether a month's table is attached to its dataset's table.
select exists (
    select from pg_inherits where inhparent = %(parent)s::regclass and inhrelid = to_regclass(%(table)s)
);

-- name: autovacuum_again
-- What a staged table was spared it gets once it has moved.
alter table {table} reset (autovacuum_enabled);

-- name: move_to_schema
-- Moves a staged table out of schema staging.
alter table {table} set schema {schema};

-- name: rename_table
-- Gives a moved table its lasting name.
alter table {table} rename to {name};

-- name: attach_partition
-- Makes a month visible: 1 ms, because the table's own constraint already says that every row belongs.
alter table {parent} attach partition {table} for values in ({month});

-- name: delete_month
-- The old rows of a month that is reloaded.
delete from {table};

-- name: insert_month
-- The new rows of a month that is reloaded.
insert into {table} ({columns}) select {columns} from {staged};

-- name: delete_diverted
-- The old diverted rows of a month.
delete from {table} where month = {month};

-- name: insert_diverted
-- The diverted rows of a month, beside its published ones.
insert into {table} (load_id, month, code, column_name, row_number, row)
select load_id, month, code, column_name, row_number, row from {staged};

-- name: staging_tables
-- Every table in staging.
select tablename from pg_tables where schemaname = 'staging' order by tablename;

-- name: attempts_by_id
-- The months that these loads are of.
select load_id, dataset, month from tidemark.attempt where load_id = any(%(loads)s);

-- name: old_quarantine
-- The months whose quarantined tables' time is over.
select a.dataset, a.month
from pg_tables t
     join tidemark.attempt a on a.quarantine_table = 'quarantine.' || regexp_replace(t.tablename, '_diverted$', '')
where t.schemaname = 'quarantine'
group by a.dataset, a.month
having max(a.ended_at) < clock_timestamp() - make_interval(days => %(days)s);

-- name: count_rows
-- The rows of a table.
select count(*) from {table};
