// The portable C kernels of Martlet: one header a family.
#ifndef CMARTLETKERNELS_H
#define CMARTLETKERNELS_H

#include "mk_types.h"
#include "mk_parallel.h"
#include "mk_subnormals.h"
#include "mk_runner.h"
#include "mk_threadlocal.h"
#include "mk_fused.h"
#include "mk_matmul.h"
#include "mk_batch_norm.h"
#include "mk_convolution.h"
#include "mk_tiles.h"
#include "mk_winograd.h"
#include "mk_pooling.h"
#include "mk_indexing.h"
#include "mk_losses.h"
#include "mk_quantize.h"
#include "mk_updates.h"
#include "mk_image.h"
#include "mk_machine.h"

#endif
