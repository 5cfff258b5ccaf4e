-- One go or nothing: the view must never be missing for the counter's screen.
BEGIN;

DROP VIEW "overdue_loans";

-- AlterTable
ALTER TABLE "members" ADD COLUMN     "given_name" VARCHAR(80),
ADD COLUMN     "family_name" VARCHAR(80);

-- The first word is the given name: true for everybody we have.
UPDATE "members"
SET "given_name" = split_part("full_name", ' ', 1),
    "family_name" = substr("full_name", strpos("full_name", ' ') + 1);

-- AlterTable
ALTER TABLE "members" ALTER COLUMN "given_name" SET NOT NULL,
ALTER COLUMN "family_name" SET NOT NULL,
DROP COLUMN "full_name";

-- CreateIndex
CREATE INDEX "members_family_name_given_name_idx" ON "members"("family_name", "given_name");

CREATE VIEW "overdue_loans" AS
SELECT l."id", t."inventory_no", t."name" AS "tool", m."given_name", m."family_name", m."email", l."due_on"
FROM "loans" l
JOIN "tools" t ON t."id" = l."tool_id"
JOIN "members" m ON m."id" = l."member_id"
WHERE l."returned_at" IS NULL AND l."due_on" < CURRENT_DATE;

COMMENT ON VIEW "overdue_loans" IS 'Loans past their day; open ones only';

COMMIT;
