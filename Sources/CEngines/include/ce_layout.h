// How a tensor lies in memory, as oneDNN describes it.
#ifndef CE_LAYOUT_H
#define CE_LAYOUT_H

#include "ce_types.h"

/// Sizes, element type and arrangement of one tensor. Immutable; freed by its owner with `ce_layout_free`.
typedef struct ce_layout ce_layout;

/// Arrangements that can be asked for by name.
typedef enum ce_format_kind {
    /// Row-major and contiguous: nchw, oihw.
    CE_FORMAT_PLAIN = 0,
    /// Channels (axis 1) innermost: nhwc.
    CE_FORMAT_CHANNELS_LAST = 1,
    /// Channels in blocks of 8 or 16, the last one padded with zeros: nChw8c, nChw16c. Ranks 3 to 5.
    CE_FORMAT_BLOCKED8 = 2,
    CE_FORMAT_BLOCKED16 = 3,
    /// Whatever the operation runs quickest on; `ce_operation_layout` tells which it took.
    CE_FORMAT_ANY = 4,
    /// The one in `ce_format.layout`.
    CE_FORMAT_GIVEN = 5,
} ce_format_kind;

/// A wish for an operand's arrangement.
typedef struct ce_format {
    ce_format_kind kind;
    /// For CE_FORMAT_GIVEN, else NULL. Borrowed during the call.
    const ce_layout *layout;
} ce_format;

/// A layout of `rank` (1 to 6) positive sizes in a named arrangement (not CE_FORMAT_ANY or CE_FORMAT_GIVEN).
ce_status ce_layout_make(ce_format_kind kind, int dtype, int rank, const int64_t *sizes, ce_layout **result);

/// A layout with explicit strides in elements.
ce_status ce_layout_make_strided(int dtype, int rank, const int64_t *sizes, const int64_t *strides, ce_layout **result);

/// The row-major layout of the same sizes, with elements of `dtype` (-1 keeps the type).
ce_status ce_layout_make_plain_like(const ce_layout *layout, int dtype, ce_layout **result);

ce_status ce_layout_copy(const ce_layout *layout, ce_layout **result);
void ce_layout_free(ce_layout *layout);

/// True where both describe the same bytes: sizes, type and arrangement.
bool ce_layout_equal(const ce_layout *a, const ce_layout *b);
/// Equal layouts have equal hashes.
uint64_t ce_layout_hash(const ce_layout *layout);
/// Bytes to allocate, padding included.
size_t ce_layout_bytes(const ce_layout *layout);
int ce_layout_dtype(const ce_layout *layout);
/// True where there are more elements in memory than in the tensor: the last block's zeros.
bool ce_layout_is_padded(const ce_layout *layout);
/// True where it is row-major and contiguous.
bool ce_layout_is_plain(const ce_layout *layout);

/// True where it is something else than strides and blocks: no hash tells two such layouts of one size apart.
bool ce_layout_is_opaque(const ce_layout *layout);

/// Writes e.g. "f32 128x32x26x26 strides 21632,676,26,1" or "f32 ... blocks 1:16" and returns the length that it needs,
/// like snprintf.
int ce_layout_describe(const ce_layout *layout, char *text, size_t size);

#endif
