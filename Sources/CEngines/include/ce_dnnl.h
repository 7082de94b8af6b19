// Finding oneDNN 3 (libdnnl.so.3) and the OpenMP library that it brings.
#ifndef CE_DNNL_H
#define CE_DNNL_H

#include "ce_types.h"

/// Looks for oneDNN 3.2 or later and binds it; true where it is ready. The first call decides, later ones repeat its
/// answer; safe from any thread.
///
/// Order: the folder in MARTLET_ENGINES ("none" switches every engine off, and nothing else is looked at), then
/// `extra_directory` (may be NULL), then `.engines/lib` in the folders above the executable and above the current
/// folder, then ~/.cache/martlet/engines, then the system's loader path. In each folder `libdnnl.so.3` and
/// `lib/libdnnl.so.3` are tried. A `.engines` above the current folder serves only where this user or root owns it
/// and nobody else may write it.
bool ce_dnnl_load(const char *extra_directory);

/// True once `ce_dnnl_load` has succeeded.
bool ce_dnnl_is_loaded(void);

/// The file that serves, "libdnnl.so.3" where the system's loader found it; NULL where none does.
const char *ce_dnnl_path(void);

/// One line for each place that was tried, with the loader's reason. Empty before `ce_dnnl_load`.
const char *ce_dnnl_report(void);

/// "3.2.0"; NULL where no engine is loaded.
const char *ce_dnnl_version(void);

/// The instruction set that oneDNN generates code for, e.g. "avx512_core_bf16"; NULL where no engine is loaded.
const char *ce_dnnl_isa(void);

/// Address of `GOMP_parallel(void (*fn)(void *), void *data, unsigned threads, unsigned flags)` in the OpenMP library
/// that oneDNN uses, so that other kernels can join its threads; NULL where there is none.
void *ce_dnnl_gomp_parallel(void);
/// The same for `omp_get_thread_num`.
void *ce_dnnl_gomp_thread_number(void);

/// Threads that operations made from now on use, whichever thread runs them. 0 leaves it to OpenMP.
void ce_dnnl_set_threads(int threads);

/// How many generated kernels oneDNN keeps for descriptions that come again (its own default is 1,024).
ce_status ce_dnnl_set_cache_capacity(int kernels);

#endif
