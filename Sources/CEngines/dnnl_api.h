// oneDNN 3.2's C interface, as much of it as is called here, and the table of its entry points. Values are those of
// version 3.2; versions 3.x after it keep them. Source: oneDNN's C API reference.
#ifndef DNNL_API_H
#define DNNL_API_H

#include <stddef.h>
#include <stdint.h>

typedef struct dn_engine_object *dn_engine;
typedef struct dn_stream_object *dn_stream;
typedef struct dn_md_object *dn_md;  // memory descriptor: a tensor's sizes, type and arrangement
typedef struct dn_memory_object *dn_memory;
typedef struct dn_pd_object *dn_pd;  // primitive descriptor: the choice of a kernel
typedef struct dn_primitive_object *dn_primitive;
typedef struct dn_attributes_object *dn_attributes;
typedef struct dn_post_operations_object *dn_post_operations;

typedef struct {
    int argument;
    dn_memory memory;
} dn_argument;

typedef struct {
    int major, minor, patch;
    const char *hash;
    unsigned cpu_runtime, gpu_runtime;
} dn_version;

enum { DN_MAX_RANK = 12 };
typedef int64_t dn_sizes[DN_MAX_RANK];

enum { DN_SUCCESS = 0, DN_OUT_OF_MEMORY = 1, DN_INVALID_ARGUMENTS = 2, DN_UNIMPLEMENTED = 3, DN_LAST_REACHED = 4 };
enum { DN_F16 = 1, DN_BF16 = 2, DN_F32 = 3, DN_S32 = 4, DN_S8 = 5, DN_U8 = 6, DN_F64 = 7 };
enum { DN_ENGINE_CPU = 1, DN_STREAM_IN_ORDER = 1, DN_SCRATCHPAD_USER = 1, DN_FORMAT_KIND_BLOCKED = 2 };
enum { DN_RUNTIME_SEQUENTIAL = 1, DN_RUNTIME_OPENMP = 2 };

enum {
    DN_TAG_ANY = 1,
    DN_TAG_NCW16C = 56,
    DN_TAG_NCHW16C = 78,
    DN_TAG_NCDHW16C = 121,
    DN_TAG_NCW8C = 69,
    DN_TAG_NCHW8C = 102,
    DN_TAG_NCDHW8C = 142,
};

enum { DN_FORWARD_TRAINING = 64, DN_FORWARD_INFERENCE = 96, DN_BACKWARD = 128, DN_BACKWARD_DATA = 160 };

enum {
    DN_CONVOLUTION_DIRECT = 0x1,
    DN_RELU = 0x20,
    DN_LINEAR = 0x26,
    DN_POOLING_MAX = 0x1ff,
    DN_POOLING_AVERAGE_INCLUDE = 0x2ff,
    DN_POOLING_AVERAGE_EXCLUDE = 0x3ff,
    DN_BINARY_ADD = 0x1fff0,
    DN_BINARY_MULTIPLY = 0x1fff1,
};

enum { DN_USE_GLOBAL_STATISTICS = 1, DN_USE_SCALE = 2, DN_USE_SHIFT = 4, DN_FUSE_RELU = 8 };

enum {
    DN_ARG_SOURCE = 1,
    DN_ARG_SOURCE_1 = 2,
    DN_ARG_DESTINATION = 17,
    DN_ARG_WEIGHTS = 33,
    DN_ARG_BIAS = 41,
    DN_ARG_MEAN = 49,
    DN_ARG_VARIANCE = 50,
    DN_ARG_SCALE = 51,
    DN_ARG_SHIFT = 52,
    DN_ARG_WORKSPACE = 64,
    DN_ARG_SCRATCHPAD = 80,
    DN_ARG_DIFF_SOURCE = 129,
    DN_ARG_DIFF_DESTINATION = 145,
    DN_ARG_DIFF_WEIGHTS = 161,
    DN_ARG_DIFF_BIAS = 169,
    DN_ARG_DIFF_SCALE = 255,
    DN_ARG_DIFF_SHIFT = 256,
    /// Operand of post-operation i: (i + 1) times this, or DN_ARG_SOURCE_1.
    DN_ARG_POST_OPERATION = 32768,
};

enum {
    DN_QUERY_IMPLEMENTATION = 8,
    DN_QUERY_STRIDES = 14,
    DN_QUERY_ARGUMENT_MD = 255,
    DN_QUERY_RANK = 256,
    DN_QUERY_SIZES = 257,
    DN_QUERY_DTYPE = 258,
    DN_QUERY_PADDED_SIZES = 260,
    DN_QUERY_FORMAT_KIND = 262,
    DN_QUERY_BLOCK_COUNT = 263,
    DN_QUERY_BLOCK_SIZES = 264,
    DN_QUERY_BLOCK_AXES = 265,
};

/// F(result, name after "dnnl_", parameters)
#define DN_FUNCTIONS(F)                                                                                                \
    F(const dn_version *, version, (void))                                                                             \
    F(int, get_effective_cpu_isa, (void))                                                                              \
    F(int, set_primitive_cache_capacity, (int capacity))                                                               \
    F(int, engine_create, (dn_engine * engine, int kind, size_t index))                                                \
    F(int, stream_create, (dn_stream * stream, dn_engine engine, unsigned flags))                                      \
    F(int, stream_destroy, (dn_stream stream))                                                                         \
    F(int, memory_desc_create_with_strides,                                                                            \
      (dn_md * md, int rank, const dn_sizes sizes, int dtype, const dn_sizes strides))                                 \
    F(int, memory_desc_create_with_tag, (dn_md * md, int rank, const dn_sizes sizes, int dtype, int tag))              \
    F(int, memory_desc_clone, (dn_md * md, const struct dn_md_object *from))                                           \
    F(int, memory_desc_destroy, (dn_md md))                                                                            \
    F(int, memory_desc_query, (const struct dn_md_object *md, int what, void *result))                                 \
    F(int, memory_desc_equal, (const struct dn_md_object *a, const struct dn_md_object *b))                            \
    F(size_t, memory_desc_get_size, (const struct dn_md_object *md))                                                   \
    F(int, memory_create, (dn_memory * memory, const struct dn_md_object *md, dn_engine engine, void *data))           \
    F(int, memory_set_data_handle, (dn_memory memory, void *data))                                                     \
    F(int, memory_destroy, (dn_memory memory))                                                                         \
    F(int, primitive_attr_create, (dn_attributes * attributes))                                                        \
    F(int, primitive_attr_destroy, (dn_attributes attributes))                                                         \
    F(int, primitive_attr_set_scratchpad_mode, (dn_attributes attributes, int mode))                                   \
    F(int, primitive_attr_set_post_ops, (dn_attributes attributes, dn_post_operations operations))                     \
    F(int, post_ops_create, (dn_post_operations * operations))                                                         \
    F(int, post_ops_destroy, (dn_post_operations operations))                                                          \
    F(int, post_ops_append_sum, (dn_post_operations operations, float scale, int32_t zero_point, int dtype))           \
    F(int, post_ops_append_eltwise, (dn_post_operations operations, int algorithm, float alpha, float beta))           \
    F(int, post_ops_append_binary, (dn_post_operations operations, int algorithm, dn_md operand))                      \
    F(int, primitive_desc_destroy, (dn_pd descriptor))                                                                 \
    F(int, primitive_desc_query, (const struct dn_pd_object *descriptor, int what, int index, void *result))           \
    F(const struct dn_md_object *, primitive_desc_query_md,                                                            \
      (const struct dn_pd_object *descriptor, int what, int index))                                                    \
    F(int, primitive_create, (dn_primitive * primitive, const struct dn_pd_object *descriptor))                        \
    F(int, primitive_destroy, (dn_primitive primitive))                                                                \
    F(int, primitive_execute,                                                                                          \
      (dn_primitive primitive, dn_stream stream, int count, const dn_argument *arguments))                             \
    F(int, reorder_primitive_desc_create,                                                                              \
      (dn_pd * descriptor, dn_md source, dn_engine source_engine, dn_md destination, dn_engine destination_engine,     \
       dn_attributes attributes))                                                                                      \
    F(int, matmul_primitive_desc_create,                                                                               \
      (dn_pd * descriptor, dn_engine engine, dn_md source, dn_md weights, dn_md bias, dn_md destination,               \
       dn_attributes attributes))                                                                                      \
    F(int, convolution_forward_primitive_desc_create,                                                                  \
      (dn_pd * descriptor, dn_engine engine, int purpose, int algorithm, dn_md source, dn_md weights, dn_md bias,      \
       dn_md destination, const dn_sizes strides, const dn_sizes dilations, const dn_sizes padding_low,                \
       const dn_sizes padding_high, dn_attributes attributes))                                                         \
    F(int, convolution_backward_data_primitive_desc_create,                                                            \
      (dn_pd * descriptor, dn_engine engine, int algorithm, dn_md diff_source, dn_md weights, dn_md diff_destination,  \
       const dn_sizes strides, const dn_sizes dilations, const dn_sizes padding_low, const dn_sizes padding_high,      \
       dn_pd forward, dn_attributes attributes))                                                                       \
    F(int, convolution_backward_weights_primitive_desc_create,                                                         \
      (dn_pd * descriptor, dn_engine engine, int algorithm, dn_md source, dn_md diff_weights, dn_md diff_bias,         \
       dn_md diff_destination, const dn_sizes strides, const dn_sizes dilations, const dn_sizes padding_low,           \
       const dn_sizes padding_high, dn_pd forward, dn_attributes attributes))                                          \
    F(int, pooling_forward_primitive_desc_create,                                                                      \
      (dn_pd * descriptor, dn_engine engine, int purpose, int algorithm, dn_md source, dn_md destination,              \
       const dn_sizes strides, const dn_sizes kernel, const dn_sizes dilations, const dn_sizes padding_low,            \
       const dn_sizes padding_high, dn_attributes attributes))                                                         \
    F(int, pooling_backward_primitive_desc_create,                                                                     \
      (dn_pd * descriptor, dn_engine engine, int algorithm, dn_md diff_source, dn_md diff_destination,                 \
       const dn_sizes strides, const dn_sizes kernel, const dn_sizes dilations, const dn_sizes padding_low,            \
       const dn_sizes padding_high, dn_pd forward, dn_attributes attributes))                                          \
    F(int, batch_normalization_forward_primitive_desc_create,                                                          \
      (dn_pd * descriptor, dn_engine engine, int purpose, dn_md source, dn_md destination, float epsilon,              \
       unsigned flags, dn_attributes attributes))                                                                      \
    F(int, batch_normalization_backward_primitive_desc_create,                                                         \
      (dn_pd * descriptor, dn_engine engine, int purpose, dn_md diff_source, dn_md diff_destination, dn_md source,     \
       float epsilon, unsigned flags, dn_pd forward, dn_attributes attributes))

struct dn_functions {
#define DN_FIELD(result, name, parameters) result(*name) parameters;
    DN_FUNCTIONS(DN_FIELD)
#undef DN_FIELD
};

/// Filled once by `ce_dnnl_load`, before `ce_dnnl_is_loaded` says true.
extern struct dn_functions dn;
extern dn_engine dn_cpu;

#endif
