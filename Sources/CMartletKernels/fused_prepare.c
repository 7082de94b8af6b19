#include <string.h>

#include "mk_fused.h"
#include "tile_ops.h"

// What every run of a tile program has in common: how memory is walked, and which block of memory each register takes.

enum { AFTER_ALL = INT16_MAX };

static int is_contiguous(const mk_program *p, const int64_t *strides) {
    for (int d = 0; d < p->rank; d++) {
        if (p->dims[d] != 1 && strides[d] != p->layout.prefix[d]) return 0;
    }
    return 1;
}

/// True where every position of the space meets the same element.
static int is_uniform(const mk_program *p, const int64_t *strides) {
    for (int d = 0; d < p->rank; d++) {
        if (p->dims[d] != 1 && strides[d] != 0) return 0;
    }
    return 1;
}

static void walk(mk_program *p) {
    mk_layout *layout = &p->layout;
    layout->total = 1;
    for (int d = p->rank - 1; d >= 0; d--) {
        layout->prefix[d] = layout->total;
        layout->total *= p->dims[d];
    }
    for (int i = 0; i < p->input_count; i++) {
        const mk_input *in = &p->inputs[i];
        if (is_contiguous(p, in->strides)) {
            layout->contiguous_inputs |= 1ull << i;
        } else if (in->kind == MK_IN_BUFFER && is_uniform(p, in->strides)) {
            layout->uniform_inputs |= 1ull << i;
        }
    }
    for (int o = 0; o < p->output_count; o++) {
        if (is_contiguous(p, p->outputs[o].strides)) layout->contiguous_outputs |= 1ull << o;
    }
}

static int operand_count(const mk_instruction *in) {
    return in->kind == MK_I_BINARY ? 2 : in->kind == MK_I_SELECT ? 3 : 1;
}

static void trace(mk_program *p) {
    mk_layout *layout = &p->layout;
    for (int i = 0; i < p->input_count; i++) {
        layout->type[p->inputs[i].reg] = p->inputs[i].type;
        layout->made[p->inputs[i].reg] = layout->last_use[p->inputs[i].reg] = -1;
    }
    for (int i = 0; i < p->instruction_count; i++) {
        const mk_instruction *in = &p->instructions[i];
        layout->type[in->d] = in->result;
        layout->made[in->d] = (int16_t)i;
        layout->last_use[in->d] = -1;
        const uint8_t operands[] = {in->a, in->b, in->c};
        for (int k = 0; k < operand_count(in); k++) layout->last_use[operands[k]] = (int16_t)i;
    }
}

/// Blocks are taken in turn from those that are free, the one that was freed last first: it is still in L1.
static void assign_blocks(mk_program *p) {
    mk_layout *layout = &p->layout;
    int16_t until[MK_MAX_REGISTERS];
    memcpy(until, layout->last_use, sizeof until);
    for (int o = 0; o < p->output_count; o++) until[p->outputs[o].reg] = AFTER_ALL;
    int next = 0, free_count = 0;
    uint8_t free_blocks[MK_MAX_REGISTERS];
    for (int i = 0; i < p->input_count; i++) {
        const mk_input *in = &p->inputs[i];
        // Numbers are filled in once for many tiles.
        if (in->kind == MK_IN_SCALAR || (layout->uniform_inputs >> i & 1)) until[in->reg] = AFTER_ALL;
        layout->block[in->reg] = (uint8_t)next++;
    }
    for (int i = 0; i < p->instruction_count; i++) {
        const mk_instruction *in = &p->instructions[i];
        layout->block[in->d] = (uint8_t)(free_count ? free_blocks[--free_count] : next++);
        const uint8_t used[] = {in->d, in->a, in->b, in->c};
        // A result that nobody reads is given back like an operand that is read for the last time, and each once.
        for (int k = 0; k <= operand_count(in); k++) {
            int is_last = k == 0 ? until[in->d] < i : until[used[k]] == i;
            if (!is_last) continue;
            until[used[k]] = AFTER_ALL;
            free_blocks[free_count++] = layout->block[used[k]];
        }
    }
}

void mk_fused_prepare(mk_program *program) {
    memset(&program->layout, 0, sizeof program->layout);
    walk(program);
    trace(program);
    assign_blocks(program);
}
