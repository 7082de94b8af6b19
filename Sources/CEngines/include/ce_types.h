// Element types, statuses and messages shared by every engine.
#ifndef CE_TYPES_H
#define CE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Element types. The numbers equal MartletGraph.DataType's raw values.
enum ce_dtype {
    CE_FLOAT32 = 0,
    CE_FLOAT64 = 1,
    CE_BFLOAT16 = 2,
    CE_FLOAT16 = 3,
    CE_INT8 = 4,
    CE_UINT8 = 5,
    CE_INT32 = 6,
    CE_INT64 = 7,
    CE_BOOL = 8,
};

/// What a call came to. Anything but CE_OK leaves a sentence in `ce_message`.
typedef enum ce_status {
    CE_OK = 0,
    /// No engine was found; `ce_dnnl_report` says where it was looked for.
    CE_UNAVAILABLE = 1,
    /// The engine has no kernel for this, or only its slow reference: use the portable one.
    CE_UNIMPLEMENTED = 2,
    /// The description contradicts itself.
    CE_INVALID = 3,
    CE_OUT_OF_MEMORY = 4,
    /// The engine failed while it ran.
    CE_FAILED = 5,
} ce_status;

/// Which operation on which shapes failed, and why, for the last call of this thread that did not return CE_OK. Never
/// NULL; stands until this thread's next failure.
const char *ce_message(void);

#endif
