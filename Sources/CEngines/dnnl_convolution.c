// Convolution and its gradients.
#include <stdio.h>
#include <string.h>

#include "ce_convolution.h"
#include "ce_dnnl.h"
#include "dnnl_internal.h"

typedef struct {
    dn_md source, weights, destination, bias, channels, addend;
} descriptors;

static void describe(const ce_convolution *p, char *text, size_t size) {
    static const char *const directions[] = {
        "convolution", "convolution's input gradient", "convolution's weight gradient"};
    char input[72], kernel[72], stride[72], low[72], dilation[72];
    dn_describe_sizes(input, sizeof input, p->rank, p->input);
    dn_describe_sizes(kernel, sizeof kernel, p->rank, p->kernel);
    dn_describe_sizes(stride, sizeof stride, p->rank, p->stride);
    dn_describe_sizes(low, sizeof low, p->rank, p->padding_low);
    dn_describe_sizes(dilation, sizeof dilation, p->rank, p->dilation);
    snprintf(text, size,
        "%s %s batch %lld, channels %lld to %lld in %lld groups, %s by %s, stride %s, padding %s, dilation %s",
        directions[p->direction], dn_dtype_name(p->source_dtype), (long long)p->batch, (long long)p->in_channels,
        (long long)p->out_channels, (long long)p->groups, input, kernel, stride, low, dilation);
}

static ce_status check(const ce_convolution *p) {
    if (p->direction < CE_CONVOLUTION_FORWARD || p->direction > CE_CONVOLUTION_BACKWARD_WEIGHTS)
        return dn_fail(CE_INVALID, "convolution: direction %d", p->direction);
    if (p->rank < 1 || p->rank > 3) return dn_fail(CE_INVALID, "convolution: %d spatial dimensions", p->rank);
    if (p->groups < 1 || p->in_channels % p->groups || p->out_channels % p->groups)
        return dn_fail(CE_INVALID, "convolution: channels are no multiples of %lld groups", (long long)p->groups);
    const bool forward = p->direction == CE_CONVOLUTION_FORWARD;
    if (!forward && (p->relu || p->sum_scale != 0 || p->has_factor_and_shift || p->has_addend || p->output_factor != 0))
        return dn_fail(CE_INVALID, "convolution: what is fused behind is for the forward direction");
    if (p->has_bias && p->direction == CE_CONVOLUTION_BACKWARD_DATA)
        return dn_fail(CE_INVALID, "convolution: the input's gradient takes no bias");
    return CE_OK;
}

/// [batch, channels, spatial...]
static ce_status make_activation(
    const ce_convolution *p, int64_t channels, const int64_t *spatial, ce_format format, int dtype, dn_md *md) {
    int64_t sizes[5] = {p->batch, channels};
    memcpy(sizes + 2, spatial, sizeof *spatial * (size_t)p->rank);
    return dn_make_md(format, dtype, p->rank + 2, sizes, NULL, md);
}

/// [groups, out channels / groups, in channels / groups, kernel...], without the first axis where there is one group.
static ce_status make_weights(const ce_convolution *p, dn_md *md) {
    int64_t sizes[6];
    int rank = 0;
    if (p->groups > 1) sizes[rank++] = p->groups;
    sizes[rank++] = p->out_channels / p->groups;
    sizes[rank++] = p->in_channels / p->groups;
    for (int i = 0; i < p->rank; i++) sizes[rank++] = p->kernel[i];
    const ce_format_kind kind = p->weights_format.kind;
    if (kind != CE_FORMAT_PLAIN && kind != CE_FORMAT_ANY && kind != CE_FORMAT_GIVEN)
        return dn_fail(CE_INVALID, "convolution: weights are plain, any or given");
    return dn_make_md(p->weights_format, p->weights_dtype, rank, sizes, NULL, md);
}

static ce_status make_descriptors(const ce_convolution *p, descriptors *d) {
    ce_status status =
        make_activation(p, p->in_channels, p->input, p->source_format, p->source_dtype, &d->source);
    if (status == CE_OK) status = make_weights(p, &d->weights);
    if (status == CE_OK)
        status = make_activation(
            p, p->out_channels, p->output, p->destination_format, p->destination_dtype, &d->destination);
    if (status == CE_OK && p->has_bias)
        status = dn_make_md((ce_format){CE_FORMAT_PLAIN, NULL}, p->bias_dtype, 1, &p->out_channels, NULL, &d->bias);
    if (status == CE_OK && p->has_factor_and_shift) {
        const int64_t sizes[5] = {1, p->out_channels, 1, 1, 1};
        status = dn_make_md((ce_format){CE_FORMAT_PLAIN, NULL}, CE_FLOAT32, p->rank + 2, sizes, NULL, &d->channels);
    }
    // Beside a destination of integers the addend is what that was before it was rounded.
    if (status == CE_OK && p->has_addend) {
        const bool is_integer = p->destination_dtype == CE_INT8 || p->destination_dtype == CE_UINT8;
        status = make_activation(
            p, p->out_channels, p->output, p->destination_format, is_integer ? CE_FLOAT32 : p->destination_dtype, &d->addend);
    }
    return status;
}

static void free_descriptors(const descriptors *d) {
    dn_free_md(d->source);
    dn_free_md(d->weights);
    dn_free_md(d->destination);
    dn_free_md(d->bias);
    dn_free_md(d->channels);
    dn_free_md(d->addend);
}

/// The choice of a forward kernel; backward wants it as a hint.
static int make_forward(
    const ce_convolution *p, const descriptors *d, const dn_window *w, dn_attributes attributes, dn_pd *result) {
    const bool inference = p->inference && p->direction == CE_CONVOLUTION_FORWARD;
    return dn.convolution_forward_primitive_desc_create(
        result, dn_cpu, inference ? DN_FORWARD_INFERENCE : DN_FORWARD_TRAINING, DN_CONVOLUTION_DIRECT, d->source,
        d->weights, d->bias, d->destination, w->stride, w->dilation, w->padding_low, w->padding_high, attributes);
}

/// The forward hint of a gradient, in any layouts and in the one type that every forward kernel has.
static int make_hint(const ce_convolution *p, const dn_window *w, dn_pd *result) {
    const ce_format any = {CE_FORMAT_ANY, NULL};
    ce_convolution hint = *p;
    hint.source_format = hint.weights_format = hint.destination_format = any;
    const bool is_half = p->source_dtype == CE_BFLOAT16 || p->destination_dtype == CE_BFLOAT16;
    const int dtype = is_half ? CE_BFLOAT16 : p->source_dtype;
    hint.source_dtype = hint.weights_dtype = hint.destination_dtype = dtype;
    hint.has_bias = hint.has_factor_and_shift = hint.has_addend = false;
    descriptors d = {0};
    int status = DN_INVALID_ARGUMENTS;
    if (make_descriptors(&hint, &d) == CE_OK) status = make_forward(&hint, &d, w, NULL, result);
    free_descriptors(&d);
    return status;
}

static int choose(
    const ce_convolution *p, const descriptors *d, const dn_window *w, dn_attributes attributes, dn_pd *result) {
    if (p->direction == CE_CONVOLUTION_FORWARD) return make_forward(p, d, w, attributes, result);
    dn_pd hint = NULL;
    int status = make_hint(p, w, &hint);
    if (status != DN_SUCCESS) return status;
    if (p->direction == CE_CONVOLUTION_BACKWARD_DATA)
        status = dn.convolution_backward_data_primitive_desc_create(
            result, dn_cpu, DN_CONVOLUTION_DIRECT, d->source, d->weights, d->destination, w->stride, w->dilation,
            w->padding_low, w->padding_high, hint, attributes);
    else
        status = dn.convolution_backward_weights_primitive_desc_create(
            result, dn_cpu, DN_CONVOLUTION_DIRECT, d->source, d->weights, d->bias, d->destination, w->stride,
            w->dilation, w->padding_low, w->padding_high, hint, attributes);
    dn.primitive_desc_destroy(hint);
    return status;
}

static dn_operands operands_of(const ce_convolution *p) {
    // Post-operations are numbered in their order.
    const int first = p->sum_scale != 0 ? 2 : 1, addend = p->has_factor_and_shift ? first + 2 : first;
    switch ((ce_convolution_direction)p->direction) {
    case CE_CONVOLUTION_FORWARD:
        return (dn_operands){
            .arguments = {DN_ARG_SOURCE, DN_ARG_WEIGHTS, DN_ARG_DESTINATION, p->has_bias ? DN_ARG_BIAS : 0,
                p->has_factor_and_shift ? DN_ARG_POST_OPERATION * first | DN_ARG_SOURCE_1 : 0,
                p->has_factor_and_shift ? DN_ARG_POST_OPERATION * (first + 1) | DN_ARG_SOURCE_1 : 0,
                p->has_addend ? DN_ARG_POST_OPERATION * addend | DN_ARG_SOURCE_1 : 0},
            .slots = CE_CONVOLUTION_SLOTS};
    case CE_CONVOLUTION_BACKWARD_DATA:
        return (dn_operands){
            .arguments = {DN_ARG_DIFF_SOURCE, DN_ARG_WEIGHTS, DN_ARG_DIFF_DESTINATION}, .slots = CE_CONVOLUTION_SLOTS};
    case CE_CONVOLUTION_BACKWARD_WEIGHTS: break;
    }
    return (dn_operands){
        .arguments = {DN_ARG_SOURCE, DN_ARG_DIFF_WEIGHTS, DN_ARG_DIFF_DESTINATION,
            p->has_bias ? DN_ARG_DIFF_BIAS : 0},
        .slots = CE_CONVOLUTION_SLOTS};
}

ce_status ce_convolution_make(const ce_convolution *p, ce_operation **result) {
    *result = NULL;
    if (!ce_dnnl_is_loaded()) return dn_fail(CE_UNAVAILABLE, "convolution: no engine is loaded");
    ce_status status = check(p);
    if (status != CE_OK) return status;
    char what[480];
    describe(p, what, sizeof what);
    const dn_window window = dn_make_window(
        p->rank, p->input, p->kernel, p->output, p->stride, p->padding_low, p->dilation);

    descriptors d = {0};
    dn_attributes attributes = NULL;
    dn_pd descriptor = NULL;
    status = make_descriptors(p, &d);
    const dn_behind behind = {
        .sum_scale = p->sum_scale, .factor = d.channels, .shift = d.channels,
        .addend = p->has_addend ? d.addend : NULL, .relu = p->relu, .output_factor = p->output_factor};
    if (status == CE_OK) status = dn_make_attributes(&behind, &attributes);
    if (status == CE_OK) {
        dn_use_threads(dn_wanted_threads());
        status = dn_check(choose(p, &d, &window, attributes, &descriptor), what);
    }
    if (attributes) dn.primitive_attr_destroy(attributes);
    free_descriptors(&d);
    if (status != CE_OK) return status;
    const dn_operands operands = operands_of(p);
    return dn_make_operation(descriptor, &operands, what, result);
}
