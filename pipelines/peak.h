/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * peak.h - how fast one core multiplies and adds at best. */
#ifndef CONVOY_PEAK_H
#define CONVOY_PEAK_H

/* GFLOP/s of float32 fused multiply-adds (two operations each) on this thread, measured in about
 * 100 ms; 0: the processor is of a kind that this does not know. */
double peak_gflops (void);

#endif
