-- The new kind of payment must be committed before it can be booked.
BEGIN;

-- AlterEnum
ALTER TYPE "payment_kind" ADD VALUE 'DONATION';

-- AlterTable
ALTER TABLE "payments" ADD COLUMN     "thanked_on" DATE;

COMMIT;

-- Jürg left his deposit to us when he moved to Fribourg; merci!
INSERT INTO "payments" ("member_id", "kind", "amount", "paid_at", "memo")
SELECT "id", 'DONATION', 150.00, '2024-03-31 12:00:00+02', 'Merci & adieu'
FROM "members" WHERE "email" = 'juerg@example.org';

UPDATE "payments" SET "thanked_on" = '2024-10-04' WHERE "kind" = 'DONATION';
