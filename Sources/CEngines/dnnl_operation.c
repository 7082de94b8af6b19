// Operations: one primitive, its operands' layouts, and a few sets of arguments so that threads can share it.
#include "ce_operation.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ce_dnnl.h"
#include "dnnl_internal.h"

enum { BINDINGS = 4 };

/// A set of arguments, used by one thread at a time.
typedef struct {
    atomic_flag busy;
    bool is_ready;
    dn_stream stream;
    dn_argument arguments[DN_MAX_SLOTS + 1];
} binding;

struct ce_operation {
    dn_primitive primitive;
    char *implementation;
    int threads;
    /// Operands, the scratchpad not counted: argument, slot, and which of the caller's pointers it is.
    int operands;
    int argument_of[DN_MAX_SLOTS], slot_of[DN_MAX_SLOTS], pointer_of[DN_MAX_SLOTS];
    ce_layout *layouts[DN_MAX_SLOTS];
    dn_md scratchpad;
    size_t scratchpad_bytes;
    binding bindings[BINDINGS];
};

// MARK: making

static void free_binding(const ce_operation *op, binding *b) {
    for (int i = 0; i <= op->operands; i++)
        if (b->arguments[i].memory) dn.memory_destroy(b->arguments[i].memory);
    if (b->stream) dn.stream_destroy(b->stream);
}

static ce_status fill_binding(const ce_operation *op, binding *b) {
    int status = dn.stream_create(&b->stream, dn_cpu, DN_STREAM_IN_ORDER);
    for (int i = 0; i < op->operands && status == DN_SUCCESS; i++) {
        b->arguments[i].argument = op->argument_of[i];
        status = dn.memory_create(&b->arguments[i].memory, op->layouts[op->slot_of[i]]->md, dn_cpu, NULL);
    }
    if (op->scratchpad_bytes && status == DN_SUCCESS) {
        b->arguments[op->operands].argument = DN_ARG_SCRATCHPAD;
        status = dn.memory_create(&b->arguments[op->operands].memory, op->scratchpad, dn_cpu, NULL);
    }
    b->is_ready = status == DN_SUCCESS;
    return dn_check(status, "arguments of an operation");
}

void ce_operation_free(ce_operation *op) {
    if (!op) return;
    for (int i = 0; i < BINDINGS; i++) free_binding(op, &op->bindings[i]);
    for (int slot = 0; slot < DN_MAX_SLOTS; slot++) ce_layout_free(op->layouts[slot]);
    dn_free_md(op->scratchpad);
    if (op->primitive) dn.primitive_destroy(op->primitive);
    free(op->implementation);
    free(op);
}

/// The layout that the descriptor has settled on for an argument.
static ce_status copy_layout(dn_pd descriptor, int argument, const char *what, ce_layout **result) {
    const struct dn_md_object *md = dn.primitive_desc_query_md(descriptor, DN_QUERY_ARGUMENT_MD, argument);
    if (!md || dn.memory_desc_get_size(md) == 0)
        return dn_fail(CE_UNIMPLEMENTED, "%s: oneDNN's kernel has no argument %d", what, argument);
    const ce_layout borrowed = {.md = (dn_md)md};
    return ce_layout_copy(&borrowed, result);
}

static ce_status fill(ce_operation *op, dn_pd descriptor, const dn_operands *operands, const char *what) {
    op->threads = dn_wanted_threads();
    for (int slot = 0; slot < operands->slots; slot++) {
        const int argument = operands->arguments[slot];
        if (!argument) continue;
        const ce_status status = copy_layout(descriptor, argument, what, &op->layouts[slot]);
        if (status != CE_OK) return status;
        op->argument_of[op->operands] = argument;
        op->slot_of[op->operands] = op->pointer_of[op->operands] = slot;
        op->operands++;
    }
    const struct dn_md_object *scratchpad =
        dn.primitive_desc_query_md(descriptor, DN_QUERY_ARGUMENT_MD, DN_ARG_SCRATCHPAD);
    op->scratchpad_bytes = scratchpad ? dn.memory_desc_get_size(scratchpad) : 0;
    ce_status status = CE_OK;
    if (op->scratchpad_bytes) status = dn_check(dn.memory_desc_clone(&op->scratchpad, scratchpad), what);
    if (status == CE_OK) status = dn_check(dn.primitive_create(&op->primitive, descriptor), what);
    return status == CE_OK ? fill_binding(op, &op->bindings[0]) : status;
}

ce_status dn_make_operation(dn_pd descriptor, const dn_operands *operands, const char *what, ce_operation **result) {
    const char *name = "";
    dn.primitive_desc_query(descriptor, DN_QUERY_IMPLEMENTATION, 0, &name);
    ce_operation *op = NULL;
    ce_status status = CE_OK;
    if (!operands->accepts_reference && strncmp(name, "ref", 3) == 0) {
        status = dn_fail(CE_UNIMPLEMENTED, "%s: oneDNN has only its reference kernel for this", what);
    } else if (!(op = calloc(1, sizeof *op)) || !(op->implementation = strdup(name))) {
        status = dn_fail(CE_OUT_OF_MEMORY, "%s: no memory", what);
    } else {
        status = fill(op, descriptor, operands, what);
    }
    dn.primitive_desc_destroy(descriptor);
    if (status != CE_OK) {
        ce_operation_free(op);
        op = NULL;
    }
    *result = op;
    return status;
}

static int append(const dn_behind *b, dn_post_operations list) {
    int status = DN_SUCCESS;
    if (b->sum_scale != 0) status = dn.post_ops_append_sum(list, b->sum_scale, 0, 0);
    if (status == DN_SUCCESS && b->factor) status = dn.post_ops_append_binary(list, DN_BINARY_MULTIPLY, b->factor);
    if (status == DN_SUCCESS && b->shift) status = dn.post_ops_append_binary(list, DN_BINARY_ADD, b->shift);
    if (status == DN_SUCCESS && b->addend) status = dn.post_ops_append_binary(list, DN_BINARY_ADD, b->addend);
    if (status == DN_SUCCESS && b->relu) status = dn.post_ops_append_eltwise(list, DN_RELU, 0, 0);
    if (status == DN_SUCCESS && b->output_factor != 0)
        status = dn.post_ops_append_eltwise(list, DN_LINEAR, b->output_factor, 0);
    return status;
}

ce_status dn_make_attributes(const dn_behind *behind, dn_attributes *result) {
    dn_attributes attributes = NULL;
    dn_post_operations list = NULL;
    int status = dn.primitive_attr_create(&attributes);
    if (status == DN_SUCCESS) status = dn.primitive_attr_set_scratchpad_mode(attributes, DN_SCRATCHPAD_USER);
    if (status == DN_SUCCESS) status = dn.post_ops_create(&list);
    if (status == DN_SUCCESS) status = append(behind, list);
    if (status == DN_SUCCESS) status = dn.primitive_attr_set_post_ops(attributes, list);
    if (list) dn.post_ops_destroy(list);
    if (status != DN_SUCCESS && attributes) dn.primitive_attr_destroy(attributes);
    *result = status == DN_SUCCESS ? attributes : NULL;
    return dn_check(status, "attributes");
}

// MARK: asking

const ce_layout *ce_operation_layout(const ce_operation *op, int slot) {
    return slot >= 0 && slot < DN_MAX_SLOTS ? op->layouts[slot] : NULL;
}

size_t ce_operation_scratchpad_bytes(const ce_operation *op) { return op->scratchpad_bytes; }

const char *ce_operation_implementation(const ce_operation *op) { return op->implementation; }

ce_status ce_operation_set_order(ce_operation *op, const int *slots, int count) {
    for (int i = 0; i < op->operands; i++) {
        int found = -1;
        for (int p = 0; p < count; p++) {
            if (slots[p] != op->slot_of[i]) continue;
            if (found >= 0) return dn_fail(CE_INVALID, "order of operands: slot %d is named twice", slots[p]);
            found = p;
        }
        if (found < 0) return dn_fail(CE_INVALID, "order of operands: slot %d is missing", op->slot_of[i]);
        op->pointer_of[i] = found;
    }
    return CE_OK;
}

// MARK: running

/// Takes a free set of arguments; waits where every one is in use.
static binding *take_binding(ce_operation *op) {
    for (;;) {
        for (int i = 0; i < BINDINGS; i++)
            if (!atomic_flag_test_and_set_explicit(&op->bindings[i].busy, memory_order_acquire))
                return &op->bindings[i];
        sched_yield();
    }
}

/// The engine itself would read from address 0.
static bool lacks_memory(const ce_operation *op, void *const *pointers, const void *scratchpad) {
    bool lacks = op->scratchpad_bytes && !scratchpad;
    for (int i = 0; i < op->operands; i++) lacks |= !pointers[op->pointer_of[i]];
    return lacks;
}

ce_status ce_operation_run(ce_operation *op, void *const *pointers, void *scratchpad) {
    if (lacks_memory(op, pointers, scratchpad))
        return dn_fail(CE_INVALID, "%s: an operand or the scratchpad has no memory", op->implementation);
    binding *b = take_binding(op);
    ce_status status = CE_OK;
    int count = op->operands;
    if (!b->is_ready) {
        free_binding(op, b);
        memset(b->arguments, 0, sizeof b->arguments);
        b->stream = NULL;
        status = fill_binding(op, b);
    }
    if (status == CE_OK) {
        for (int i = 0; i < op->operands; i++)
            dn.memory_set_data_handle(b->arguments[i].memory, pointers[op->pointer_of[i]]);
        if (op->scratchpad_bytes) dn.memory_set_data_handle(b->arguments[count++].memory, scratchpad);
        dn_use_threads(op->threads);
        const int result = dn.primitive_execute(op->primitive, b->stream, count, b->arguments);
        if (result != DN_SUCCESS) status = dn_check(result, op->implementation);
    }
    atomic_flag_clear_explicit(&b->busy, memory_order_release);
    return status;
}
