#include <stdlib.h>
#include <string.h>

#include "fused_run.h"
#include "mk_parallel.h"

/// Below as many elements a program runs on the calling thread.
enum { SERIAL_ELEMENTS = 16384, CHUNK_WORK = 16384 };

static _Thread_local fused_registers *own_registers;

static char *block(const fused_registers *registers, int reg) { return registers->blocks + (int64_t)reg * MK_TILE * 8; }

fused_registers *fused_registers_for(const fused_run *run, int64_t n) {
    fused_registers *registers = own_registers;
    if (!registers) {
        registers = own_registers = malloc(sizeof *registers);
        registers->blocks = aligned_alloc(64, (size_t)MK_MAX_REGISTERS * MK_TILE * 8);
    }
    const mk_program *p = run->program;
    for (int i = 0; i < p->input_count; i++) {
        const mk_input *in = &p->inputs[i];
        registers->tiles[in->reg] = block(registers, in->reg);
        if (in->kind == MK_IN_SCALAR) {
            tile_splat(in->dtype, in->type, run->scalars[in->buffer], block(registers, in->reg), n < MK_TILE ? n : MK_TILE);
        }
    }
    return registers;
}

/// A position in the iteration space, one index a dimension.
typedef struct {
    int64_t index[MK_MAX_RANK];
} position;

static void locate(const fused_run *run, int64_t start, position *at) {
    for (int d = 0; d < run->program->rank; d++) {
        at->index[d] = start / run->prefix[d];
        start -= at->index[d] * run->prefix[d];
    }
}

static int64_t offset_of(const position *at, const int64_t *strides, int rank) {
    int64_t offset = 0;
    for (int d = 0; d < rank; d++) offset += at->index[d] * strides[d];
    return offset;
}

/// Moves to the start of the next row and gives the change of the offset.
static int64_t next_row(const mk_program *p, position *at, const int64_t *strides) {
    int last = p->rank - 1;
    int64_t change = -at->index[last] * strides[last];
    at->index[last] = 0;
    for (int d = last - 1; d >= 0; d--) {
        change += strides[d];
        if (++at->index[d] < p->dims[d]) break;
        change -= p->dims[d] * strides[d];
        at->index[d] = 0;
    }
    return change;
}

/// Fills a register from memory row by row, or with coordinates or random bits by the same walk.
static void gather(const fused_run *run, const mk_input *in, char *destination, int64_t start, int64_t n) {
    const mk_program *p = run->program;
    int rank = p->rank, size = (int)tile_register_size(in->type);
    position at;
    locate(run, start, &at);
    int64_t offset = offset_of(&at, in->strides, rank);
    int64_t inner = rank ? in->strides[rank - 1] : 0, row = rank ? p->dims[rank - 1] : 1;
    const char *source = in->kind == MK_IN_BUFFER ? run->pointers[in->buffer] : NULL;
    for (int64_t done = 0; done < n;) {
        int64_t count = rank ? row - at.index[rank - 1] : 1;
        if (count > n - done) count = n - done;
        char *d = destination + done * size;
        if (in->kind == MK_IN_BUFFER) {
            tile_load(in->dtype, in->type, source + offset * tile_dtype_size(in->dtype), inner, d, count);
        } else if (in->kind == MK_IN_INDEX) {
            int64_t first = run->scalars[in->buffer].i + offset;
            for (int64_t i = 0; i < count; i++) ((int64_t *)d)[i] = first + i * inner;
        } else {
            uint64_t first = run->scalars[in->buffer + 1].u + (uint64_t)offset;
            tile_random(run->scalars[in->buffer].u, first, inner, (int64_t *)d, count);
        }
        done += count;
        if (done < n) {
            if (rank) offset += count * inner, at.index[rank - 1] += count;
            offset += next_row(p, &at, in->strides);
        }
    }
}

static void load(const fused_run *run, fused_registers *registers, int i, int64_t start, int64_t n) {
    const mk_input *in = &run->program->inputs[i];
    if (in->kind == MK_IN_SCALAR) return;
    char *own = block(registers, in->reg);
    if (in->kind == MK_IN_BUFFER && (run->contiguous_inputs >> i & 1)) {
        char *source = (char *)run->pointers[in->buffer] + start * tile_dtype_size(in->dtype);
        if (tile_is_native(in->dtype, in->type)) {
            registers->tiles[in->reg] = source;
        } else {
            tile_load(in->dtype, in->type, source, 1, own, n);
        }
        return;
    }
    gather(run, in, own, start, n);
}

static void scatter(const fused_run *run, const mk_output *out, int type, const char *source, int64_t start, int64_t n) {
    const mk_program *p = run->program;
    int rank = p->rank;
    position at;
    locate(run, start, &at);
    int64_t offset = offset_of(&at, out->strides, rank);
    int64_t inner = rank ? out->strides[rank - 1] : 1, row = rank ? p->dims[rank - 1] : 1;
    char *base = run->pointers[out->buffer];
    for (int64_t done = 0; done < n;) {
        int64_t count = rank ? row - at.index[rank - 1] : 1;
        if (count > n - done) count = n - done;
        tile_store(
            out->dtype, type, source + done * tile_register_size(type), base + offset * tile_dtype_size(out->dtype), inner,
            count);
        done += count;
        if (done < n) {
            if (rank) offset += count * inner, at.index[rank - 1] += count;
            offset += next_row(p, &at, out->strides);
        }
    }
}

/// The register type of a register, from whoever writes it.
static int type_of(const mk_program *p, int reg) {
    for (int i = 0; i < p->input_count; i++) {
        if (p->inputs[i].reg == reg) return p->inputs[i].type;
    }
    for (int i = 0; i < p->instruction_count; i++) {
        if (p->instructions[i].d == reg) return p->instructions[i].result;
    }
    return MK_R_F32;
}

static void store(const fused_run *run, fused_registers *registers, int o, int64_t start, int64_t n) {
    const mk_output *out = &run->program->outputs[o];
    if (out->reduction != MK_RED_NONE || (run->direct_outputs >> o & 1)) return;
    int type = type_of(run->program, out->reg);
    const char *source = registers->tiles[out->reg];
    if (run->contiguous_outputs >> o & 1) {
        char *target = (char *)run->pointers[out->buffer] + start * tile_dtype_size(out->dtype);
        if (source != target || !tile_is_native(out->dtype, type)) tile_store(out->dtype, type, source, target, 1, n);
        return;
    }
    scatter(run, out, type, source, start, n);
}

void fused_tile(const fused_run *run, fused_registers *registers, int64_t start, int64_t n) {
    const mk_program *p = run->program;
    for (int i = 0; i < p->input_count; i++) load(run, registers, i, start, n);
    for (int i = 0; i < p->instruction_count; i++) {
        registers->tiles[p->instructions[i].d] = block(registers, p->instructions[i].d);
    }
    for (int o = 0; o < p->output_count; o++) {
        if (run->direct_outputs >> o & 1) {
            const mk_output *out = &p->outputs[o];
            registers->tiles[out->reg] = (char *)run->pointers[out->buffer] + start * tile_dtype_size(out->dtype);
        }
    }
    for (int i = 0; i < p->instruction_count; i++) {
        const mk_instruction *in = &p->instructions[i];
        tile_run(in, registers->tiles, registers->tiles[in->d], n);
    }
    for (int o = 0; o < p->output_count; o++) store(run, registers, o, start, n);
}

static int is_contiguous(const fused_run *run, const int64_t *strides) {
    for (int d = 0; d < run->program->rank; d++) {
        if (run->program->dims[d] != 1 && strides[d] != run->prefix[d]) return 0;
    }
    return 1;
}

/// An output may be written as it is computed where nothing that is still to be read lies under it: its register is made by
/// an instruction, and its memory is no input's unless the instruction is the last one.
static int is_direct(const fused_run *run, int o) {
    const mk_program *p = run->program;
    const mk_output *out = &p->outputs[o];
    if (out->reduction != MK_RED_NONE || !(run->contiguous_outputs >> o & 1)) return 0;
    int made = -1;
    for (int i = 0; i < p->instruction_count; i++) {
        if (p->instructions[i].d == out->reg) made = i;
    }
    if (made < 0 || !tile_is_native(out->dtype, p->instructions[made].result)) return 0;
    for (int other = 0; other < o; other++) {
        if (p->outputs[other].reg == out->reg) return 0;
    }
    if (made == p->instruction_count - 1) return 1;
    for (int i = 0; i < p->input_count; i++) {
        if (p->inputs[i].kind == MK_IN_BUFFER && run->pointers[p->inputs[i].buffer] == run->pointers[out->buffer]) return 0;
    }
    return 1;
}

static void run_chunk(void *context, int64_t begin, int64_t end) {
    const fused_run *run = context;
    int64_t first = begin * MK_TILE, last = end * MK_TILE < run->total ? end * MK_TILE : run->total;
    fused_registers *registers = fused_registers_for(run, last - first);
    for (int64_t start = first; start < last; start += MK_TILE) {
        fused_tile(run, registers, start, last - start < MK_TILE ? last - start : MK_TILE);
    }
}

void mk_fused_run(const mk_program *program, void *const *pointers, const mk_scalar *scalars) {
    fused_run run = {.program = program, .pointers = pointers, .scalars = scalars, .total = 1};
    int is_reduction = 0;
    for (int d = program->rank - 1; d >= 0; d--) {
        run.prefix[d] = run.total;
        run.total *= program->dims[d];
    }
    for (int i = 0; i < program->input_count; i++) {
        if (is_contiguous(&run, program->inputs[i].strides)) run.contiguous_inputs |= 1ull << i;
    }
    for (int o = 0; o < program->output_count; o++) {
        if (program->outputs[o].reduction != MK_RED_NONE) is_reduction = 1;
        if (is_contiguous(&run, program->outputs[o].strides)) run.contiguous_outputs |= 1ull << o;
    }
    for (int o = 0; o < program->output_count; o++) {
        if (is_direct(&run, o)) run.direct_outputs |= 1ull << o;
    }
    if (is_reduction) {
        fused_reduce(&run);
        return;
    }
    int64_t tiles = (run.total + MK_TILE - 1) / MK_TILE;
    if (run.total <= SERIAL_ELEMENTS) {
        run_chunk(&run, 0, tiles);
        return;
    }
    int64_t grain = CHUNK_WORK / (MK_TILE * (int64_t)(program->instruction_count + 1));
    mk_parallel_for(tiles, grain < 2 ? 2 : grain, run_chunk, &run);
}
