-- name: withdrawn_acceptances
-- The known changes of a dataset that somebody has withdrawn, with who and why.
select dataset, code, first_month, last_month, accepted_by, reason, accepted_at, rejected_rows, withdrawn_by,
    withdrawn_reason, withdrawn_at
from tidemark.acceptance
where dataset = %(dataset)s and withdrawn_at is not null
order by code, first_month, withdrawn_at;
