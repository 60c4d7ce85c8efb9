/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * hdf-tools.h - what every HDF5 file here needs: handles that close themselves, silence, attributes, columns. */
#ifndef CONVOY_HDF5_TOOLS_H
#define CONVOY_HDF5_TOOLS_H
#include "core/convoy.h"
#include <hdf5.h>

/* HDF5 prints what goes wrong unless told not to, thread by thread. */
typedef struct { H5E_auto2_t print; void *user; } ConvoyQuiet;
ConvoyQuiet convoy_quiet_begin (void);
void convoy_quiet_end (ConvoyQuiet q);

/* Closes any HDF5 object at the end of its block; negative: nothing. */
void convoy_hdf5_close (hid_t *id);
#define CONVOY_ID __attribute__ ((cleanup (convoy_hdf5_close))) hid_t

/* Attributes of one value. FALSE: HDF5 refused. */
gboolean convoy_hdf5_put_attribute (hid_t where, const char *name, hid_t type, const void *v);
gboolean convoy_hdf5_put_string (hid_t where, const char *name, const char *v);
/* The text of a string attribute, of fixed or variable length; NULL: it is none. g_free() it. */
char *convoy_hdf5_text (hid_t attribute);
char *convoy_hdf5_get_string (hid_t where, const char *name);

/* A vector of n strings of UTF-8, padded with zeros to the longest, as a data set or an attribute. */
gboolean convoy_hdf5_put_strings (hid_t where, const char *name, gboolean is_attribute, const char *const *v, gsize n);
/* One of fixed or variable length, NULL-terminated; NULL: there is none. g_strfreev() it. */
char **convoy_hdf5_get_strings (hid_t where, const char *name, gboolean is_attribute, gsize *n);
#endif
