#include "mk_threadlocal.h"

#include <pthread.h>
#include <stdatomic.h>

static _Thread_local void *slot;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
/// The same for every thread; the first ones may set it side by side.
static void (*_Atomic slot_destructor)(void *);

static void destroy(void *value) {
    slot = 0;
    void (*destructor)(void *) = atomic_load_explicit(&slot_destructor, memory_order_acquire);
    if (destructor) destructor(value);
}

static void make_key(void) { pthread_key_create(&key, destroy); }

void *mk_thread_slot_get(void) { return slot; }

void mk_thread_slot_set(void *value, void (*destructor)(void *)) {
    pthread_once(&once, make_key);
    atomic_store_explicit(&slot_destructor, destructor, memory_order_release);
    slot = value;
    // The key exists for its destructor only; reads go to the faster _Thread_local.
    pthread_setspecific(key, value);
}
