-- CreateEnum
CREATE TYPE "payment_kind" AS ENUM ('FEE', 'DEPOSIT', 'REFUND');

-- AlterTable
ALTER TABLE "tools" ALTER COLUMN "deposit" SET DATA TYPE DECIMAL(8,2);

-- CreateTable
CREATE TABLE "membership_plans" (
    "id" SERIAL NOT NULL,
    "code" VARCHAR(20) NOT NULL,
    "name" TEXT NOT NULL,
    "yearly_fee" DECIMAL(7,2) NOT NULL,
    "loan_limit" SMALLINT NOT NULL DEFAULT 3,
    "perks" JSONB NOT NULL DEFAULT '[]',

    CONSTRAINT "membership_plans_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "memberships" (
    "member_id" UUID NOT NULL,
    "plan_id" INTEGER NOT NULL,
    "starts_on" DATE NOT NULL,
    "ends_on" DATE,

    CONSTRAINT "memberships_pkey" PRIMARY KEY ("member_id")
);

-- CreateTable
CREATE TABLE "payments" (
    "id" BIGSERIAL NOT NULL,
    "member_id" UUID NOT NULL,
    "loan_id" INTEGER,
    "kind" "payment_kind" NOT NULL,
    "amount" DECIMAL(9,2) NOT NULL,
    "paid_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "memo" TEXT,

    CONSTRAINT "payments_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "membership_plans_code_key" ON "membership_plans"("code");

-- CreateIndex
CREATE INDEX "memberships_plan_id_ends_on_idx" ON "memberships"("plan_id", "ends_on");

-- CreateIndex
CREATE INDEX "payments_member_id_paid_at_idx" ON "payments"("member_id", "paid_at");

-- CreateIndex
CREATE INDEX "payments_loan_id_idx" ON "payments"("loan_id");

-- AddForeignKey
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_member_id_fkey" FOREIGN KEY ("member_id") REFERENCES "members"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_plan_id_fkey" FOREIGN KEY ("plan_id") REFERENCES "membership_plans"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "payments" ADD CONSTRAINT "payments_member_id_fkey" FOREIGN KEY ("member_id") REFERENCES "members"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "payments" ADD CONSTRAINT "payments_loan_id_fkey" FOREIGN KEY ("loan_id") REFERENCES "loans"("id") ON DELETE SET NULL ON UPDATE CASCADE;

ALTER TABLE "payments" ADD CONSTRAINT "payments_amount_check" CHECK ("amount" > 0);

COMMENT ON COLUMN "payments"."amount" IS 'CHF, always positive; "kind" tells the direction';

INSERT INTO "membership_plans" ("code", "name", "yearly_fee", "loan_limit", "perks") VALUES
    ('basic', 'Basis', 40.00, 3, '[]'),
    ('household', 'Haushalt / ménage', 65.00, 6, '["workshops −20 %"]'),
    ('reduced', 'Reduced', 20.00, 3, '["no questions asked"]');

-- Founding members were promised the household plan for the price of the basic one.
INSERT INTO "memberships" ("member_id", "plan_id", "starts_on", "ends_on")
SELECT m."id", p."id", m."joined_at"::date, CASE WHEN m."status" = 'LEFT' THEN DATE '2024-03-31' END
FROM "members" m
JOIN "membership_plans" p ON p."code" = CASE WHEN m."joined_at" < '2023-11-01' THEN 'household' ELSE 'basic' END
WHERE m."status" <> 'PENDING';

INSERT INTO "payments" ("member_id", "kind", "amount", "paid_at", "memo")
SELECT m."id", 'FEE', 40.00, m."joined_at", 'Beitrag 2023/24; bar'
FROM "members" m
WHERE m."status" <> 'PENDING'
ORDER BY m."joined_at", m."id";

INSERT INTO "payments" ("member_id", "loan_id", "kind", "amount", "paid_at")
SELECT l."member_id", l."id", 'DEPOSIT', t."deposit", l."lent_at"
FROM "loans" l
JOIN "tools" t ON t."id" = l."tool_id"
ORDER BY l."id";
