// Loops that the compiler vectorises by itself are built for several instruction sets and chosen when the program loads.
#ifndef MATMUL_CLONES_H
#define MATMUL_CLONES_H

#if defined(__x86_64__) && defined(__ELF__)
#define MK_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MK_CLONES
#endif

#endif
