/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vector.h - loops over arrays, compiled for the vectors of several processors. */
#ifndef CONVOY_VECTOR_H
#define CONVOY_VECTOR_H

/* Before a function: versions of it for newer processors; the library picks when it loads. */
#if defined __x86_64__ && defined __GNUC__ && !defined __clang__ && !defined __SANITIZE_ADDRESS__
#define CONVOY_VECTORIZED __attribute__ ((optimize ("O3"), target_clones ("default", "avx2", "arch=skylake-avx512")))
#else
#define CONVOY_VECTORIZED
#endif
#endif
