// Loops that the compiler vectorises by itself are built for several instruction sets and chosen when the program loads. Under
// ThreadSanitizer there is one version: its hooks would be called while choosing, before it has begun.
#ifndef MATMUL_CLONES_H
#define MATMUL_CLONES_H

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define MK_THREAD_SANITIZER 1
#endif
#endif

#if defined(__x86_64__) && defined(__ELF__) && !defined(MK_THREAD_SANITIZER)
#define MK_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MK_CLONES
#endif

#endif
