/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vector.h - loops over arrays, compiled for the vectors of several processors. */
#ifndef CONVOY_VECTOR_H
#define CONVOY_VECTOR_H

/* Before a function: versions of it for newer processors; the library picks when it loads. They are told by what
 * they can do: the name of one processor would leave out those that came after it. */
#if defined __x86_64__ && defined __GNUC__ && !defined __clang__ && !defined __SANITIZE_ADDRESS__
#if __GNUC__ >= 12
#define CONVOY_VECTORIZED __attribute__ ((optimize ("O3"), target_clones ("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define CONVOY_VECTORIZED __attribute__ ((optimize ("O3"), target_clones ("default", "avx2", "avx512f")))
#endif
#else
#define CONVOY_VECTORIZED
#endif

/* A block of channels as a processor has it, from memory of floats. Where v is below zero all bits are set, by its sign:
 * compilers take a comparison of vectors as wide as this apart into one for each number. */
#define CONVOY_LANES 16
typedef float ConvoyLanes __attribute__ ((vector_size (CONVOY_LANES * sizeof (float)), aligned (sizeof (float)), may_alias));
typedef int ConvoyMask __attribute__ ((vector_size (CONVOY_LANES * sizeof (float)), aligned (sizeof (float)), may_alias));
#define CONVOY_NEGATIVE(v) ((ConvoyMask) (v) >> 31)
#endif
