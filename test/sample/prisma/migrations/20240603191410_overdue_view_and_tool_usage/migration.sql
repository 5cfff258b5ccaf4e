-- For the reminder letters, and for the screen above the counter.
CREATE VIEW "overdue_loans" AS
SELECT l."id", t."inventory_no", t."name" AS "tool", m."full_name" AS "member", m."email", l."due_on"
FROM "loans" l
JOIN "tools" t ON t."id" = l."tool_id"
JOIN "members" m ON m."id" = l."member_id"
WHERE l."returned_at" IS NULL AND l."due_on" < CURRENT_DATE;

-- Refreshed by hand before the yearly meeting.
CREATE MATERIALIZED VIEW "tool_usage" AS
SELECT t."id" AS "tool_id",
       t."inventory_no",
       count(l."id") AS "loans",
       coalesce(sum(l."returned_at"::date - l."lent_at"::date), 0) AS "days_out"
FROM "tools" t
LEFT JOIN "loans" l ON l."tool_id" = t."id" AND l."returned_at" IS NOT NULL
GROUP BY t."id", t."inventory_no";

CREATE UNIQUE INDEX "tool_usage_tool_id_idx" ON "tool_usage"("tool_id");

COMMENT ON VIEW "overdue_loans" IS 'Loans past their day; open ones only';
