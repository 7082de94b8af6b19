// Winograd's convolution: what every processor of the architecture has, vectors of 16 bytes.
#define MK_BYTES 16
#define MK_ROWS 4
#define MK_SUM_ROWS 4
#define MK_SUM_VECTORS 2
#define MK_TARGET
#define MK_TABLE mk_winograd_baseline
#include "winograd_template.h"
