// Layouts: oneDNN's memory descriptors, made from formats and compared.
#include <stdio.h>
#include <stdlib.h>

#include "ce_dnnl.h"
#include "dnnl_internal.h"

enum { MAX_LAYOUT_RANK = 6 };

/// Strides of a contiguous tensor whose axes run, slowest first, in `order`.
static void contiguous_strides(int rank, const int64_t *sizes, const int *order, int64_t *strides) {
    int64_t step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        strides[order[i]] = step;
        step *= sizes[order[i]];
    }
}

static int blocked_tag(ce_format_kind kind, int rank) {
    static const int of8[] = {DN_TAG_NCW8C, DN_TAG_NCHW8C, DN_TAG_NCDHW8C};
    static const int of16[] = {DN_TAG_NCW16C, DN_TAG_NCHW16C, DN_TAG_NCDHW16C};
    return rank < 3 || rank > 5 ? 0 : kind == CE_FORMAT_BLOCKED8 ? of8[rank - 3] : of16[rank - 3];
}

ce_status dn_make_md(
    ce_format format, int dtype, int rank, const int64_t *sizes, const int64_t *strides, dn_md *md) {
    const int type = dn_dtype(dtype);
    if (!type) return dn_fail(CE_UNIMPLEMENTED, "layout: oneDNN has no element type %s", dn_dtype_name(dtype));
    dn_sizes dims = {0}, steps = {0};
    int order[MAX_LAYOUT_RANK];
    if (rank < 1 || rank > MAX_LAYOUT_RANK) return dn_fail(CE_INVALID, "layout: rank %d is not 1 to 6", rank);
    for (int i = 0; i < rank; i++) {
        if (sizes[i] < 1) return dn_fail(CE_INVALID, "layout: size %lld of axis %d", (long long)sizes[i], i);
        dims[i] = sizes[i];
        if (strides) steps[i] = strides[i];
        order[i] = i;
    }
    int tag = DN_TAG_ANY;
    switch (format.kind) {
    case CE_FORMAT_GIVEN:
        if (!format.layout) return dn_fail(CE_INVALID, "layout: CE_FORMAT_GIVEN without a layout");
        return dn_check(dn.memory_desc_clone(md, format.layout->md), "layout");
    case CE_FORMAT_CHANNELS_LAST:
        for (int i = 1; i + 1 < rank; i++) order[i] = i + 1;
        if (rank > 1) order[rank - 1] = 1;
        strides = NULL;
        // falls through
    case CE_FORMAT_PLAIN:
        if (!strides) contiguous_strides(rank, sizes, order, steps);
        return dn_check(dn.memory_desc_create_with_strides(md, rank, dims, type, steps), "layout");
    case CE_FORMAT_BLOCKED8:
    case CE_FORMAT_BLOCKED16:
        tag = blocked_tag(format.kind, rank);
        if (!tag) return dn_fail(CE_INVALID, "layout: blocked formats have rank 3 to 5, not %d", rank);
        // falls through
    case CE_FORMAT_ANY: return dn_check(dn.memory_desc_create_with_tag(md, rank, dims, type, tag), "layout");
    }
    return dn_fail(CE_INVALID, "layout: unknown format %d", (int)format.kind);
}

void dn_free_md(dn_md md) {
    if (md) dn.memory_desc_destroy(md);
}

/// Takes over `md`.
static ce_status wrap(dn_md md, ce_layout **result) {
    ce_layout *layout = malloc(sizeof *layout);
    if (!layout) {
        dn_free_md(md);
        return dn_fail(CE_OUT_OF_MEMORY, "layout: no memory");
    }
    *layout = (ce_layout){.md = md, .bytes = dn.memory_desc_get_size(md)};
    *result = layout;
    return CE_OK;
}

static ce_status make(
    ce_format_kind kind, int dtype, int rank, const int64_t *sizes, const int64_t *strides, ce_layout **result) {
    *result = NULL;
    if (!ce_dnnl_is_loaded()) return dn_fail(CE_UNAVAILABLE, "layout: no engine is loaded");
    if (kind == CE_FORMAT_ANY) return dn_fail(CE_INVALID, "layout: CE_FORMAT_ANY is a wish, not a layout");
    dn_md md;
    const ce_status status = dn_make_md((ce_format){kind, NULL}, dtype, rank, sizes, strides, &md);
    return status == CE_OK ? wrap(md, result) : status;
}

ce_status ce_layout_make(ce_format_kind kind, int dtype, int rank, const int64_t *sizes, ce_layout **result) {
    return make(kind, dtype, rank, sizes, NULL, result);
}

ce_status ce_layout_make_strided(
    int dtype, int rank, const int64_t *sizes, const int64_t *strides, ce_layout **result) {
    return make(CE_FORMAT_PLAIN, dtype, rank, sizes, strides, result);
}

ce_status ce_layout_copy(const ce_layout *layout, ce_layout **result) {
    dn_md md;
    *result = NULL;
    const ce_status status = dn_check(dn.memory_desc_clone(&md, layout->md), "layout");
    return status == CE_OK ? wrap(md, result) : status;
}

void ce_layout_free(ce_layout *layout) {
    if (!layout) return;
    dn_free_md(layout->md);
    free(layout);
}

// MARK: what a layout says

/// A descriptor taken apart. Pointers are into the descriptor.
typedef struct {
    int rank, dtype, kind, blocks;
    const int64_t *sizes, *padded, *strides, *block_sizes, *block_axes;
} parts;

static parts take_apart(const ce_layout *layout) {
    parts p = {0};
    dn.memory_desc_query(layout->md, DN_QUERY_RANK, &p.rank);
    dn.memory_desc_query(layout->md, DN_QUERY_DTYPE, &p.dtype);
    dn.memory_desc_query(layout->md, DN_QUERY_SIZES, &p.sizes);
    dn.memory_desc_query(layout->md, DN_QUERY_PADDED_SIZES, &p.padded);
    dn.memory_desc_query(layout->md, DN_QUERY_FORMAT_KIND, &p.kind);
    if (p.kind != DN_FORMAT_KIND_BLOCKED) return p;
    dn.memory_desc_query(layout->md, DN_QUERY_STRIDES, &p.strides);
    dn.memory_desc_query(layout->md, DN_QUERY_BLOCK_COUNT, &p.blocks);
    dn.memory_desc_query(layout->md, DN_QUERY_BLOCK_SIZES, &p.block_sizes);
    dn.memory_desc_query(layout->md, DN_QUERY_BLOCK_AXES, &p.block_axes);
    return p;
}

ce_status ce_layout_make_plain_like(const ce_layout *layout, int dtype, ce_layout **result) {
    const parts p = take_apart(layout);
    return ce_layout_make(CE_FORMAT_PLAIN, dtype < 0 ? ce_layout_dtype(layout) : dtype, p.rank, p.sizes, result);
}

bool ce_layout_equal(const ce_layout *a, const ce_layout *b) {
    return a == b || dn.memory_desc_equal(a->md, b->md) != 0;
}

size_t ce_layout_bytes(const ce_layout *layout) { return layout->bytes; }

int ce_layout_dtype(const ce_layout *layout) {
    const int type = take_apart(layout).dtype;
    for (int dtype = CE_FLOAT32; dtype <= CE_BOOL; dtype++)
        if (dn_dtype(dtype) == type) return dtype;
    return -1;
}

bool ce_layout_is_padded(const ce_layout *layout) {
    const parts p = take_apart(layout);
    for (int i = 0; i < p.rank; i++)
        if (p.padded[i] != p.sizes[i]) return true;
    return false;
}

bool ce_layout_is_plain(const ce_layout *layout) {
    const parts p = take_apart(layout);
    if (p.kind != DN_FORMAT_KIND_BLOCKED || p.blocks) return false;
    int64_t step = 1;
    for (int i = p.rank - 1; i >= 0; i--) {
        if (p.sizes[i] != 1 && p.strides[i] != step) return false;
        step *= p.sizes[i];
    }
    return true;
}

bool ce_layout_is_opaque(const ce_layout *layout) { return take_apart(layout).kind != DN_FORMAT_KIND_BLOCKED; }

uint64_t ce_layout_hash(const ce_layout *layout) {
    const parts p = take_apart(layout);
    uint64_t hash = 0xCBF29CE484222325;
#define MIX(value) hash = (hash ^ (uint64_t)(value)) * 0x100000001B3, hash ^= hash >> 29
    MIX(p.rank * 64 + p.dtype);
    MIX(p.kind * 64 + p.blocks);
    for (int i = 0; i < p.rank; i++) {
        MIX(p.sizes[i]);
        // The stride of an axis of one element places nothing.
        if (p.strides && p.sizes[i] != 1) MIX(p.strides[i]);
    }
    for (int i = 0; i < p.blocks; i++) MIX(p.block_sizes[i] * 16 + p.block_axes[i]);
#undef MIX
    return hash;
}

int ce_layout_describe(const ce_layout *layout, char *text, size_t size) {
    const parts p = take_apart(layout);
    char sizes[160], detail[640] = "opaque";
    dn_describe_sizes(sizes, sizeof sizes, p.rank, p.sizes);
    if (ce_layout_is_plain(layout)) {
        snprintf(detail, sizeof detail, "plain");
    } else if (p.kind == DN_FORMAT_KIND_BLOCKED) {
        // At most 12 strides and 12 blocks of 21 characters or fewer each.
        int used = 0;
        for (int i = 0; i < p.rank; i++)
            used += sprintf(detail + used, "%s%lld", i ? "," : "strides ", (long long)p.strides[i]);
        for (int i = 0; i < p.blocks; i++)
            used += sprintf(detail + used, "%s%lld:%lld", i ? "," : " blocks ", (long long)p.block_axes[i],
                (long long)p.block_sizes[i]);
    }
    return snprintf(text, size, "%s %s %s", dn_dtype_name(ce_layout_dtype(layout)), sizes, detail);
}
