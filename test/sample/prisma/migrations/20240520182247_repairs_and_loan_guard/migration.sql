-- CreateEnum
CREATE TYPE "repair_state" AS ENUM ('REPORTED', 'IN_PROGRESS', 'DONE', 'WRITTEN_OFF');

-- AlterTable
ALTER TABLE "tools" ADD COLUMN     "loan_count" INTEGER NOT NULL DEFAULT 0;

-- CreateTable
CREATE TABLE "repairs" (
    "id" SERIAL NOT NULL,
    "tool_id" UUID NOT NULL,
    "state" "repair_state" NOT NULL DEFAULT 'REPORTED',
    "fault" TEXT NOT NULL,
    "cost" DECIMAL(8,2),
    "reported_on" DATE NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "closed_on" DATE,

    CONSTRAINT "repairs_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "repairs_tool_id_state_idx" ON "repairs"("tool_id", "state");

-- AddForeignKey
ALTER TABLE "repairs" ADD CONSTRAINT "repairs_tool_id_fkey" FOREIGN KEY ("tool_id") REFERENCES "tools"("id") ON DELETE CASCADE ON UPDATE CASCADE;

INSERT INTO "repairs" ("tool_id", "state", "fault", "cost", "reported_on", "closed_on")
SELECT "id", 'IN_PROGRESS'::"repair_state", 'Pole 7 is missing; a spare is on its way', 18.50, DATE '2024-05-11', NULL::date
FROM "tools" WHERE "condition" = 'BROKEN'
UNION ALL
SELECT "tool_id", 'DONE', 'Belt torn', 0, '2023-12-16', '2023-12-16'
FROM "loans" WHERE "note" LIKE '%belt torn%';

UPDATE "tools" t
SET "loan_count" = l."n"
FROM (SELECT "tool_id", count(*) AS "n" FROM "loans" GROUP BY "tool_id") l
WHERE l."tool_id" = t."id";

-- A tool that is being repaired stays in; every other loan is counted.
CREATE FUNCTION "guard_loan"() RETURNS trigger
LANGUAGE plpgsql
AS $guard$
DECLARE
    fault text;
BEGIN
    SELECT r."fault" INTO fault
    FROM "repairs" r
    WHERE r."tool_id" = NEW."tool_id" AND r."state" IN ('REPORTED', 'IN_PROGRESS')
    ORDER BY r."id"
    LIMIT 1;

    IF FOUND THEN
        RAISE EXCEPTION 'tool % is being repaired; fault: "%"', NEW."tool_id", fault
            USING ERRCODE = 'check_violation', HINT = 'Lend another one; or close the repair first.';
    END IF;

    UPDATE "tools" SET "loan_count" = "loan_count" + 1 WHERE "id" = NEW."tool_id";
    RETURN NEW;
END;
$guard$;

CREATE TRIGGER "loans_guard" BEFORE INSERT ON "loans"
    FOR EACH ROW EXECUTE FUNCTION "guard_loan"();

INSERT INTO "loans" ("tool_id", "member_id", "lent_at", "due_on", "note") VALUES
    ('0fd630f1-f29d-4da9-953f-48f1a09f76b5', 'd23f0824-128b-4f33-8c5c-7fd0a6a3a450', '2024-05-18 09:20:00+02', '2024-05-25', NULL);
