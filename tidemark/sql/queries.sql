-- The ledger and the locks. Parameters are psycopg2's; {…} are identifiers and literals, composed by psycopg2.sql.

-- name: ledger_exists
-- The ledger's version table; null when this database has no ledger.
select to_regclass('tidemark.schema_version')::text;

-- name: ledger_version
-- The version of the ledger's schema.
select version_num from tidemark.schema_version;

-- name: dataset_number
-- The number of a dataset, the first key of its advisory locks; given out once, here.
with added as (
    insert into tidemark.dataset (name)
    select %(name)s where not exists (select from tidemark.dataset where name = %(name)s)
    on conflict (name) do nothing
    returning number
)
select number from added union all select number from tidemark.dataset where name = %(name)s limit 1;

-- name: open_run
-- A backfill begins.
insert into tidemark.run (dataset, first_month, last_month, mode)
values (%(dataset)s, %(first)s, %(last)s, %(mode)s)
returning run_id;

-- name: freeze_plan
-- What a backfill decided for each month; values are (run_id, month, action, reason, current_load).
insert into tidemark.run_partition (run_id, month, action, reason, current_load) values %s;

-- name: planned_partition
-- What a backfill decided for one month.
select r.mode, p.action, p.reason, p.current_load
from tidemark.run r join tidemark.run_partition p using (run_id)
where r.run_id = %(run_id)s and r.dataset = %(dataset)s and p.month = %(month)s;

-- name: frozen_plan
-- What a backfill decided for each of its months.
select p.month, r.mode, p.action, p.reason, p.current_load
from tidemark.run r join tidemark.run_partition p using (run_id)
where r.run_id = %(run_id)s and r.dataset = %(dataset)s
order by p.month;

-- name: end_run
-- A backfill is over.
update tidemark.run set ended_at = clock_timestamp(), exit_status = %(exit_status)s where run_id = %(run_id)s;

-- name: mark_interrupted
-- Attempts of a month that began and never ended; whoever calls this holds the month's lock.
update tidemark.attempt
set ended_at = clock_timestamp(), outcome = 'interrupted', code = 'interrupted',
    reason = 'The loader stopped without a word: it was killed, or lost its machine or its connection.',
    remedy = 'Run the same command again; nothing of this attempt was published.'
where dataset = %(dataset)s and month = %(month)s and outcome is null;

-- name: begin_attempt
-- An attempt begins; its caller holds the month's lock.
insert into tidemark.attempt (dataset, month, run_id, contract_version, suite_version)
values (%(dataset)s, %(month)s, %(run_id)s, %(contract_version)s, %(suite_version)s)
returning load_id;

-- name: record_raw
-- The raw file that an attempt works on.
update tidemark.attempt
set source_url = %(url)s, sha256 = %(sha256)s, file_bytes = %(size)s, etag = %(etag)s,
    last_modified = %(last_modified)s, raw_path = %(path)s
where load_id = %(load_id)s;

-- name: record_seen
-- What the source showed of a month.
insert into tidemark.source_seen (dataset, month, url, available, etag, last_modified, file_bytes, sha256)
values (%(dataset)s, %(month)s, %(url)s, %(available)s, %(etag)s, %(last_modified)s, %(size)s, %(sha256)s)
on conflict (dataset, month) do update
set url = excluded.url, available = excluded.available, etag = excluded.etag,
    last_modified = excluded.last_modified, file_bytes = excluded.file_bytes, sha256 = excluded.sha256,
    seen_at = clock_timestamp();

-- name: record_staged
-- What staging read and took out.
update tidemark.attempt
set rows_read = %(rows_read)s, rows_diverted = %(rows_diverted)s, diverted = %(diverted)s,
    dropped_columns = %(dropped)s, added_columns = %(added)s
where load_id = %(load_id)s;

-- name: record_verdict
-- What the gate said.
update tidemark.attempt
set verdict = %(verdict)s, suite_version = %(suite_version)s
where load_id = %(load_id)s;

-- name: record_findings
-- What each check said; values are
-- (load_id, code, severity, passed, errored, column_name, expected, observed, reason, gravity, softened).
insert into tidemark.finding
    (load_id, code, severity, passed, errored, column_name, expected, observed, reason, gravity, softened)
values %s
on conflict (load_id, code) do nothing;

-- name: record_profile
-- The statistics of what a load staged.
insert into tidemark.profile (load_id, statistics) values (%(load_id)s, %(statistics)s) on conflict do nothing;

-- name: record_evidence
-- Rows that show why checks failed; values are (load_id, code, position, row).
insert into tidemark.evidence (load_id, code, position, row) values %s on conflict do nothing;

-- name: published_profiles
-- The published months of a dataset before one month that have a profile, the newest first, each with the codes of the
-- checks that had rejected it before a person released it, and with all that would have rejected it.
select p.month, p.current_load as load_id, s.statistics, coalesce(d.codes, '{}') as released_codes,
       array(
           select unnest(d.codes)
           union
           select f.code from tidemark.finding f where f.load_id = p.current_load and f.softened
           order by 1
       ) as rejected_codes
from tidemark.partition p
     join tidemark.profile s on s.load_id = p.current_load
     left join tidemark.decision d on d.load_id = p.current_load
where p.dataset = %(dataset)s and p.month < %(month)s
order by p.month desc
limit %(most)s;

-- name: published_without_profile
-- The newest published months of a dataset before one month that have no profile, as they were published by a version of
-- Tidemark that made none, with the raw files that they came from.
select p.month, p.current_load as load_id, a.raw_path, a.sha256, a.rows_published
from tidemark.partition p join tidemark.attempt a on a.load_id = p.current_load
where p.dataset = %(dataset)s and p.month < %(month)s and a.raw_path is not null
  and not exists (select from tidemark.profile s where s.load_id = p.current_load)
order by p.month desc
limit %(most)s;

-- name: acceptances
-- The known changes of a dataset that nobody has withdrawn.
select dataset, code, first_month, last_month, accepted_by, reason, accepted_at, rejected_rows
from tidemark.acceptance
where dataset = %(dataset)s and withdrawn_at is null
order by code, first_month;

-- name: end_attempt
-- An attempt ends; one that has ended keeps its outcome.
update tidemark.attempt
set ended_at = clock_timestamp(), outcome = %(outcome)s, code = %(code)s, reason = %(reason)s,
    remedy = %(remedy)s, quarantine_table = %(quarantine_table)s
where load_id = %(load_id)s and outcome is null;

-- name: end_published
-- An attempt ends as published, by the gate's word or a person's; part of the publish transaction.
update tidemark.attempt a
set ended_at = clock_timestamp(), outcome = 'published', code = 'published', rows_published = %(rows)s,
    reason = %(reason)s || coalesce(
        (select ', released by ' || d.decided_by from tidemark.decision d where d.load_id = a.load_id), ''
    )
where load_id = %(load_id)s and outcome is null;

-- name: current_load
-- The load whose rows a month holds, locked until the transaction ends.
select current_load from tidemark.partition where dataset = %(dataset)s and month = %(month)s for update;

-- name: set_current_load
-- A month now holds the rows of this load; part of the publish transaction.
insert into tidemark.partition (dataset, month, current_load)
values (%(dataset)s, %(month)s, %(load_id)s)
on conflict (dataset, month) do update set current_load = excluded.current_load;

-- name: transaction_id
-- This transaction and its server process, to ask for them should the connection break at the commit.
select pg_backend_pid(), pg_current_xact_id()::text;

-- name: transaction_runs
-- Whether the server still works on a transaction, whose id alone may be another's since a crash; or is a standby, which
-- may not have heard of its end yet.
select pg_is_in_recovery()
    or exists (select from pg_stat_activity where pid = %(pid)s and backend_xid = %(xid)s::xid8::xid);

-- name: attempt_ending
-- How an attempt has ended; nothing when it has not.
select outcome, code, reason, coalesce(remedy, '') as remedy, quarantine_table
from tidemark.attempt
where load_id = %(load_id)s and outcome is not null;

-- name: partition_attempts
-- For each month of a dataset the attempts that decide what it is: the published one, the last one that ended, the
-- last one that says how the month stands, and one that runs: not one that was «unchanged», nor a person's decision that
-- came to nothing; and a person's rejection that nothing has published since. An attempt without an end whose month's
-- lock is free was interrupted.
with held as materialized (
    select l.objid::bigint as yyyymm
    from pg_locks l
    where l.locktype = 'advisory' and l.granted and l.objsubid = 2
      and l.database = (select oid from pg_database where datname = current_database())
      and l.classid::bigint = (select number from tidemark.dataset where name = %(dataset)s)
), judged as (
    select a.*, h.yyyymm is not null and a.outcome is null as running,
           coalesce(a.outcome, case when h.yyyymm is null then 'interrupted' end) as effective,
           d.kind as decided, d.judged_load, d.codes as decided_codes, d.decided_by, d.reason as decided_reason,
           d.decided_at
    from tidemark.attempt a
    left join tidemark.decision d using (load_id)
    left join held h on h.yyyymm = extract(year from a.month) * 100 + extract(month from a.month)
    where a.dataset = %(dataset)s and a.month between %(first)s and %(last)s
), ranked as (
    select j.*, coalesce(j.load_id = p.current_load, false) as is_current,
           j.load_id is not distinct from
               max(j.load_id) filter (where effective is not null) over (partition by j.month) as is_last,
           j.load_id is not distinct from
               max(j.load_id) filter (
                   where effective <> 'unchanged' and (decided is null or effective in ('published', 'rejected'))
               ) over (partition by j.month) as is_deciding,
           j.decided = 'reject' and j.load_id is not distinct from
               max(j.load_id) filter (
                   where effective = 'published' or (decided = 'reject' and effective = 'rejected')
               ) over (partition by j.month) as is_word
    from judged j
    left join tidemark.partition p on p.dataset = j.dataset and p.month = j.month
)
select * from ranked where is_current or is_last or is_deciding or is_word or running order by month, load_id;

-- name: seen_months
-- What was last seen of each month of a dataset at the source.
select month, url, available, etag, last_modified, file_bytes, sha256, seen_at
from tidemark.source_seen
where dataset = %(dataset)s and month between %(first)s and %(last)s;

-- name: attempted_months
-- The months of a dataset that have an attempt.
select distinct month from tidemark.attempt where dataset = %(dataset)s;

-- name: findings_of
-- What the checks said about these attempts.
select load_id, code, severity, passed, errored, column_name, expected, observed, reason, gravity, softened
from tidemark.finding
where load_id = any(%(loads)s);

-- name: odd_findings_of
-- Of what the checks said about these attempts, what did not pass: a ledger of years holds thirty times as many that did.
select load_id, code, severity, passed, errored, column_name, expected, observed, reason, gravity, softened
from tidemark.finding
where load_id = any(%(loads)s) and (not passed or errored);

-- name: evidence_of
-- The rows that show why checks failed, of these attempts.
select load_id, code, row from tidemark.evidence where load_id = any(%(loads)s) order by load_id, code, position;

-- name: attempts_of
-- Every attempt of one month, the newest first.
with held as (
    select 1
    from pg_locks l
    where l.locktype = 'advisory' and l.granted and l.objsubid = 2
      and l.database = (select oid from pg_database where datname = current_database())
      and l.classid::bigint = (select number from tidemark.dataset where name = %(dataset)s)
      and l.objid::bigint = extract(year from %(month)s::date) * 100 + extract(month from %(month)s::date)
)
select a.*, a.outcome is null and exists (select from held) as running,
       coalesce(a.outcome, case when not exists (select from held) then 'interrupted' end) as effective,
       d.kind as decided, d.judged_load, d.codes as decided_codes, d.decided_by, d.reason as decided_reason,
       d.decided_at
from tidemark.attempt a left join tidemark.decision d using (load_id)
where a.dataset = %(dataset)s and a.month = %(month)s
order by a.load_id desc;

-- name: try_lock_month
-- Takes the advisory lock of a month for this session, if it is free.
select pg_try_advisory_lock(%(number)s, %(yyyymm)s);

-- name: unlock_month
-- Lets the advisory lock of a month go.
select pg_advisory_unlock(%(number)s, %(yyyymm)s);

-- name: no_transaction_timeout
-- A limit that the role may have for its transactions, from PostgreSQL 17 on; it would end a COPY in the middle.
set transaction_timeout = 0;

-- name: backend
-- The server process that this statement ran in.
select pg_backend_pid();

-- name: held_months
-- How many months of this database loaders hold the lock of.
select count(*)
from pg_locks
where locktype = 'advisory' and granted and objsubid = 2
  and database = (select oid from pg_database where datname = current_database());

-- name: record_source
-- Where an attempt gets its file from, known before it comes.
update tidemark.attempt set source_url = %(url)s where load_id = %(load_id)s;
