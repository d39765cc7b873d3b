/* slates.h - evaluation on a log of slates, one of the kinds in ope.c. The log has the new policy's
 * probabilities in its own columns; expected rewards, of cascade-dr, are means of what came after,
 * or a file with a row a position and a column an action. */
#ifndef SOUK_WORKER_OPE_SLATES_H
#define SOUK_WORKER_OPE_SLATES_H

#include "worker/ope/ope.h"

extern const struct ope_kind ope_kind_slates;

#endif
