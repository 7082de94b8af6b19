#include "mk_threadlocal.h"

#include <pthread.h>

static _Thread_local void *slot;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void (*slot_destructor)(void *);

static void destroy(void *value) {
    slot = 0;
    if (slot_destructor) slot_destructor(value);
}

static void make_key(void) { pthread_key_create(&key, destroy); }

void *mk_thread_slot_get(void) { return slot; }

void mk_thread_slot_set(void *value, void (*destructor)(void *)) {
    pthread_once(&once, make_key);
    slot_destructor = destructor;
    slot = value;
    // The key exists for its destructor only; reads go to the faster _Thread_local.
    pthread_setspecific(key, value);
}
