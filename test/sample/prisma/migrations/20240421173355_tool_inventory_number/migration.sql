-- AlterTable
ALTER TABLE "tools" ADD COLUMN     "inventory_no" VARCHAR(12);

-- Number the tools that are there, branch by branch: HO-001, HO-002, OE-001, …
UPDATE "tools" t
SET "inventory_no" = n."no"
FROM (
    SELECT x."id",
           upper(left(b."slug", 2)) || '-' || lpad(row_number() OVER (PARTITION BY b."id" ORDER BY x."bought_on" NULLS FIRST, x."id")::text, 3, '0') AS "no"
    FROM "tools" x
    JOIN "branches" b ON b."id" = x."branch_id"
) n
WHERE n."id" = t."id";

-- AlterTable
ALTER TABLE "tools" ALTER COLUMN "inventory_no" SET NOT NULL;

-- CreateIndex
CREATE UNIQUE INDEX "tools_inventory_no_key" ON "tools"("inventory_no");
