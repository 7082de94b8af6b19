// What the engine's check uses everywhere: failing loudly, layouts' memory, and copies through the engine.
#ifndef DNNL_CHECK_H
#define DNNL_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CEngines.h"

/// Ends the program where a call that has to work does not.
static inline void must(ce_status status) {
    if (status == CE_OK) return;
    printf("status %d: %s\n", (int)status, ce_message());
    exit(2);
}

/// Memory for a layout, aligned and filled with bytes that are no number, so that what nobody wrote shows.
static inline void *memory_for(size_t bytes) {
    void *memory = aligned_alloc(64, (bytes + 127) / 64 * 64);
    memset(memory, 0xFF, (bytes + 127) / 64 * 64);
    return memory;
}

static inline ce_status run(ce_operation *op, void **pointers) {
    const size_t bytes = ce_operation_scratchpad_bytes(op);
    void *scratchpad = bytes ? memory_for(bytes) : NULL;
    const ce_status status = ce_operation_run(op, pointers, scratchpad);
    free(scratchpad);
    return status;
}

/// A copy of `memory` in another layout, freshly allocated.
static inline void *copied(const ce_layout *from, const ce_layout *to, const void *memory) {
    ce_operation *reorder;
    must(ce_reorder_make(from, to, &reorder));
    void *result = memory_for(ce_layout_bytes(to));
    must(run(reorder, (void *[]){(void *)memory, result}));
    ce_operation_free(reorder);
    return result;
}

/// A copy of row-major `memory` as operand `slot` wants it.
static inline void *packed(const ce_operation *op, int slot, const void *memory) {
    ce_layout *plain;
    must(ce_layout_make_plain_like(ce_operation_layout(op, slot), -1, &plain));
    void *result = copied(plain, ce_operation_layout(op, slot), memory);
    ce_layout_free(plain);
    return result;
}

/// A row-major copy of operand `slot`.
static inline void *unpacked(const ce_operation *op, int slot, const void *memory) {
    ce_layout *plain;
    must(ce_layout_make_plain_like(ce_operation_layout(op, slot), -1, &plain));
    void *result = copied(ce_operation_layout(op, slot), plain, memory);
    ce_layout_free(plain);
    return result;
}

static inline void *memory_of(const ce_operation *op, int slot) {
    return memory_for(ce_layout_bytes(ce_operation_layout(op, slot)));
}

#endif
