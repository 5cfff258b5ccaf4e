-- AlterEnum
ALTER TYPE "repair_state" ADD VALUE 'WAITING_FOR_PARTS' AFTER 'IN_PROGRESS';

UPDATE "repairs" SET "state" = 'WAITING_FOR_PARTS' WHERE "fault" LIKE '%a spare is on its way';
