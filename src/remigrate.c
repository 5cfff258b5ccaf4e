/*-------------------------------------------------------------------------
 *
 * remigrate.c
 *	  Runs Prisma migrations from inside the database: the module's entry.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "policy.h"

REMIGRATE_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	policy_define_settings();
}
