#include "mk_quantize.h"

#include <math.h>

#include "matmul_clones.h"
#include "mk_parallel.h"

typedef struct {
    const float *x;
    void *y;
    float factor;
} job;

/// The comparisons are so written that a NaN takes the lower limit.
#define DEFINE_QUANTIZE(NAME, T, LOW, HIGH) \
    static MK_CLONES void NAME##_range(const float *x, T *y, float factor, int64_t count) { \
        for (int64_t i = 0; i < count; i++) { \
            float value = __builtin_rintf(x[i] * factor); \
            value = value > (LOW) ? value : (LOW); \
            value = value < (HIGH) ? value : (HIGH); \
            y[i] = (T)(int32_t)value; \
        } \
    } \
    static void NAME(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        NAME##_range(j->x + begin, (T *)j->y + begin, j->factor, end - begin); \
    }

DEFINE_QUANTIZE(signed_bytes, int8_t, -128.0f, 127.0f)
DEFINE_QUANTIZE(unsigned_bytes, uint8_t, 0.0f, 255.0f)

void mk_quantize(int dtype, int64_t count, float factor, const float *x, void *y) {
    mk_parallel_for(count, 1 << 15, dtype == MK_UINT8 ? unsigned_bytes : signed_bytes, &(job){x, y, factor});
}
