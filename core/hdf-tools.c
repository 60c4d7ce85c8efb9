/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * hdf-tools.c - see hdf-tools.h. */
#include "core/hdf-tools.h"
#include <string.h>

ConvoyQuiet
convoy_quiet_begin (void)
{
  ConvoyQuiet q = { NULL, NULL };
  H5Eget_auto2 (H5E_DEFAULT, &q.print, &q.user);
  H5Eset_auto2 (H5E_DEFAULT, NULL, NULL);
  return q;
}

void convoy_quiet_end (ConvoyQuiet q) { H5Eset_auto2 (H5E_DEFAULT, q.print, q.user); }

void
convoy_hdf5_close (hid_t *id)
{
  if (*id < 0)
    return;
  switch (H5Iget_type (*id)) {
    case H5I_FILE: H5Fclose (*id); break;
    case H5I_GROUP: H5Gclose (*id); break;
    case H5I_DATASET: H5Dclose (*id); break;
    case H5I_DATASPACE: H5Sclose (*id); break;
    case H5I_DATATYPE: H5Tclose (*id); break;
    case H5I_ATTR: H5Aclose (*id); break;
    default: H5Pclose (*id);
  }
}

/* --- attributes of one value ------------------------------------------ */

gboolean
convoy_hdf5_put_attribute (hid_t where, const char *name, hid_t type, const void *v)
{
  CONVOY_ID space = H5Screate (H5S_SCALAR), attribute = H5Acreate2 (where, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  return attribute >= 0 && H5Awrite (attribute, type, v) >= 0;
}

gboolean
convoy_hdf5_put_string (hid_t where, const char *name, const char *v)
{
  CONVOY_ID type = H5Tcopy (H5T_C_S1);
  return H5Tset_size (type, strlen (v) + 1) >= 0 && H5Tset_cset (type, H5T_CSET_UTF8) >= 0 && convoy_hdf5_put_attribute (where, name, type, v);
}

char *
convoy_hdf5_text (hid_t attribute)
{
  CONVOY_ID type = attribute < 0 ? -1 : H5Aget_type (attribute);
  CONVOY_ID space = attribute < 0 ? -1 : H5Aget_space (attribute);
  if (type < 0 || H5Tget_class (type) != H5T_STRING || H5Sget_simple_extent_npoints (space) != 1)
    return NULL;
  if (H5Tis_variable_str (type) > 0) {
    char *loose = NULL;         /* HDF5's own memory */
    char *text = H5Aread (attribute, type, &loose) >= 0 ? g_strdup (loose) : NULL;
    H5free_memory (loose);
    return text;
  }
  g_autofree char *text = g_malloc0 (H5Tget_size (type) + 1);
  return H5Aread (attribute, type, text) >= 0 ? g_steal_pointer (&text) : NULL;
}

char *
convoy_hdf5_get_string (hid_t where, const char *name)
{
  CONVOY_ID attribute = H5Aopen (where, name, H5P_DEFAULT);
  return convoy_hdf5_text (attribute);
}

/* --- vectors of strings ------------------------------------------------ */

static hid_t
string_type (const char *const *v, gsize n)
{
  gsize longest = 1;
  for (gsize i = 0; i < n; i++)
    longest = MAX (longest, strlen (v[i]));
  hid_t type = H5Tcopy (H5T_C_S1);
  H5Tset_size (type, longest);
  H5Tset_cset (type, H5T_CSET_UTF8);
  H5Tset_strpad (type, H5T_STR_NULLPAD);
  return type;
}

gboolean
convoy_hdf5_put_strings (hid_t where, const char *name, gboolean is_attribute, const char *const *v, gsize n)
{
  hsize_t count = n;
  CONVOY_ID type = string_type (v, n), space = H5Screate_simple (1, &count, NULL);
  gsize size = H5Tget_size (type);
  g_autofree char *block = g_malloc0 (n * size + 1);
  for (gsize i = 0; i < n; i++)
    memcpy (block + i * size, v[i], strlen (v[i]));
  if (is_attribute) {
    CONVOY_ID attribute = H5Acreate2 (where, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    return attribute >= 0 && H5Awrite (attribute, type, block) >= 0;
  }
  CONVOY_ID how = H5Pcreate (H5P_DATASET_CREATE);
  H5Pset_obj_track_times (how, FALSE);
  CONVOY_ID set = H5Dcreate2 (where, name, type, space, H5P_DEFAULT, how, H5P_DEFAULT);
  return set >= 0 && H5Dwrite (set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, block) >= 0;
}

static gboolean
read_block (hid_t id, gboolean is_attribute, hid_t type, void *to)
{
  return (is_attribute ? H5Aread (id, type, to) : H5Dread (id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, to)) >= 0;
}

char **
convoy_hdf5_get_strings (hid_t where, const char *name, gboolean is_attribute, gsize *n)
{
  CONVOY_ID id = is_attribute ? H5Aopen (where, name, H5P_DEFAULT) : H5Dopen2 (where, name, H5P_DEFAULT);
  if (id < 0)
    return NULL;
  CONVOY_ID type = is_attribute ? H5Aget_type (id) : H5Dget_type (id), space = is_attribute ? H5Aget_space (id) : H5Dget_space (id);
  hssize_t count = H5Sget_simple_extent_npoints (space);
  if (H5Tget_class (type) != H5T_STRING || count < 0 || count > G_MAXINT32)
    return NULL;
  gboolean loose = H5Tis_variable_str (type) > 0;
  gsize size = loose ? sizeof (char *) : H5Tget_size (type);
  g_autofree char *block = g_try_malloc0 ((gsize) count * size + 1);
  if (block == NULL || !read_block (id, is_attribute, type, block))
    return NULL;
  char **v = g_new0 (char *, (gsize) count + 1);
  for (hssize_t i = 0; i < count; i++) {
    const char *one = loose ? ((char **) block)[i] : block + (gsize) i * size;
    v[i] = loose ? g_strdup (one ? one : "") : g_strndup (one, size);
  }
  if (loose)
    H5Dvlen_reclaim (type, space, H5P_DEFAULT, block);
  *n = (gsize) count;
  return v;
}
