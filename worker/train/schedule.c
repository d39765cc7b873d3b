/* schedule.c - see schedule.h. */
#include "worker/train/schedule.h"

#include <math.h>

static double factor_of_epoch(const struct config *config, uint32_t epoch)
{
    double decay = (double)config->train.lr_decay, last = (double)config->train.epochs - 1;
    switch (config->train.lr_schedule) {
    case CONFIG_LR_CONSTANT: return 1;
    case CONFIG_LR_EXPONENTIAL: return pow(decay, epoch);
    case CONFIG_LR_INVERSE: return 1 / (1 + decay * epoch);
    case CONFIG_LR_COSINE:
        if (last <= 0) return 1;
        return decay + (1 - decay) * 0.5 * (1 + cos(M_PI * fmin(epoch / last, 1)));
    case CONFIG_LR_STEP: return pow(decay, epoch / config->train.lr_step_epochs);
    }
    return 1;
}

float schedule_lr(const struct config *config, uint32_t epoch, uint64_t step)
{
    double lr = (double)config->train.lr * factor_of_epoch(config, epoch);
    if (step < config->train.warmup_steps) lr *= (double)(step + 1) / config->train.warmup_steps;
    return (float)lr;
}
