-- "Vendor" sounded like a vending machine. Prisma would drop the table and
-- make a new one; renaming keeps its rows.

-- RenameTable
ALTER TABLE "vendors" RENAME TO "suppliers";
ALTER TABLE "suppliers" RENAME CONSTRAINT "vendors_pkey" TO "suppliers_pkey";
ALTER SEQUENCE "vendors_id_seq" RENAME TO "suppliers_id_seq";

-- RenameColumn
ALTER TABLE "suppliers" RENAME COLUMN "website" TO "homepage";
ALTER TABLE "tools" RENAME COLUMN "vendor_id" TO "supplier_id";

-- RenameForeignKey
ALTER TABLE "tools" RENAME CONSTRAINT "tools_vendor_id_fkey" TO "tools_supplier_id_fkey";

-- RenameIndex
ALTER INDEX "vendors_name_key" RENAME TO "suppliers_name_key";
ALTER INDEX "tools_vendor_id_idx" RENAME TO "tools_supplier_id_idx";

UPDATE "suppliers" SET "homepage" = 'https://beguin.example/fr/' WHERE "name" = 'Outillage Béguin SA';
