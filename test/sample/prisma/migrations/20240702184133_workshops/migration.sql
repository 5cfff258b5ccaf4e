-- CreateTable
CREATE TABLE "workshops" (
    "id" SERIAL NOT NULL,
    "branch_id" INTEGER NOT NULL,
    "title" VARCHAR(160) NOT NULL,
    "starts_at" TIMESTAMPTZ(0) NOT NULL,
    "minutes" SMALLINT NOT NULL DEFAULT 120,
    "seats" SMALLINT NOT NULL DEFAULT 8,
    "topics" TEXT[],

    CONSTRAINT "workshops_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "workshop_seats" (
    "workshop_id" INTEGER NOT NULL,
    "member_id" UUID NOT NULL,
    "booked_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "attended" BOOLEAN,

    CONSTRAINT "workshop_seats_pkey" PRIMARY KEY ("workshop_id","member_id")
);

-- CreateTable
CREATE TABLE "_WorkshopHosts" (
    "A" UUID NOT NULL,
    "B" INTEGER NOT NULL,

    CONSTRAINT "_WorkshopHosts_AB_pkey" PRIMARY KEY ("A","B")
);

-- CreateIndex
CREATE UNIQUE INDEX "workshops_branch_id_starts_at_key" ON "workshops"("branch_id", "starts_at");

-- CreateIndex
CREATE INDEX "_WorkshopHosts_B_index" ON "_WorkshopHosts"("B");

-- AddForeignKey
ALTER TABLE "workshops" ADD CONSTRAINT "workshops_branch_id_fkey" FOREIGN KEY ("branch_id") REFERENCES "branches"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "workshop_seats" ADD CONSTRAINT "workshop_seats_workshop_id_fkey" FOREIGN KEY ("workshop_id") REFERENCES "workshops"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "workshop_seats" ADD CONSTRAINT "workshop_seats_member_id_fkey" FOREIGN KEY ("member_id") REFERENCES "members"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "_WorkshopHosts" ADD CONSTRAINT "_WorkshopHosts_A_fkey" FOREIGN KEY ("A") REFERENCES "members"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "_WorkshopHosts" ADD CONSTRAINT "_WorkshopHosts_B_fkey" FOREIGN KEY ("B") REFERENCES "workshops"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Programme of the autumn, from the association's newsletter (Windows-Rechner im Büro)
INSERT INTO "workshops" ("branch_id", "title", "starts_at", "minutes", "seats", "topics")
SELECT b."id", v."title", v."starts_at"::timestamptz, v."minutes", v."seats", v."topics"
FROM (VALUES
    (1, 'hoengg', 'Velo-Frühling: Bremsen, Schaltung, Öl', '2024-09-05 18:30:00+02', 150, 6, ARRAY['bicycle', 'maintenance']),
    (2, 'wiedikon', 'Sharpening; knives, chisels, shears', '2024-09-21 10:00:00+02', 120, 8, ARRAY['sharpening']),
    (3, 'oerlikon', 'Café réparation: petit électroménager', '2024-10-02 17:30:00+02', 180, 12, ARRAY['electrics', 'repair'])
) AS v ("no", "branch", "title", "starts_at", "minutes", "seats", "topics")
JOIN "branches" b ON b."slug" = v."branch"
ORDER BY v."no";

INSERT INTO "_WorkshopHosts" ("A", "B")
SELECT m."id", w."id"
FROM "workshops" w
JOIN "members" m ON m."home_branch_id" = w."branch_id" AND m."status" = 'ACTIVE';

INSERT INTO "workshop_seats" ("workshop_id", "member_id", "booked_at")
SELECT w."id", m."id", '2024-07-02 20:41:00+02'
FROM "workshops" w
JOIN "members" m ON m."email" IN ('amelie@example.org', 'siobhan@example.org')
WHERE w."minutes" < 180;
