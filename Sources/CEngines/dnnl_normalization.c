// Batch normalisation and its gradient.
#include <stdio.h>
#include <string.h>

#include "ce_dnnl.h"
#include "ce_normalization.h"
#include "dnnl_internal.h"

static void describe(const ce_normalization *p, char *text, size_t size) {
    char spatial[72];
    dn_describe_sizes(spatial, sizeof spatial, p->rank, p->size);
    snprintf(text, size, "batch normalisation%s %s of %lldx%lldx%s%s", p->backward ? "'s gradient" : "",
        dn_dtype_name(p->dtype), (long long)p->batch, (long long)p->channels, spatial, p->relu ? " with ReLU" : "");
}

static unsigned flags_of(const ce_normalization *p) {
    const bool is_inference = !p->backward && !p->training;
    return (is_inference || p->uses_given_statistics ? DN_USE_GLOBAL_STATISTICS : 0u) |
           (p->has_scale ? DN_USE_SCALE : 0u) | (p->has_shift ? DN_USE_SHIFT : 0u) | (p->relu ? DN_FUSE_RELU : 0u);
}

static int choose(const ce_normalization *p, dn_md data, dn_attributes attributes, dn_pd *result) {
    const unsigned flags = flags_of(p);
    const bool trains = p->backward || p->training;
    dn_pd forward = NULL;
    int status = dn.batch_normalization_forward_primitive_desc_create(
        &forward, dn_cpu, trains ? DN_FORWARD_TRAINING : DN_FORWARD_INFERENCE, data, data, p->epsilon, flags,
        attributes);
    if (status != DN_SUCCESS || !p->backward) {
        *result = forward;
        return status;
    }
    const int purpose = p->has_scale || p->has_shift ? DN_BACKWARD : DN_BACKWARD_DATA;
    status = dn.batch_normalization_backward_primitive_desc_create(
        result, dn_cpu, purpose, data, data, data, p->epsilon, flags, forward, attributes);
    dn.primitive_desc_destroy(forward);
    return status;
}

static dn_operands operands_of(const ce_normalization *p) {
    dn_operands operands = {.slots = CE_NORMALIZATION_SLOTS};
    int *arguments = operands.arguments;
    arguments[CE_NORMALIZATION_SOURCE] = DN_ARG_SOURCE;
    arguments[CE_NORMALIZATION_MEAN] = DN_ARG_MEAN;
    arguments[CE_NORMALIZATION_VARIANCE] = DN_ARG_VARIANCE;
    if (p->has_scale) arguments[CE_NORMALIZATION_SCALE] = DN_ARG_SCALE;
    // The gradient does not depend on the shift, and the engine counts it as one operand too many.
    if (p->has_shift && !p->backward) arguments[CE_NORMALIZATION_SHIFT] = DN_ARG_SHIFT;
    if (p->relu && (p->backward || p->training)) arguments[CE_NORMALIZATION_WORKSPACE] = DN_ARG_WORKSPACE;
    if (!p->backward) {
        arguments[CE_NORMALIZATION_DESTINATION] = DN_ARG_DESTINATION;
        return operands;
    }
    arguments[CE_NORMALIZATION_SOURCE_GRADIENT] = DN_ARG_DIFF_SOURCE;
    arguments[CE_NORMALIZATION_DESTINATION_GRADIENT] = DN_ARG_DIFF_DESTINATION;
    if (p->has_scale) arguments[CE_NORMALIZATION_SCALE_GRADIENT] = DN_ARG_DIFF_SCALE;
    if (p->has_shift) arguments[CE_NORMALIZATION_SHIFT_GRADIENT] = DN_ARG_DIFF_SHIFT;
    return operands;
}

ce_status ce_normalization_make(const ce_normalization *p, ce_operation **result) {
    *result = NULL;
    if (!ce_dnnl_is_loaded()) return dn_fail(CE_UNAVAILABLE, "batch normalisation: no engine is loaded");
    if (p->rank < 0 || p->rank > 3)
        return dn_fail(CE_INVALID, "batch normalisation: %d spatial dimensions", p->rank);
    if (p->format.kind == CE_FORMAT_ANY)
        return dn_fail(CE_INVALID, "batch normalisation: the layout must be stated");
    char what[240];
    describe(p, what, sizeof what);

    dn_md data = NULL;
    dn_attributes attributes = NULL;
    dn_pd descriptor = NULL;
    int64_t sizes[5] = {p->batch, p->channels};
    memcpy(sizes + 2, p->size, sizeof *sizes * (size_t)p->rank);
    ce_status status = dn_make_md(p->format, p->dtype, p->rank + 2, sizes, NULL, &data);
    if (status == CE_OK) status = dn_make_attributes(&(dn_behind){0}, &attributes);
    if (status == CE_OK) {
        dn_use_threads(dn_wanted_threads());
        status = dn_check(choose(p, data, attributes, &descriptor), what);
    }
    if (attributes) dn.primitive_attr_destroy(attributes);
    dn_free_md(data);
    if (status != CE_OK) return status;
    const dn_operands operands = operands_of(p);
    return dn_make_operation(descriptor, &operands, what, result);
}
