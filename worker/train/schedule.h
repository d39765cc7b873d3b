/* schedule.h - the learning rate of a step. Threads: pure functions. */
#ifndef SOUK_WORKER_TRAIN_SCHEDULE_H
#define SOUK_WORKER_TRAIN_SCHEDULE_H

#include "common/text/config.h"

/* train.lr_schedule by whole epochs (counted from 0), times the share of the warm-up that `step`,
 * counted from 0 over the whole run, has reached. A function of the position only, so a run that
 * goes on from a checkpoint has the same rates. */
float schedule_lr(const struct config *config, uint32_t epoch, uint64_t step);

#endif
