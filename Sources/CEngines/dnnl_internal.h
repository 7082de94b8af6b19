// What the families share: making descriptors and operations, and turning the engine's statuses into ours.
#ifndef DNNL_INTERNAL_H
#define DNNL_INTERNAL_H

#include "ce_layout.h"
#include "ce_operation.h"
#include "dnnl_api.h"

enum { DN_MAX_SLOTS = 11 };

struct ce_layout {
    dn_md md;
    size_t bytes;
};

/// Leaves the sentence in `ce_message` and returns `status`.
ce_status dn_fail(ce_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/// Our status for one of the engine's; where that is no success, with the message "what: reason".
ce_status dn_check(int engine_status, const char *what);

/// The engine's number for one of our element types; 0 where it has none.
int dn_dtype(int dtype);
/// "f32", "bf16", ...
const char *dn_dtype_name(int dtype);

/// Makes the descriptor that a family's format asks for; `strides` describe CE_FORMAT_PLAIN, or NULL for row-major.
ce_status dn_make_md(
    ce_format format, int dtype, int rank, const int64_t *sizes, const int64_t *strides, dn_md *md);
void dn_free_md(dn_md md);

/// What is fused behind an operation, in this order: sum_scale times the old destination (0: nothing), a factor and a
/// shift for each channel, an addend (NULL: none), ReLU, a factor for all (0: none).
typedef struct {
    float sum_scale;
    dn_md factor, shift, addend;
    bool relu;
    float output_factor;
} dn_behind;

/// Attributes with a scratchpad from the caller, and what is fused behind the operation.
ce_status dn_make_attributes(const dn_behind *behind, dn_attributes *attributes);

/// Which of the engine's arguments each slot is; 0 where the operation has no such operand.
typedef struct {
    int arguments[DN_MAX_SLOTS];
    int slots;
    /// Take the engine's reference implementation too. Else it is CE_UNIMPLEMENTED: the portable kernels are quicker.
    bool accepts_reference;
} dn_operands;

/// Makes the operation of a descriptor, and destroys the descriptor. `what` says in messages which operation it is.
ce_status dn_make_operation(dn_pd descriptor, const dn_operands *operands, const char *what, ce_operation **result);

/// Threads for operations made now, and setting them for the calling thread.
int dn_wanted_threads(void);
void dn_use_threads(int threads);

/// Spatial attributes in the engine's terms. Its output sizes are derived, so the high padding is what yields `output`.
typedef struct {
    dn_sizes stride, dilation, padding_low, padding_high;
} dn_window;
dn_window dn_make_window(
    int rank, const int64_t *input, const int64_t *kernel, const int64_t *output, const int64_t *stride,
    const int64_t *padding_low, const int64_t *dilation);

/// Writes "3x3" and the like.
void dn_describe_sizes(char *text, size_t size, int rank, const int64_t *sizes);

#endif
