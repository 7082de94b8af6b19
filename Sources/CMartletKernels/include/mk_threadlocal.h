// One slot of thread-local storage with a destructor: the thread's recording lives in it.
#ifndef MK_THREADLOCAL_H
#define MK_THREADLOCAL_H

void *mk_thread_slot_get(void);
/// The destructor runs with the slot's value when the thread ends.
void mk_thread_slot_set(void *value, void (*destructor)(void *));

#endif
