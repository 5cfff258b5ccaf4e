-- AlterEnum
ALTER TYPE "member_status" ADD VALUE 'SUSPENDED';
