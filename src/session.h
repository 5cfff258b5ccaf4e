/*-------------------------------------------------------------------------
 *
 * session.h
 *	  Settings: made by us, or the caller's, kept over a procedure's commits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_SESSION_H
#define REMIGRATE_SESSION_H

#include "utils/guc.h"

/*
 * Sets a setting as the caller's SET would: for the session (GUC_ACTION_SET),
 * up to the end of the transaction (_LOCAL) or of the GUC nest level (_SAVE).
 * Raises what SET raises.
 */
extern void session_set(const char *name, const char *value,
						GucAction action);

typedef struct SessionSettings SessionSettings;

/*
 * Remembers every setting that a script could change, and who the session
 * runs as, in the current memory context.
 */
extern SessionSettings *session_save(void);

/*
 * Puts back what has changed since; takes effect for good when the current
 * transaction commits.  Raises what SET SESSION AUTHORIZATION and SET ROLE
 * raise, and warns of any other setting that can't have its value back.
 */
extern void session_restore(const SessionSettings *settings);

/*
 * The same for who the session runs as alone.  In a GUC nest level it is for
 * the time of that.
 */
extern void session_restore_role(const SessionSettings *settings);

#endif							/* REMIGRATE_SESSION_H */
