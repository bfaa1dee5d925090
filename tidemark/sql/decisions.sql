-- What people decide. {…} are identifiers and literals, composed by psycopg2.sql.

-- name: begin_decision
-- An attempt begins that carries out a person's decision about a load, with the same file and the same counts.
with begun as (
    insert into tidemark.attempt
        (dataset, month, contract_version, suite_version, source_url, sha256, file_bytes, etag, last_modified, raw_path,
         rows_read, rows_diverted, diverted, dropped_columns, added_columns)
    select dataset, month, %(contract_version)s, %(suite_version)s, source_url, sha256, file_bytes, etag, last_modified,
           raw_path, rows_read, rows_diverted, diverted, dropped_columns, added_columns
    from tidemark.attempt
    where load_id = %(judged_load)s
    returning load_id
)
insert into tidemark.decision (load_id, kind, judged_load, codes, decided_by, reason)
select load_id, %(kind)s, %(judged_load)s, %(codes)s, %(by)s, %(reason)s from begun
returning load_id;

-- name: copy_profile
-- A decision takes the profile of the load that it is about along.
insert into tidemark.profile (load_id, statistics)
select %(load_id)s, statistics from tidemark.profile where load_id = %(judged_load)s
on conflict do nothing;

-- name: copy_evidence
-- And the rows that show why its checks failed.
insert into tidemark.evidence (load_id, code, position, row)
select %(load_id)s, code, position, row from tidemark.evidence where load_id = %(judged_load)s
on conflict do nothing;

-- name: unpublish
-- A month holds no rows any more; part of the transaction that takes them out.
delete from tidemark.partition where dataset = %(dataset)s and month = %(month)s and current_load = %(load_id)s;

-- name: lock_acceptances
-- Keeps a second acceptance waiting, until the transaction ends.
lock table tidemark.acceptance in share row exclusive mode;

-- name: accept
-- A known change is put on record, with the rows of the last load of these months that the check had rejected.
insert into tidemark.acceptance (dataset, code, first_month, last_month, accepted_by, reason, rejected_rows)
values (
    %(dataset)s, %(code)s, %(first)s, %(last)s, %(by)s, %(reason)s,
    (
        select a.rows_read - a.rows_diverted
        from tidemark.finding f join tidemark.attempt a on a.load_id = f.load_id
        where a.dataset = %(dataset)s and a.month >= %(first)s and a.month <= coalesce(%(last)s, a.month)
          and f.code = %(code)s and f.severity = 'reject' and not f.passed and not f.errored
        order by f.load_id desc
        limit 1
    )
)
returning dataset, code, first_month, last_month, accepted_by, reason, accepted_at, rejected_rows;

-- name: withdraw_acceptance
-- A known change is judged by no more; its record stays, with who withdrew it and why.
update tidemark.acceptance
set withdrawn_by = %(by)s, withdrawn_reason = %(reason)s, withdrawn_at = clock_timestamp()
where dataset = %(dataset)s and code = %(code)s and first_month = %(first)s and withdrawn_at is null;

-- name: table_is_there
-- Whether a table is there, read from the catalog.
select exists (select from pg_tables where schemaname = %(schema)s and tablename = %(name)s);

-- name: fingerprint
-- What the rows of two tables are, in whatever order: a row that is changed, gone or there twice changes it.
select (select coalesce(sum(hash_record_extended(t, 0)::numeric), 0) from {rows} t)::text || ' '
    || (select coalesce(sum(hash_record_extended(t, 0)::numeric), 0) from {diverted} t)::text;

-- name: record_fingerprint
-- What a load left in the quarantine; part of the transaction that moves it there.
update tidemark.attempt set quarantine_fingerprint = %(fingerprint)s where load_id = %(load_id)s;

-- name: count_load
-- The rows of a table that one load brought, and of all.
select count(*) filter (where load_id = {load_id}), count(*) from {table};

-- name: stage_again
-- Rows that are there already, staged for another load: month and load_id come from the table's defaults.
insert into {table} ({columns}) select {columns} from {kept} where load_id = {load_id};
