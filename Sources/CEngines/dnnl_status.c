// Statuses, the message of the last failure, and names of element types.
#include <stdarg.h>
#include <stdio.h>

#include "dnnl_internal.h"

static _Thread_local char message[512];

const char *ce_message(void) { return message; }

ce_status dn_fail(ce_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return status;
}

ce_status dn_check(int engine_status, const char *what) {
    switch (engine_status) {
    case DN_SUCCESS: return CE_OK;
    case DN_OUT_OF_MEMORY: return dn_fail(CE_OUT_OF_MEMORY, "%s: oneDNN is out of memory", what);
    case DN_INVALID_ARGUMENTS: return dn_fail(CE_INVALID, "%s: oneDNN finds the description contradictory", what);
    case DN_UNIMPLEMENTED:
    case DN_LAST_REACHED: return dn_fail(CE_UNIMPLEMENTED, "%s: oneDNN has no kernel for this", what);
    default: return dn_fail(CE_FAILED, "%s: oneDNN failed with status %d", what, engine_status);
    }
}

int dn_dtype(int dtype) {
    switch (dtype) {
    case CE_FLOAT32: return DN_F32;
    case CE_FLOAT64: return DN_F64;
    case CE_BFLOAT16: return DN_BF16;
    case CE_FLOAT16: return DN_F16;
    case CE_INT8: return DN_S8;
    case CE_UINT8: return DN_U8;
    case CE_INT32: return DN_S32;
    default: return 0;
    }
}

const char *dn_dtype_name(int dtype) {
    static const char *const names[] = {"f32", "f64", "bf16", "f16", "s8", "u8", "s32", "s64", "bool"};
    return dtype >= CE_FLOAT32 && dtype <= CE_BOOL ? names[dtype] : "?";
}

void dn_describe_sizes(char *text, size_t size, int rank, const int64_t *sizes) {
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%lld", i ? "x" : "", (long long)sizes[i]);
}
