// Pooling and its gradients.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ce_dnnl.h"
#include "ce_pooling.h"
#include "dnnl_internal.h"

static void describe(const ce_pooling *p, char *text, size_t size) {
    static const char *const kinds[] = {"maximum pooling", "average pooling", "average pooling without padding"};
    char input[72], kernel[72], stride[72], low[72];
    dn_describe_sizes(input, sizeof input, p->rank, p->input);
    dn_describe_sizes(kernel, sizeof kernel, p->rank, p->kernel);
    dn_describe_sizes(stride, sizeof stride, p->rank, p->stride);
    dn_describe_sizes(low, sizeof low, p->rank, p->padding_low);
    snprintf(text, size, "%s%s %s of %lldx%lldx%s, window %s, stride %s, padding %s", kinds[p->kind],
        p->backward ? "'s gradient" : "", dn_dtype_name(p->dtype), (long long)p->batch, (long long)p->channels, input,
        kernel, stride, low);
}

static ce_status check(const ce_pooling *p) {
    if (p->kind < CE_POOLING_MAX || p->kind > CE_POOLING_AVERAGE_EXCLUDE_PADDING)
        return dn_fail(CE_INVALID, "pooling: kind %d", p->kind);
    if (p->rank < 1 || p->rank > 3) return dn_fail(CE_INVALID, "pooling: %d spatial dimensions", p->rank);
    if (p->format.kind == CE_FORMAT_ANY) return dn_fail(CE_INVALID, "pooling: the layout must be stated");
    for (int i = 0; i < p->rank && p->kind == CE_POOLING_AVERAGE_INCLUDE_PADDING; i++) {
        const int64_t end = (p->output[i] - 1) * p->stride[i] - p->padding_low[i] +
                            (p->kernel[i] - 1) * p->dilation[i] + 1;
        if (end > p->input[i] + p->padding_high[i])
            return dn_fail(CE_UNIMPLEMENTED, "pooling: oneDNN divides a window past the padding by its whole size");
    }
    return CE_OK;
}

static ce_status make_activation(const ce_pooling *p, const int64_t *spatial, dn_md *md) {
    int64_t sizes[5] = {p->batch, p->channels};
    memcpy(sizes + 2, spatial, sizeof *spatial * (size_t)p->rank);
    return dn_make_md(p->format, p->dtype, p->rank + 2, sizes, NULL, md);
}

static int choose(
    const ce_pooling *p, dn_md source, dn_md destination, dn_attributes attributes, dn_pd *result) {
    static const int algorithms[] = {DN_POOLING_MAX, DN_POOLING_AVERAGE_INCLUDE, DN_POOLING_AVERAGE_EXCLUDE};
    const int algorithm = algorithms[p->kind];
    const dn_window w = dn_make_window(
        p->rank, p->input, p->kernel, p->output, p->stride, p->padding_low, p->dilation);
    dn_sizes kernel = {0};
    memcpy(kernel, p->kernel, sizeof *kernel * (size_t)p->rank);
    const bool trains = p->backward || p->training;
    dn_pd forward = NULL;
    int status = dn.pooling_forward_primitive_desc_create(
        &forward, dn_cpu, trains ? DN_FORWARD_TRAINING : DN_FORWARD_INFERENCE, algorithm, source, destination,
        w.stride, kernel, w.dilation, w.padding_low, w.padding_high, attributes);
    if (status != DN_SUCCESS || !p->backward) {
        *result = forward;
        return status;
    }
    status = dn.pooling_backward_primitive_desc_create(
        result, dn_cpu, algorithm, source, destination, w.stride, kernel, w.dilation, w.padding_low, w.padding_high,
        forward, attributes);
    dn.primitive_desc_destroy(forward);
    return status;
}

ce_status ce_pooling_make(const ce_pooling *p, ce_operation **result) {
    *result = NULL;
    if (!ce_dnnl_is_loaded()) return dn_fail(CE_UNAVAILABLE, "pooling: no engine is loaded");
    ce_status status = check(p);
    if (status != CE_OK) return status;
    char what[400];
    describe(p, what, sizeof what);

    dn_md source = NULL, destination = NULL;
    dn_attributes attributes = NULL;
    dn_pd descriptor = NULL;
    status = make_activation(p, p->input, &source);
    if (status == CE_OK) status = make_activation(p, p->output, &destination);
    if (status == CE_OK) status = dn_make_attributes(&(dn_behind){0}, &attributes);
    if (status == CE_OK) {
        dn_use_threads(dn_wanted_threads());
        status = dn_check(choose(p, source, destination, attributes, &descriptor), what);
    }
    if (attributes) dn.primitive_attr_destroy(attributes);
    dn_free_md(source);
    dn_free_md(destination);
    if (status != CE_OK) return status;
    const bool has_workspace = p->kind == CE_POOLING_MAX && (p->backward || p->training);
    const dn_operands operands = {
        .arguments = {p->backward ? DN_ARG_DIFF_SOURCE : DN_ARG_SOURCE,
            p->backward ? DN_ARG_DIFF_DESTINATION : DN_ARG_DESTINATION, has_workspace ? DN_ARG_WORKSPACE : 0},
        .slots = CE_POOLING_SLOTS};
    return dn_make_operation(descriptor, &operands, what, result);
}

// MARK: indices

/// Where in the input plane position `index` of a grid of `sizes` falls, whose steps are `step` input positions and which
/// begins `start` positions before the plane (NULL: with it).
static int32_t plane_offset(
    const ce_pooling *p, int64_t index, const int64_t *sizes, const int64_t *step, const int64_t *start) {
    int64_t offset = 0, stride = 1;
    for (int i = p->rank - 1; i >= 0; i--) {
        offset += (index % sizes[i] * step[i] - (start ? start[i] : 0)) * stride;
        stride *= p->input[i];
        index /= sizes[i];
    }
    return (int32_t)offset;
}

/// Channels that lie next to one another in a format, 1 where each has its own plane; 0 where that is not known.
static int64_t block_of(const ce_pooling *p) {
    switch (p->format.kind) {
    case CE_FORMAT_PLAIN: return 1;
    case CE_FORMAT_BLOCKED8: return 8;
    case CE_FORMAT_BLOCKED16: return 16;
    case CE_FORMAT_CHANNELS_LAST: return p->channels;
    case CE_FORMAT_ANY:
    case CE_FORMAT_GIVEN: break;
    }
    return 0;
}

/// A position is that of the window plus that of the tap in it.
typedef struct {
    const int32_t *windows, *taps;
    int64_t count, step;
} plane_walk;

static void write_plane(const plane_walk *w, int dtype, const void *workspace, int64_t start, int64_t *indices) {
    if (dtype == CE_UINT8) {
        const uint8_t *places = (const uint8_t *)workspace + start;
        for (int64_t o = 0; o < w->count; o++) indices[o] = w->windows[o] + w->taps[places[o * w->step]];
    } else {
        const int32_t *places = (const int32_t *)workspace + start;
        for (int64_t o = 0; o < w->count; o++) indices[o] = w->windows[o] + w->taps[places[o * w->step]];
    }
}

ce_status ce_pooling_indices(
    const ce_pooling *p, const ce_operation *operation, const void *workspace, int64_t first, int64_t end,
    int64_t *indices) {
    const ce_layout *layout = ce_operation_layout(operation, CE_POOLING_WORKSPACE);
    const int64_t block = block_of(p);
    if (!layout) return dn_fail(CE_INVALID, "pooling: the operation has no workspace");
    if (block == 0) return dn_fail(CE_UNIMPLEMENTED, "pooling: indices need a format by name");
    const int dtype = ce_layout_dtype(layout);
    if (dtype != CE_UINT8 && dtype != CE_INT32)
        return dn_fail(CE_UNIMPLEMENTED, "pooling: a workspace of type %s", dn_dtype_name(dtype));
    int64_t plane = 1, taps = 1;
    for (int i = 0; i < p->rank; i++) plane *= p->output[i], taps *= p->kernel[i];
    int32_t *table = malloc(sizeof *table * (size_t)(plane + taps));
    if (!table) return dn_fail(CE_OUT_OF_MEMORY, "pooling: no memory for a table of windows");
    for (int64_t o = 0; o < plane; o++) table[o] = plane_offset(p, o, p->output, p->stride, p->padding_low);
    for (int64_t k = 0; k < taps; k++) table[plane + k] = plane_offset(p, k, p->kernel, p->dilation, NULL);
    const plane_walk walk = {table, table + plane, plane, block};
    const int64_t blocks = (p->channels + block - 1) / block;
    for (int64_t i = first; i < end; i++) {
        const int64_t n = i / p->channels, c = i % p->channels;
        write_plane(&walk, dtype, workspace, (n * blocks + c / block) * plane * block + c % block, indices + i * plane);
    }
    free(table);
    return CE_OK;
}
