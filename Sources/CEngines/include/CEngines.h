// The native engines that Martlet finds at run time. Nothing here links against an engine: `ce_dnnl_load` and `ce_jpeg_load` bind them.
#ifndef CENGINES_H
#define CENGINES_H

#include "ce_convolution.h"
#include "ce_dnnl.h"
#include "ce_jpeg.h"
#include "ce_layout.h"
#include "ce_matmul.h"
#include "ce_normalization.h"
#include "ce_operation.h"
#include "ce_pooling.h"
#include "ce_types.h"

#endif
