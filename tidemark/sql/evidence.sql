-- Reading the rows that show why a check failed.

-- name: session_statement_timeout
-- No statement of this session may take longer.
select set_config('statement_timeout', %(milliseconds)s || 'ms', false);
