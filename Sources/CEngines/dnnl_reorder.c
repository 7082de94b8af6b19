// Copies between layouts of the same sizes.
#include <stdio.h>

#include "ce_dnnl.h"
#include "dnnl_internal.h"

ce_status ce_reorder_make(const ce_layout *source, const ce_layout *destination, ce_operation **result) {
    *result = NULL;
    char what[512], from[240], to[240];
    ce_layout_describe(source, from, sizeof from);
    ce_layout_describe(destination, to, sizeof to);
    snprintf(what, sizeof what, "reorder from %s to %s", from, to);

    dn_attributes attributes;
    ce_status status = dn_make_attributes(&(dn_behind){0}, &attributes);
    if (status != CE_OK) return status;
    dn_use_threads(dn_wanted_threads());
    dn_pd descriptor;
    status = dn_check(
        dn.reorder_primitive_desc_create(&descriptor, source->md, dn_cpu, destination->md, dn_cpu, attributes), what);
    dn.primitive_attr_destroy(attributes);
    if (status != CE_OK) return status;
    // A reference copy is still oneDNN's own idea of the layout, which no other code has.
    const dn_operands operands = {
        .arguments = {DN_ARG_SOURCE, DN_ARG_DESTINATION}, .slots = 2, .accepts_reference = true};
    return dn_make_operation(descriptor, &operands, what, result);
}
