// Products of few rows whose operands both lie step by step: each element of the result is a dot product of two stretches of
// memory, and nothing is packed. What a dense layer computes forward, its weights lying [outputs, inputs].
#ifndef MATMUL_DOTS_H
#define MATMUL_DOTS_H

#include "mk_matmul.h"

/// True where dot products are quicker than packed panels.
bool mk_matmul_prefers_dots(int dtype, const mk_matmul_shape *shape);
void mk_matmul_dots(int dtype, const mk_matmul_shape *shape, const void *a, const void *b, const void *bias, void *c);

#endif
