#include <string.h>

#include "fused_run.h"
#include "matmul_scratch.h"
#include "mk_parallel.h"

/// Below as many elements a program runs on the calling thread. A chunk is at least so many elements, since each fills the
/// numbers' registers anew, and at least so much work.
enum { SERIAL_ELEMENTS = 16384, CHUNK_WORK = 16384, CHUNK_ELEMENTS = 4096 };

/// From as many elements on operands are taken to come from memory, and are asked for ahead where they are several: of one a processor
/// foresees the next tile.
enum { ASKING_ELEMENTS = 1 << 18 };

/// Blocks lie apart by a little more than a page: equal places of two of them would else meet in one set of L1, and a load
/// would wait for a store to another block that looks like its own.
enum { BLOCK_BYTES = MK_TILE * 8 + 192 };

/// Bytes before the blocks.
enum { REGISTERS_BYTES = (sizeof(fused_registers) + 63) / 64 * 64 };

/// Shorter rows are moved where they are met: a call would take longer.
enum { SHORT_ROW = 16 };

static char *block(const fused_run *run, const fused_registers *registers, int reg) {
    return registers->blocks + (int64_t)run->program->layout.block[reg] * BLOCK_BYTES;
}

fused_registers *fused_registers_for(const fused_run *run, int64_t n) {
    fused_registers *registers =
        mk_scratch(MK_SCRATCH_REGISTERS, MK_MAX_REGISTERS * (int64_t)BLOCK_BYTES + REGISTERS_BYTES);
    registers->blocks = (char *)registers + REGISTERS_BYTES;
    const mk_program *p = run->program;
    if (n > MK_TILE) n = MK_TILE;
    for (int i = 0; i < p->input_count; i++) {
        const mk_input *in = &p->inputs[i];
        char *own = block(run, registers, in->reg);
        registers->tiles[in->reg] = own;
        if (in->kind == MK_IN_SCALAR) {
            tile_splat(in->dtype, in->type, run->scalars[in->buffer], own, n);
        } else if (p->layout.uniform_inputs >> i & 1) {
            tile_load(in->dtype, in->type, run->pointers[in->buffer], 0, own, n);
        }
    }
    for (int i = 0; i < p->instruction_count; i++) {
        int d = p->instructions[i].d;
        registers->tiles[d] = block(run, registers, d);
    }
    return registers;
}

/// A walk over an operand by rows: as many of the last dimensions as one stride walks.
typedef struct {
    const int64_t *strides;
    int outer;                     // dimensions before a row's
    int64_t row, inner;            // elements of a row, and their stride
    int64_t column;                // where in the row
    int64_t offset;                // of the element in memory
    int64_t index[MK_MAX_RANK];    // of the row, in the outer dimensions
} walk;

static walk walk_from(const mk_program *p, const int64_t *strides, int64_t start) {
    walk w = {.strides = strides, .outer = p->rank, .row = 1, .inner = 1};
    while (w.outer > 0) {
        const int d = w.outer - 1;
        if (w.row == 1) w.inner = strides[d];
        else if (p->dims[d] != 1 && strides[d] != w.inner * w.row) break;
        w.row *= p->dims[d];
        w.outer = d;
    }
    w.column = start % w.row;
    w.offset = w.column * w.inner;
    start -= w.column;
    for (int d = 0; d < w.outer; d++) {
        w.index[d] = start / p->layout.prefix[d];
        start -= w.index[d] * p->layout.prefix[d];
        w.offset += w.index[d] * strides[d];
    }
    return w;
}

/// Moves on to the start of the next row.
static void next_row(const mk_program *p, walk *w) {
    w->offset -= w->column * w->inner;
    w->column = 0;
    for (int d = w->outer - 1; d >= 0; d--) {
        w->offset += w->strides[d];
        if (++w->index[d] < p->dims[d]) break;
        w->offset -= p->dims[d] * w->strides[d];
        w->index[d] = 0;
    }
}

/// Whole rows of few elements in memory, as many as are wanted and one stride of the next dimension walks: column by column, so that
/// loads are long. Returns how many elements; 0 where rows are long or few, or the walk is in the middle of one.
static int64_t gather_columns(const fused_run *run, const mk_input *in, walk *at, char *destination, int64_t n) {
    const mk_program *p = run->program;
    const int d = at->outer - 1;
    if (in->kind != MK_IN_BUFFER || d < 0 || at->column != 0 || at->row >= SHORT_ROW) return 0;
    const int64_t left = p->dims[d] - at->index[d], wanted = n / at->row, rows = left < wanted ? left : wanted;
    if (rows < SHORT_ROW) return 0;
    const int64_t size = tile_register_size(in->type), row = at->row;
    int64_t column[MK_TILE];
    for (int64_t j = 0; j < row; j++) {
        const char *source = (const char *)run->pointers[in->buffer] + (at->offset + j * at->inner) * tile_dtype_size(in->dtype);
        tile_load(in->dtype, in->type, source, at->strides[d], column, rows);
        char *to = destination + j * size;
        switch (size) {
        case 8: for (int64_t i = 0; i < rows; i++) ((int64_t *)to)[i * row] = column[i]; break;
        case 4: for (int64_t i = 0; i < rows; i++) ((int32_t *)to)[i * row] = ((const int32_t *)column)[i]; break;
        default: for (int64_t i = 0; i < rows; i++) to[i * row] = ((const char *)column)[i]; break;
        }
    }
    // At the last of them, as after any other row.
    at->index[d] += rows - 1;
    at->offset += (rows - 1) * at->strides[d];
    return rows * row;
}

/// Fills a register from memory by rows and columns, or with coordinates or random bits by the same walk.
static void gather(const fused_run *run, const mk_input *in, char *destination, int64_t start, int64_t n) {
    const mk_program *p = run->program;
    const int size = (int)tile_register_size(in->type);
    walk at = walk_from(p, in->strides, start);
    const char *source = in->kind == MK_IN_BUFFER ? run->pointers[in->buffer] : NULL;
    for (int64_t done = 0; done < n;) {
        char *d = destination + done * size;
        int64_t count = gather_columns(run, in, &at, d, n - done);
        if (count > 0) {
            done += count;
            if (done < n) next_row(p, &at);
            continue;
        }
        count = at.row - at.column < n - done ? at.row - at.column : n - done;
        if (in->kind == MK_IN_BUFFER && in->dtype == MK_FLOAT32 && count < SHORT_ROW) {
            const float *row_source = (const float *)source + at.offset;
            for (int64_t i = 0; i < count; i++) ((float *)d)[i] = row_source[i * at.inner];
        } else if (in->kind == MK_IN_BUFFER) {
            tile_load(in->dtype, in->type, source + at.offset * tile_dtype_size(in->dtype), at.inner, d, count);
        } else if (in->kind == MK_IN_INDEX) {
            const int64_t first = run->scalars[in->buffer].i + at.offset;
            for (int64_t i = 0; i < count; i++) ((int64_t *)d)[i] = first + i * at.inner;
        } else {
            const uint64_t first = run->scalars[in->buffer + 1].u + (uint64_t)at.offset;
            tile_random(run->scalars[in->buffer].u, first, at.inner, (int64_t *)d, count);
        }
        done += count;
        if (done < n) next_row(p, &at);
    }
}

static void load(const fused_run *run, fused_registers *registers, int i, int64_t start, int64_t n) {
    const mk_layout *layout = &run->program->layout;
    const mk_input *in = &run->program->inputs[i];
    if (in->kind == MK_IN_SCALAR || (layout->uniform_inputs >> i & 1)) return;
    char *own = block(run, registers, in->reg);
    if (in->kind == MK_IN_BUFFER && (layout->contiguous_inputs >> i & 1)) {
        char *source = (char *)run->pointers[in->buffer] + start * tile_dtype_size(in->dtype);
        if (tile_is_native(in->dtype, in->type)) {
            registers->tiles[in->reg] = source;
        } else {
            tile_load(in->dtype, in->type, source, 1, own, n);
        }
        return;
    }
    if (in->kind == MK_IN_BUFFER && tile_is_native(in->dtype, in->type)) {
        const walk at = walk_from(run->program, in->strides, start);
        // The tile is a stretch of memory: it is read where it lies.
        if (at.inner == 1 && at.row - at.column >= n) {
            registers->tiles[in->reg] = (char *)run->pointers[in->buffer] + at.offset * tile_dtype_size(in->dtype);
            return;
        }
    }
    registers->tiles[in->reg] = own;
    gather(run, in, own, start, n);
}

static void scatter(const fused_run *run, const mk_output *out, int type, const char *source, int64_t start, int64_t n) {
    const mk_program *p = run->program;
    walk at = walk_from(p, out->strides, start);
    char *base = run->pointers[out->buffer];
    for (int64_t done = 0; done < n;) {
        const int64_t count = at.row - at.column < n - done ? at.row - at.column : n - done;
        tile_store(
            out->dtype, type, source + done * tile_register_size(type), base + at.offset * tile_dtype_size(out->dtype),
            at.inner, count);
        done += count;
        if (done < n) next_row(p, &at);
    }
}

static void store(const fused_run *run, fused_registers *registers, int o, int64_t start, int64_t n) {
    const mk_output *out = &run->program->outputs[o];
    if (out->reduction != MK_RED_NONE || (run->direct_outputs >> o & 1)) return;
    int type = run->program->layout.type[out->reg];
    const char *source = registers->tiles[out->reg];
    if (run->program->layout.contiguous_outputs >> o & 1) {
        char *target = (char *)run->pointers[out->buffer] + start * tile_dtype_size(out->dtype);
        if (source != target || !tile_is_native(out->dtype, type)) tile_store(out->dtype, type, source, target, 1, n);
        return;
    }
    scatter(run, out, type, source, start, n);
}

/// Asks for what lies in memory of the elements [start, start + n). A tile reads one operand after the other, each for too short a
/// time for a processor to foresee the next.
static void ask(const fused_run *run, int64_t start, int64_t n) {
    const mk_program *p = run->program;
    for (int i = 0; i < p->input_count; i++) {
        const mk_input *in = &p->inputs[i];
        if (in->kind != MK_IN_BUFFER || !(p->layout.contiguous_inputs >> i & 1)) continue;
        const int64_t size = tile_dtype_size(in->dtype);
        const char *from = (const char *)run->pointers[in->buffer] + start * size;
        for (int64_t byte = 0; byte < n * size; byte += 64) __builtin_prefetch(from + byte, 0, 2);
    }
    for (int o = 0; o < p->output_count; o++) {
        const mk_output *out = &p->outputs[o];
        if (!(run->asked_outputs >> o & 1)) continue;
        const int64_t size = tile_dtype_size(out->dtype);
        char *to = (char *)run->pointers[out->buffer] + start * size;
        for (int64_t byte = 0; byte < n * size; byte += 64) __builtin_prefetch(to + byte, 1, 2);
    }
}

void fused_tile(const fused_run *run, fused_registers *registers, int64_t start, int64_t n, int64_t ahead) {
    const mk_program *p = run->program;
    for (int i = 0; i < p->input_count; i++) load(run, registers, i, start, n);
    for (int o = 0; o < p->output_count; o++) {
        if (run->direct_outputs >> o & 1) {
            const mk_output *out = &p->outputs[o];
            registers->tiles[out->reg] = (char *)run->pointers[out->buffer] + start * tile_dtype_size(out->dtype);
        }
    }
    int64_t asked = 0;
    for (int i = 0; i < p->instruction_count; i++) {
        const mk_instruction *in = &p->instructions[i];
        if (ahead > 0) {
            // A part with each instruction, so that few lines are on their way at a time.
            const int64_t next = ahead * (i + 1) / p->instruction_count;
            ask(run, start + n + asked, next - asked);
            asked = next;
        }
        tile_run(in, registers->tiles, registers->tiles[in->d], n);
    }
    for (int o = 0; o < p->output_count; o++) store(run, registers, o, start, n);
}

/// An output may be written as it is computed where nothing that is still to be read lies under it: its register is made by
/// an instruction, and an input whose memory it takes is read by that one and earlier ones only.
static int is_direct(const fused_run *run, int o) {
    const mk_program *p = run->program;
    const mk_output *out = &p->outputs[o];
    if (out->reduction != MK_RED_NONE || !(p->layout.contiguous_outputs >> o & 1)) return 0;
    int made = p->layout.made[out->reg];
    if (made < 0 || !tile_is_native(out->dtype, p->layout.type[out->reg])) return 0;
    for (int other = 0; other < o; other++) {
        if (p->outputs[other].reg == out->reg) return 0;
    }
    for (int i = 0; i < p->input_count; i++) {
        const mk_input *in = &p->inputs[i];
        if (in->kind != MK_IN_BUFFER || run->pointers[in->buffer] != run->pointers[out->buffer]) continue;
        if (p->layout.last_use[in->reg] > made) return 0;
        // What is stored after the last instruction is read until then.
        for (int other = 0; other < p->output_count; other++) {
            if (p->outputs[other].reg == in->reg) return 0;
        }
    }
    return 1;
}

/// - Parameter total: elements that all calls of the run have together.
static fused_run run_on(const mk_program *program, void *const *pointers, const mk_scalar *scalars, int64_t total) {
    const mk_layout *layout = &program->layout;
    fused_run run = {.program = program, .pointers = pointers, .scalars = scalars};
    int read = 0;
    for (int i = 0; i < program->input_count; i++)
        read += program->inputs[i].kind == MK_IN_BUFFER && (layout->contiguous_inputs >> i & 1);
    run.asks = total >= ASKING_ELEMENTS && read > 1;
    for (int o = 0; o < program->output_count; o++) {
        const mk_output *out = &program->outputs[o];
        if (is_direct(&run, o)) run.direct_outputs |= 1ull << o;
        if (!run.asks) continue;
        bool is_new = (layout->contiguous_outputs >> o & 1) && out->reduction == MK_RED_NONE;
        for (int i = 0; i < program->input_count; i++) {
            const mk_input *in = &program->inputs[i];
            if (in->kind == MK_IN_BUFFER && pointers[in->buffer] == pointers[out->buffer]) is_new = false;
        }
        if (is_new) run.asked_outputs |= 1ull << o;
    }
    return run;
}

static void run_range(const fused_run *run, int64_t first, int64_t last) {
    fused_registers *registers = fused_registers_for(run, last - first);
    for (int64_t start = first; start < last; start += MK_TILE) {
        const int64_t left = last - start, n = left < MK_TILE ? left : MK_TILE;
        fused_tile(run, registers, start, n, fused_ahead(run, left - n));
    }
}

static void run_chunk(void *context, int64_t begin, int64_t end) {
    const fused_run *run = context;
    int64_t total = run->program->layout.total;
    run_range(run, begin * MK_TILE, end * MK_TILE < total ? end * MK_TILE : total);
}

void mk_fused_run(const mk_program *program, void *const *pointers, const mk_scalar *scalars) {
    fused_run run = run_on(program, pointers, scalars, program->layout.total);
    int is_reduction = 0;
    for (int o = 0; o < program->output_count; o++) is_reduction |= program->outputs[o].reduction != MK_RED_NONE;
    if (is_reduction) {
        fused_reduce(&run);
        return;
    }
    int64_t total = program->layout.total, tiles = (total + MK_TILE - 1) / MK_TILE;
    if (total <= SERIAL_ELEMENTS) {
        run_chunk(&run, 0, tiles);
        return;
    }
    int64_t grain = CHUNK_WORK / (MK_TILE * (int64_t)(program->instruction_count + 1));
    int64_t least = CHUNK_ELEMENTS / MK_TILE;
    mk_parallel_for(tiles, grain < least ? least : grain, run_chunk, &run);
}

// MARK: many sets of tensors

typedef struct {
    const mk_program *program;
    void *const *pointers;
    const int64_t *counts;
    int64_t width, set_count;
    const mk_scalar *scalars;
    int64_t elements;
} fused_sets;

static int64_t tiles_of(int64_t elements) { return (elements + MK_TILE - 1) / MK_TILE; }

/// Tiles are numbered through all sets.
static void run_sets_chunk(void *context, int64_t begin, int64_t end) {
    const fused_sets *sets = context;
    int64_t first = 0;
    for (int64_t s = 0; s < sets->set_count && first < end; s++) {
        int64_t tiles = tiles_of(sets->counts[s]);
        int64_t from = begin > first ? begin - first : 0, to = end - first < tiles ? end - first : tiles;
        if (from < to) {
            fused_run run = run_on(sets->program, sets->pointers + s * sets->width, sets->scalars, sets->elements);
            int64_t last = to * MK_TILE < sets->counts[s] ? to * MK_TILE : sets->counts[s];
            run_range(&run, from * MK_TILE, last);
        }
        first += tiles;
    }
}

void mk_fused_run_sets(
    const mk_program *program, void *const *pointers, int64_t width, const int64_t *counts, int64_t set_count,
    const mk_scalar *scalars) {
    fused_sets sets = {program, pointers, counts, width, set_count, scalars};
    int64_t tiles = 0, elements = 0;
    for (int64_t s = 0; s < set_count; s++) {
        tiles += tiles_of(counts[s]);
        elements += counts[s];
    }
    sets.elements = elements;
    if (elements <= SERIAL_ELEMENTS) run_sets_chunk(&sets, 0, tiles);
    else mk_parallel_for(tiles, 2 * CHUNK_ELEMENTS / MK_TILE, run_sets_chunk, &sets);
}
