-- CreateTable
CREATE TABLE "loans" (
    "id" SERIAL NOT NULL,
    "tool_id" UUID NOT NULL,
    "member_id" UUID NOT NULL,
    "lent_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "due_on" DATE NOT NULL,
    "returned_at" TIMESTAMPTZ(3),
    "condition_back" "tool_condition",
    "note" TEXT,

    CONSTRAINT "loans_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "reservations" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "tool_id" UUID NOT NULL,
    "member_id" UUID NOT NULL,
    "starts_on" DATE NOT NULL,
    "ends_on" DATE NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "reservations_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "loans_member_id_due_on_idx" ON "loans"("member_id", "due_on");

-- CreateIndex
CREATE INDEX "loans_tool_id_lent_at_idx" ON "loans"("tool_id", "lent_at" DESC);

-- CreateIndex
CREATE INDEX "reservations_member_id_idx" ON "reservations"("member_id");

-- CreateIndex
CREATE UNIQUE INDEX "reservations_tool_id_starts_on_key" ON "reservations"("tool_id", "starts_on");

-- AddForeignKey
ALTER TABLE "loans" ADD CONSTRAINT "loans_tool_id_fkey" FOREIGN KEY ("tool_id") REFERENCES "tools"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "loans" ADD CONSTRAINT "loans_member_id_fkey" FOREIGN KEY ("member_id") REFERENCES "members"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "reservations" ADD CONSTRAINT "reservations_tool_id_fkey" FOREIGN KEY ("tool_id") REFERENCES "tools"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "reservations" ADD CONSTRAINT "reservations_member_id_fkey" FOREIGN KEY ("member_id") REFERENCES "members"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Prisma has no words for what follows.

-- A reservation ends no earlier than it starts, and lasts four weeks at most.
ALTER TABLE "reservations" ADD CONSTRAINT "reservations_period_check"
    CHECK ("ends_on" >= "starts_on" AND "ends_on" - "starts_on" <= 28);

-- A condition is noted when the tool comes back, not before.
ALTER TABLE "loans" ADD CONSTRAINT "loans_condition_back_check"
    CHECK ("condition_back" IS NULL OR "returned_at" IS NOT NULL);

-- One tool can be out once at a time.
CREATE UNIQUE INDEX "loans_one_open_per_tool" ON "loans"("tool_id") WHERE "returned_at" IS NULL;
