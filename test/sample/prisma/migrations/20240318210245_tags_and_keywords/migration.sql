-- AlterTable
ALTER TABLE "tools" ADD COLUMN     "keywords" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- CreateTable
CREATE TABLE "tags" (
    "id" SERIAL NOT NULL,
    "label" VARCHAR(40) NOT NULL,

    CONSTRAINT "tags_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "_TagToTool" (
    "A" INTEGER NOT NULL,
    "B" UUID NOT NULL,

    CONSTRAINT "_TagToTool_AB_pkey" PRIMARY KEY ("A","B")
);

-- CreateIndex
CREATE UNIQUE INDEX "tags_label_key" ON "tags"("label");

-- CreateIndex
CREATE INDEX "_TagToTool_B_index" ON "_TagToTool"("B");

-- CreateIndex
CREATE INDEX "tools_keywords_idx" ON "tools" USING GIN ("keywords");

-- AddForeignKey
ALTER TABLE "_TagToTool" ADD CONSTRAINT "_TagToTool_A_fkey" FOREIGN KEY ("A") REFERENCES "tags"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "_TagToTool" ADD CONSTRAINT "_TagToTool_B_fkey" FOREIGN KEY ("B") REFERENCES "tools"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Every category becomes a tag of its tools; people search by either.
INSERT INTO "tags" ("label")
SELECT DISTINCT ON (c."id") c."slug"
FROM "categories" c
JOIN "tools" t ON t."category_id" = c."id"
ORDER BY c."id";

INSERT INTO "tags" ("label") VALUES ('mains'), ('battery'), ('für zwei Personen');

INSERT INTO "_TagToTool" ("A", "B")
SELECT g."id", t."id"
FROM "tools" t
JOIN "categories" c ON c."id" = t."category_id"
JOIN "tags" g ON g."label" = c."slug"
UNION
SELECT g."id", t."id"
FROM "tools" t
JOIN "tags" g ON g."label" = CASE
    WHEN t."specs" ? 'watts' THEN 'mains'
    WHEN t."specs" ? 'volts' OR t."specs" @> '{"cordless": true}' THEN 'battery'
    WHEN t."specs" ? 'poles' THEN 'für zwei Personen'
END;

UPDATE "tools" SET "keywords" = string_to_array(lower("name"), ' ');
