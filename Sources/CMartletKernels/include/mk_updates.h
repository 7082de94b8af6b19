// Optimizer steps for many parameters in one pass over memory.
#ifndef MK_UPDATES_H
#define MK_UPDATES_H

#include "mk_types.h"

/// A parameter with its gradient and state, and where their successors go (the same addresses: in place).
typedef struct {
    int64_t count;
    const float *parameter, *gradient, *first, *second;
    float *new_parameter, *new_first, *new_second;
    float *scaled_gradient;  // null where it is not wanted
} mk_adam_segment;

/// The numbers of one step, as MartletGraph.AdamUpdate's body rounds them.
typedef struct {
    float beta1, beta1_complement, beta2, beta2_complement;
    float rate;              // learning rate / (1 - beta1^t)
    float second_scale;      // 1 / (1 - beta2^t)
    float epsilon;
    float l2_decay;          // added to the gradient, times the parameter
    float shrink;            // factor on the parameter: 1 - learning rate · decay
    float gradient_scale;    // factor on the gradient, before all else
    bool has_l2, has_shrink, maximize;
} mk_adam;

/// first = β₁·first + (1-β₁)·g; second = β₂·second + (1-β₂)·g²; p -= rate · first / (√(second · second_scale) + ε).
void mk_adam_update(const mk_adam *step, const mk_adam_segment *segments, int64_t segment_count);

/// As above, for gradient descent; the velocities are null where there is no momentum.
typedef struct {
    int64_t count;
    const float *parameter, *gradient, *velocity;
    float *new_parameter, *new_velocity;
    float *scaled_gradient;  // null where it is not wanted
} mk_sgd_segment;

/// The numbers of one step, as MartletGraph.SGDUpdate's body rounds them.
typedef struct {
    float rate, momentum;
    float gain;              // factor on the gradient that joins the velocity
    float l2_decay;          // added to the gradient, times the parameter
    float shrink;            // factor on the parameter: 1 - learning rate · decay
    float gradient_scale;    // factor on the gradient, before all else
    bool has_momentum, nesterov, has_l2, has_shrink, maximize;
} mk_sgd;

/// velocity = momentum·velocity + gain·g; p -= rate · velocity, or with Nesterov rate · (momentum·velocity + gain·g).
void mk_sgd_update(const mk_sgd *step, const mk_sgd_segment *segments, int64_t segment_count);

/// Elements of a piece of which the squares are added up by itself.
enum { MK_SQUARED_PIECE = 8192 };

/// The sums of the squares of neighbouring elements, for pieces [begin, end) of them: `sums[piece]` is set.
void mk_squared_pieces(const float *elements, int64_t count, int64_t begin, int64_t end, double *sums);

/// Neighbouring elements, or the sums of their pieces where `elements` is null; `count` is of what is there.
typedef struct {
    int64_t count;
    const float *elements;
    const double *sums;
} mk_stretch;

/// The sum of the squares of all elements, the same bits on any number of threads, and from elements or from their pieces' sums.
double mk_squared_norm(const mk_stretch *stretches, int64_t stretch_count);

#endif
