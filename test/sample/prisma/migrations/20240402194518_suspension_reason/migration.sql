-- AlterTable
ALTER TABLE "members" ADD COLUMN     "suspended_reason" TEXT,
ADD COLUMN     "suspended_until" DATE;

-- A migration of its own: the new value can't be used where it is added.
ALTER TABLE "members" ADD CONSTRAINT "members_suspension_check"
    CHECK ("status" <> 'SUSPENDED' OR "suspended_reason" IS NOT NULL);

-- Looked at each time the door opens, and few rows ever match.
CREATE INDEX "members_suspended_idx" ON "members"("suspended_until") WHERE "status" = 'SUSPENDED';

UPDATE "members"
SET "status" = 'SUSPENDED', "suspended_reason" = 'Ladder not returned; two reminders', "suspended_until" = '2024-06-30'
WHERE "email" = 'nadege@example.org';
