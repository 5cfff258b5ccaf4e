-- Nothing stays new for longer than one loan.
UPDATE "tools" SET "condition" = 'GOOD' WHERE "condition" = 'NEW';
UPDATE "loans" SET "condition_back" = 'GOOD' WHERE "condition_back" = 'NEW';

-- AlterEnum
BEGIN;
CREATE TYPE "tool_condition_new" AS ENUM ('GOOD', 'WORN', 'BROKEN');
ALTER TABLE "tools" ALTER COLUMN "condition" DROP DEFAULT;
ALTER TABLE "tools" ALTER COLUMN "condition" TYPE "tool_condition_new" USING ("condition"::text::"tool_condition_new");
ALTER TABLE "loans" ALTER COLUMN "condition_back" TYPE "tool_condition_new" USING ("condition_back"::text::"tool_condition_new");
ALTER TYPE "tool_condition" RENAME TO "tool_condition_old";
ALTER TYPE "tool_condition_new" RENAME TO "tool_condition";
DROP TYPE "tool_condition_old";
ALTER TABLE "tools" ALTER COLUMN "condition" SET DEFAULT 'GOOD';
COMMIT;
