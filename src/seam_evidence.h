/*-------------------------------------------------------------------------
 *
 * seam_evidence.h
 *	  What each statement shows, for the decision in seam.c.
 *
 * Both look at the catalog, between look_begin and look_end, and raise what
 * look_at raises.  What they put into the evidence belongs to the current
 * memory context.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_SEAM_EVIDENCE_H
#define REMIGRATE_SEAM_EVIDENCE_H

#include "model.h"
#include "seam.h"

/*
 * What the decision needs to know of a statement, by its number.  The seam
 * says which ones are consistent, the smallest and the largest.
 */
extern void seam_gather_evidence(const Model *model, int number,
								 const Seam *seam, SeamEvidence *evidence);

/*
 * What people want to know of it, once it is decided where the schema stands:
 * its state, what was expected and found, an invalid index.
 */
extern void seam_describe_evidence(const Model *model, int number,
								   const Seam *seam, SeamEvidence *evidence);

#endif							/* REMIGRATE_SEAM_EVIDENCE_H */
