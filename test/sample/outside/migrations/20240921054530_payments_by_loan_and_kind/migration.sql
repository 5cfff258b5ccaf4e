-- The wider index serves every query of the narrow one.
CREATE INDEX CONCURRENTLY "payments_loan_id_kind_idx" ON "payments"("loan_id", "kind");

-- DropIndex
DROP INDEX CONCURRENTLY "payments_loan_id_idx";
