/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * checkpoint-file.c - a checkpoint as an HDF5 file: tensors are the data sets 0, 1, ... of the
 * group "tensors", each with its name and type as attributes; values are attributes of the group
 * "values". Before the HDF5 data stands a user block with their length and checksum. HDF5 writes
 * to memory, the file is written here: HDF5 cannot give up a file that does not fit on the disk.
 * It needs an HDF5 library that was built to be used by several threads. */
#include "core/checkpoint.h"
#include "core/hdf-tools.h"
#include "core/replace.h"
#include <stdio.h>
#include <string.h>

#define USER_BLOCK CONVOY_CHECKPOINT_BLOCK
#define GROW 65536              /* bytes by which the file in memory grows */
#define HEADER "Convoy checkpoint, format 1\n"

void
convoy_checkpoint_make_block (char block[USER_BLOCK], const guint8 *data, gsize size)
{
  g_autofree char *sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, data, size);
  memset (block, 0, USER_BLOCK);
  g_snprintf (block, USER_BLOCK, HEADER "bytes %zu\nsha256 %s\n", size, sum);
}

/* The element as it lies in memory; HDF5 converts the byte order where it must. */
static hid_t
type_in_memory (ConvoyType type)
{
  switch (type) {
    case CONVOY_F32: return H5T_NATIVE_FLOAT;
    case CONVOY_F64: return H5T_NATIVE_DOUBLE;
    case CONVOY_I64: return H5T_NATIVE_INT64;
    case CONVOY_I32: return H5T_NATIVE_INT32;
    case CONVOY_I8: return H5T_NATIVE_INT8;
    case CONVOY_I16: return H5T_NATIVE_INT16;
    case CONVOY_F16: case CONVOY_BF16: case CONVOY_U16: return H5T_NATIVE_UINT16;       /* the floats as their bits */
    case CONVOY_U32: return H5T_NATIVE_UINT32;
    case CONVOY_U64: return H5T_NATIVE_UINT64;
    default: return H5T_NATIVE_UINT8;
  }
}

/* --- writing ---------------------------------------------------------- */

static gboolean
write_tensor (hid_t group, guint i, const char *name, ConvoyTensor *t)
{
  const ConvoyShape *shape = convoy_tensor_shape (t);
  hid_t type = type_in_memory (convoy_tensor_type (t));
  hsize_t dims[CONVOY_MAX_DIMS];
  char number[16];
  for (guint k = 0; k < shape->n; k++)
    dims[k] = shape->d[k];
  g_snprintf (number, sizeof number, "%u", i);
  CONVOY_ID space = shape->n ? H5Screate_simple (shape->n, dims, NULL) : H5Screate (H5S_SCALAR);
  CONVOY_ID how = H5Pcreate (H5P_DATASET_CREATE);
  H5Pset_obj_track_times (how, FALSE);          /* equal checkpoints are equal files, whenever they were written */
  CONVOY_ID set = H5Dcreate2 (group, number, type, space, H5P_DEFAULT, how, H5P_DEFAULT);
  return set >= 0 && H5Dwrite (set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, convoy_tensor_data (t)) >= 0
      && convoy_hdf5_put_string (set, "name", name) && convoy_hdf5_put_string (set, "type", convoy_type_name (convoy_tensor_type (t)));
}

static gboolean
write_value (hid_t group, const char *name, const ConvoyCheckpointValue *v)
{
  return v->kind == 's' ? convoy_hdf5_put_string (group, name, v->s)
      : v->kind == 'd' ? convoy_hdf5_put_attribute (group, name, H5T_NATIVE_DOUBLE, &v->d) : convoy_hdf5_put_attribute (group, name, H5T_NATIVE_INT64, &v->i);
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* In the order of their names, so that equal checkpoints are equal files. */
static GPtrArray *
sorted_keys (GHashTable *table)
{
  GHashTableIter it;
  gpointer key;
  GPtrArray *keys = g_ptr_array_new ();
  g_hash_table_iter_init (&it, table);
  while (g_hash_table_iter_next (&it, &key, NULL))
    g_ptr_array_add (keys, key);
  g_ptr_array_sort (keys, compare_names);
  return keys;
}

static gboolean
write_all (const ConvoyCheckpoint *c, hid_t file)
{
  g_autoptr (GPtrArray) tensors = sorted_keys (c->tensors), values = sorted_keys (c->values);
  CONVOY_ID how = H5Pcreate (H5P_GROUP_CREATE);
  H5Pset_obj_track_times (how, FALSE);
  CONVOY_ID tensor_group = H5Gcreate2 (file, "tensors", H5P_DEFAULT, how, H5P_DEFAULT);
  CONVOY_ID value_group = H5Gcreate2 (file, "values", H5P_DEFAULT, how, H5P_DEFAULT);
  gboolean ok = tensor_group >= 0 && value_group >= 0;
  for (guint i = 0; ok && i < tensors->len; i++)
    ok = write_tensor (tensor_group, i, tensors->pdata[i], g_hash_table_lookup (c->tensors, tensors->pdata[i]));
  for (guint i = 0; ok && i < values->len; i++)
    ok = write_value (value_group, values->pdata[i], g_hash_table_lookup (c->values, values->pdata[i]));
  return ok && H5Fflush (file, H5F_SCOPE_GLOBAL) >= 0;
}

/* A new file that is kept in memory. */
static hid_t
create_in_memory (const char *path)
{
  CONVOY_ID access = H5Pcreate (H5P_FILE_ACCESS), creation = H5Pcreate (H5P_FILE_CREATE);
  H5Pset_obj_track_times (creation, FALSE);
  if (H5Pset_fapl_core (access, GROW, FALSE) < 0 || H5Pset_libver_bounds (access, H5F_LIBVER_V18, H5F_LIBVER_LATEST) < 0
      || H5Pset_userblock (creation, USER_BLOCK) < 0)
    return -1;
  return H5Fcreate (path, H5F_ACC_TRUNC, creation, access);
}

static gboolean
write_out (hid_t file, const char *path, GError **error)
{
  void **memory;
  hsize_t size;
  char block[USER_BLOCK];
  ConvoyReplace r;
  if (H5Fget_vfd_handle (file, H5P_DEFAULT, (void **) &memory) < 0 || H5Fget_filesize (file, &size) < 0 || size <= USER_BLOCK) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_NO_MEMORY, "%s: cannot write: HDF5 has no image of the file", path);
    return FALSE;
  }
  const guint8 *data = (const guint8 *) *memory + USER_BLOCK;
  convoy_checkpoint_make_block (block, data, size - USER_BLOCK);
  if (!convoy_replace_begin (&r, path, error))
    return FALSE;
  convoy_replace_write (&r, block, sizeof block);
  convoy_replace_write (&r, data, size - USER_BLOCK);
  return convoy_replace_end (&r, error);
}

gboolean
convoy_checkpoint_save (const ConvoyCheckpoint *c, const char *path, GError **error)
{
  ConvoyQuiet q = convoy_quiet_begin ();
  gboolean ok = FALSE;
  {
    CONVOY_ID file = create_in_memory (path);
    if (file < 0 || !write_all (c, file))
      g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_NO_MEMORY, "%s: cannot write: HDF5 could not build the file in memory", path);
    else
      ok = write_out (file, path, error);
  }
  convoy_quiet_end (q);
  return ok;
}

/* --- reading ---------------------------------------------------------- */

/* The user block against what follows it. */
static gboolean
check_file (const char *path, GError **error)
{
  g_autoptr (GMappedFile) map = g_mapped_file_new (path, FALSE, error);
  if (map == NULL)
    return FALSE;
  gsize size = g_mapped_file_get_length (map);
  const guint8 *data = (const guint8 *) g_mapped_file_get_contents (map);
  char block[USER_BLOCK];
  gsize bytes;
  if (size < strlen (HEADER) || memcmp (data, HEADER, strlen (HEADER)) != 0) {
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: not a checkpoint that this version can read", path);
    return FALSE;
  }
  if (size > USER_BLOCK && data[USER_BLOCK - 1] == '\0' && sscanf ((const char *) data + strlen (HEADER), "bytes %zu", &bytes) == 1
      && bytes == size - USER_BLOCK) {
    convoy_checkpoint_make_block (block, data + USER_BLOCK, bytes);
    if (memcmp (block, data, USER_BLOCK) == 0)
      return TRUE;
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_CHECKSUM, "%s: damaged: its checksum does not match", path);
  } else
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_CHECKSUM, "%s: damaged: its %zu bytes are not what its header says", path, size);
  return FALSE;
}

static gboolean
read_tensor (ConvoyCheckpoint *c, hid_t group, hsize_t i)
{
  char number[24];
  hsize_t dims[CONVOY_MAX_DIMS];
  ConvoyShape shape = { 0 };
  guint type = 0;
  g_snprintf (number, sizeof number, "%" G_GUINT64_FORMAT, (guint64) i);
  CONVOY_ID set = H5Dopen2 (group, number, H5P_DEFAULT);
  CONVOY_ID space = set < 0 ? -1 : H5Dget_space (set);
  int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims (space);
  g_autofree char *name = set < 0 ? NULL : convoy_hdf5_get_string (set, "name"), *type_name = set < 0 ? NULL : convoy_hdf5_get_string (set, "type");
  while (type_name && type < CONVOY_N_TYPES && strcmp (convoy_type_name (type), type_name) != 0)
    type++;
  if (name == NULL || type_name == NULL || type == CONVOY_N_TYPES || rank < 0 || rank > CONVOY_MAX_DIMS
      || H5Sget_simple_extent_dims (space, dims, NULL) < 0)
    return FALSE;
  shape.n = rank;
  for (int k = 0; k < rank; k++)
    shape.d[k] = dims[k];
  g_autoptr (ConvoyTensor) t = convoy_tensor_new (type, &shape, NULL);
  hid_t memory = type_in_memory (type);
  if (t == NULL || H5Dread (set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, convoy_tensor_data (t)) < 0)
    return FALSE;
  convoy_checkpoint_put_tensor (c, name, t);
  return TRUE;
}

/* Called by H5Aiterate2() for each value; negative ends it. */
static herr_t
read_value (hid_t group, const char *name, const H5A_info_t *info, void *user)
{
  (void) info;
  ConvoyCheckpoint *c = user;
  CONVOY_ID attribute = H5Aopen (group, name, H5P_DEFAULT);
  CONVOY_ID type = attribute < 0 ? -1 : H5Aget_type (attribute);
  H5T_class_t class = type < 0 ? H5T_NO_CLASS : H5Tget_class (type);
  gint64 i;
  double d;
  if (class == H5T_STRING) {
    g_autofree char *s = convoy_hdf5_text (attribute);
    if (s == NULL)
      return -1;
    convoy_checkpoint_put_string (c, name, s);
  } else if (class == H5T_INTEGER && H5Aread (attribute, H5T_NATIVE_INT64, &i) >= 0)
    convoy_checkpoint_put_int (c, name, i);
  else if (class == H5T_FLOAT && H5Aread (attribute, H5T_NATIVE_DOUBLE, &d) >= 0)
    convoy_checkpoint_put_double (c, name, d);
  else
    return -1;
  return 0;
}

static gboolean
read_all (ConvoyCheckpoint *c, const char *path)
{
  H5G_info_t info;
  CONVOY_ID file = H5Fopen (path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0)
    return FALSE;
  CONVOY_ID tensors = H5Gopen2 (file, "tensors", H5P_DEFAULT), values = H5Gopen2 (file, "values", H5P_DEFAULT);
  if (tensors < 0 || values < 0 || H5Gget_info (tensors, &info) < 0)
    return FALSE;
  for (hsize_t i = 0; i < info.nlinks; i++)
    if (!read_tensor (c, tensors, i))
      return FALSE;
  return H5Aiterate2 (values, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, read_value, c) >= 0;
}

ConvoyCheckpoint *
convoy_checkpoint_load (const char *path, GError **error)
{
  if (!check_file (path, error))
    return NULL;
  ConvoyCheckpoint *c = convoy_checkpoint_new ();
  ConvoyQuiet q = convoy_quiet_begin ();
  gboolean ok = read_all (c, path);
  convoy_quiet_end (q);
  c->path = g_strdup (path);
  if (ok)
    return c;
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: HDF5 cannot read this checkpoint", path);
  convoy_checkpoint_free (c);
  return NULL;
}
