-- The counter's search got slow. Built while people borrow, so that nobody waits.
CREATE INDEX CONCURRENTLY "loans_open_due_on_idx" ON "loans"("due_on") WHERE "returned_at" IS NULL;

CREATE INDEX CONCURRENTLY "tools_lower_name_idx" ON "tools"(lower("name"));
