#include "matmul_scratch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    void *pointer;
    int64_t capacity;
} block;

static _Thread_local block *blocks;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void free_blocks(void *value) {
    block *owned = value;
    for (int i = 0; i < MK_SCRATCH_COUNT; i++) free(owned[i].pointer);
    free(owned);
    blocks = NULL;
}

static void make_key(void) { pthread_key_create(&key, free_blocks); }

static void out_of_memory(int64_t bytes) {
    fprintf(stderr, "martlet: no memory for %lld bytes of kernel scratch\n", (long long)bytes);
    abort();
}

static __attribute__((noinline, cold)) void grow(enum mk_scratch_slot slot, int64_t bytes) {
    if (!blocks) {
        pthread_once(&once, make_key);
        blocks = calloc(MK_SCRATCH_COUNT, sizeof(block));
        if (!blocks) out_of_memory(bytes);
        pthread_setspecific(key, blocks);
    }
    free(blocks[slot].pointer);
    // A page more than asked keeps slowly growing requests from allocating each time.
    int64_t capacity = (bytes + 4096 + 63) & ~(int64_t)63;
    blocks[slot].pointer = aligned_alloc(64, (size_t)capacity);
    blocks[slot].capacity = capacity;
    if (!blocks[slot].pointer) out_of_memory(bytes);
}

void *mk_scratch_once(int64_t bytes) {
    void *pointer = aligned_alloc(64, (size_t)((bytes + 63) & ~(int64_t)63));
    if (!pointer) out_of_memory(bytes);
    return pointer;
}

void *mk_scratch(enum mk_scratch_slot slot, int64_t bytes) {
    if (!blocks || blocks[slot].capacity < bytes) grow(slot, bytes);
    return blocks[slot].pointer;
}
