#include "matmul_scratch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

_Thread_local mk_scratch_block *mk_scratch_blocks;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void free_blocks(void *value) {
    mk_scratch_block *owned = value;
    for (int i = 0; i < MK_SCRATCH_COUNT; i++) free(owned[i].pointer);
    free(owned);
    mk_scratch_blocks = NULL;
}

static void make_key(void) { pthread_key_create(&key, free_blocks); }

static void out_of_memory(int64_t bytes) {
    fprintf(stderr, "martlet: no memory for %lld bytes of kernel scratch\n", (long long)bytes);
    abort();
}

__attribute__((noinline, cold)) void mk_scratch_grow(enum mk_scratch_slot slot, int64_t bytes) {
    if (!mk_scratch_blocks) {
        pthread_once(&once, make_key);
        mk_scratch_blocks = calloc(MK_SCRATCH_COUNT, sizeof(mk_scratch_block));
        if (!mk_scratch_blocks) out_of_memory(bytes);
        pthread_setspecific(key, mk_scratch_blocks);
    }
    free(mk_scratch_blocks[slot].pointer);
    // A page more than asked keeps slowly growing requests from allocating each time.
    int64_t capacity = (bytes + 4096 + 63) & ~(int64_t)63;
    mk_scratch_blocks[slot].pointer = aligned_alloc(64, (size_t)capacity);
    mk_scratch_blocks[slot].capacity = capacity;
    if (!mk_scratch_blocks[slot].pointer) out_of_memory(bytes);
}
