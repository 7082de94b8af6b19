// The random cases of the engine's check, and how they count.
#ifndef DNNL_CHECK_CASES_H
#define DNNL_CHECK_CASES_H

#include "check_support.h"
#include "dnnl_check.h"

extern long cases_run, cases_failed, cases_unimplemented;

/// True where there is an operation to check; counts what has no kernel, and what should have been made as failed.
bool is_made(ce_status status);

/// Compares with the truth, allowing for sums of `terms` products; `what` and `kernel` are for the message.
void compare(
    const char *what, const char *kernel, int dtype, const void *got, const double *truth, int64_t count, double terms);

/// Convolutions, poolings and normalisations in every layout and direction.
void check_spatial(void);

/// One operation run by more threads than it has sets of arguments.
void check_sharing(void);

#endif
