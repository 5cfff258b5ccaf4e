-- Nobody may return a tool between the sum and the refunds.
BEGIN ISOLATION LEVEL SERIALIZABLE;

-- CreateTable
CREATE TABLE "settlements" (
    "id" SERIAL NOT NULL,
    "settled_on" DATE NOT NULL,
    "refunds" INTEGER NOT NULL,
    "total" DECIMAL(9,2) NOT NULL,
    "isolation" TEXT NOT NULL DEFAULT current_setting('transaction_isolation'),

    CONSTRAINT "settlements_pkey" PRIMARY KEY ("id")
);

INSERT INTO "settlements" ("settled_on", "refunds", "total")
SELECT '2024-10-12', count(*), coalesce(sum(p."amount"), 0)
FROM "payments" p
JOIN "loans" l ON l."id" = p."loan_id"
WHERE p."kind" = 'DEPOSIT' AND l."returned_at" IS NOT NULL;

INSERT INTO "payments" ("member_id", "loan_id", "kind", "amount", "paid_at", "memo")
SELECT p."member_id", p."loan_id", 'REFUND', p."amount", '2024-10-12 16:30:00+02', 'Dépôt restitué'
FROM "payments" p
JOIN "loans" l ON l."id" = p."loan_id"
WHERE p."kind" = 'DEPOSIT' AND l."returned_at" IS NOT NULL
ORDER BY p."id";

COMMIT;
