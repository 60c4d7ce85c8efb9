/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-set.h - a data set that must be learnt: pictures that are red or blue, with noise. */
#ifndef CONVOY_ELEMENT_SET_H
#define CONVOY_ELEMENT_SET_H

#define SET_N 200               /* pictures of 32x32 in the CIFAR format, half of them red, half blue */
#define SET_SOURCE "cnndatasetsrc location=%s classes=airplane,automobile seed=5 "

/* Gives the folder, below temp_path(). */
const char *make_set (void);

#endif
