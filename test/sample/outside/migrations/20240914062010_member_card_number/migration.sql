-- AlterTable
ALTER TABLE "members" ADD COLUMN     "card_no" INTEGER;

-- Cards were handed out in the order of joining, beginning at № 1001.
UPDATE "members" m
SET "card_no" = n."no"
FROM (SELECT "id", 1000 + row_number() OVER (ORDER BY "joined_at", "id") AS "no" FROM "members") n
WHERE n."id" = m."id";

-- CreateIndex
CREATE UNIQUE INDEX CONCURRENTLY "members_card_no_key" ON "members"("card_no");

-- AlterTable
ALTER TABLE "members" ALTER COLUMN "card_no" SET NOT NULL;

ALTER TABLE "members" ADD CONSTRAINT "members_card_no_check" CHECK ("card_no" > 1000);
