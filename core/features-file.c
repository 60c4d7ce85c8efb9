/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * features-file.c - a store of features as an HDF5 file: read by mapping where it can be, written
 * beside the old one and renamed. Features that are not compressed are put where HDF5 made room for
 * them by plain writes, after the rest: HDF5 cannot give up a file that does not fit on the disk. */
#include "core/features.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

const char *const convoy_fact_names[CONVOY_N_FACTS] = { "checksum", "request", "model", "layer", "pooling", "preprocessing" };

const char *
convoy_fact (const ConvoyFeaturesInfo *info, guint i)
{
  const char *const facts[CONVOY_N_FACTS] = { info->checksum, info->request, info->model, info->layer, info->pooling, info->preprocessing };
  return facts[i];
}

void
convoy_facts_clear (char **facts)
{
  for (guint i = 0; i < CONVOY_N_FACTS; i++)
    g_clear_pointer (&facts[i], g_free);
}

void
convoy_row_free (gpointer data)
{
  ConvoyRow *row = data;
  g_free (row->name);
  g_free (row->split);
  g_free (row);
}

/* --- reading ---------------------------------------------------------- */

void
convoy_features_file_free (ConvoyFeaturesFile *f)
{
  if (f == NULL)
    return;
  g_clear_pointer (&f->map, g_mapped_file_unref);
  convoy_hdf5_close (&f->set);
  convoy_hdf5_close (&f->file);
  convoy_facts_clear (f->facts);
  g_strfreev (f->classes);
  g_strfreev (f->names);
  g_strfreev (f->splits);
  g_free (f->labels);
  g_free (f->stamps);
  g_free (f->path);
  g_mutex_clear (&f->lock);
  g_free (f);
}

static gboolean
broken (const ConvoyFeaturesFile *f, const char *what, GError **error)
{
  g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: %s", f->path, what);
  return FALSE;
}

/* Sample shape and count from N x ... of numbers. */
static gboolean
read_shape (ConvoyFeaturesFile *f, GError **error)
{
  hsize_t dims[CONVOY_MAX_DIMS + 1];
  CONVOY_ID space = H5Dget_space (f->set), type = H5Dget_type (f->set);
  int rank = H5Sget_simple_extent_ndims (space);
  if (rank < 2 || rank > CONVOY_MAX_DIMS + 1 || H5Sget_simple_extent_dims (space, dims, NULL) != rank)
    return broken (f, "features are no array of samples with a shape", error);
  H5T_class_t class = H5Tget_class (type);
  if (class != H5T_FLOAT && class != H5T_INTEGER)
    return broken (f, "features are no numbers", error);
  f->n = dims[0];
  f->shape.n = (guint) rank - 1;
  for (int k = 1; k < rank; k++)
    f->shape.d[k - 1] = (gint64) dims[k];
  gint64 count = convoy_shape_count (&f->shape);
  gsize floats;
  if (f->n == 0 || count <= 0 || !g_size_checked_mul (&floats, f->n, (gsize) count) || floats > G_MAXSIZE / sizeof (float))
    return broken (f, "features have no sample", error);
  return TRUE;
}

/* Contiguous floats of this machine's are read from the file itself. */
static void
map_values (ConvoyFeaturesFile *f)
{
  CONVOY_ID how = H5Dget_create_plist (f->set), type = H5Dget_type (f->set);
  haddr_t at = H5Dget_offset (f->set);
  gsize size = f->n * (gsize) convoy_shape_count (&f->shape) * sizeof (float);
  if (at == HADDR_UNDEF || at % sizeof (float) || H5Pget_layout (how) != H5D_CONTIGUOUS || H5Pget_external_count (how) > 0
      || H5Tequal (type, H5T_NATIVE_FLOAT) <= 0)
    return;
  f->map = g_mapped_file_new (f->path, FALSE, NULL);
  if (f->map && g_mapped_file_get_length (f->map) >= at + size)
    f->values = (const float *) (g_mapped_file_get_contents (f->map) + at);
}

/* n x width integers from data set name, given back; NULL: there is none of that size. */
static gint64 *
read_integers (const ConvoyFeaturesFile *f, const char *name, hsize_t width)
{
  CONVOY_ID set = H5Dopen2 (f->file, name, H5P_DEFAULT);
  if (set < 0)
    return NULL;
  CONVOY_ID space = H5Dget_space (set);
  if (H5Sget_simple_extent_npoints (space) != (hssize_t) (f->n * width))
    return NULL;
  g_autofree gint64 *v = g_new (gint64, f->n * width);
  return H5Dread (set, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0 ? g_steal_pointer (&v) : NULL;
}

static gboolean
read_rest (ConvoyFeaturesFile *f, GError **error)
{
  gsize n_names = f->n, n_splits = f->n, n_classes = 0;
  f->labels = read_integers (f, "labels", 1);
  if (f->labels == NULL)
    return broken (f, "has no label for each of its features", error);
  if (H5Lexists (f->file, "names", H5P_DEFAULT) > 0)
    f->names = convoy_hdf5_get_strings (f->file, "names", FALSE, &n_names);
  if (H5Lexists (f->file, "splits", H5P_DEFAULT) > 0)
    f->splits = convoy_hdf5_get_strings (f->file, "splits", FALSE, &n_splits);
  if (H5Lexists (f->file, "stamps", H5P_DEFAULT) > 0)
    f->stamps = read_integers (f, "stamps", 2);
  if (H5Aexists (f->file, "classes") > 0)
    f->classes = convoy_hdf5_get_strings (f->file, "classes", TRUE, &n_classes);
  for (guint i = 0; i < CONVOY_N_FACTS; i++) {
    if (H5Aexists (f->file, convoy_fact_names[i]) > 0)
      f->facts[i] = convoy_hdf5_get_string (f->file, convoy_fact_names[i]);
    if (f->facts[i] == NULL && i <= CONVOY_FACT_REQUEST)
      f->facts[i] = g_strdup ("");      /* made elsewhere, which is an answer */
    else if (f->facts[i] && !*f->facts[i] && i > CONVOY_FACT_REQUEST)
      g_clear_pointer (&f->facts[i], g_free);
  }
  if (n_names != f->n || n_splits != f->n)
    return broken (f, "has not a name and a split for each of its features", error);
  for (gsize i = 0; i < f->n; i++)
    if (f->classes && f->labels[i] >= (gint64) n_classes)
      return broken (f, "has a label beyond its classes", error);
  return TRUE;
}

static gboolean
open_file (ConvoyFeaturesFile *f, GError **error)
{
  f->file = H5Fopen (f->path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (f->file < 0)
    return broken (f, "not an HDF5 file, or a damaged one", error);
  f->set = H5Lexists (f->file, "features", H5P_DEFAULT) > 0 ? H5Dopen2 (f->file, "features", H5P_DEFAULT) : -1;
  if (f->set < 0)
    return broken (f, "has no data set called features", error);
  if (!read_shape (f, error) || !read_rest (f, error))
    return FALSE;
  map_values (f);
  return TRUE;
}

ConvoyFeaturesFile *
convoy_features_file_open (const char *path, GError **error)
{
  ConvoyFeaturesFile *f = g_new0 (ConvoyFeaturesFile, 1);
  f->path = g_strdup (path);
  f->file = f->set = -1;
  g_mutex_init (&f->lock);
  ConvoyQuiet q = convoy_quiet_begin ();
  gboolean ok = open_file (f, error);
  convoy_quiet_end (q);
  if (!ok)
    g_clear_pointer (&f, convoy_features_file_free);
  return f;
}

/* Row i as HDF5 gives it; with the lock. */
static gboolean
read_row (ConvoyFeaturesFile *f, gsize i, float *out)
{
  hsize_t start[CONVOY_MAX_DIMS + 1] = { i }, count[CONVOY_MAX_DIMS + 1] = { 1 };
  for (guint k = 0; k < f->shape.n; k++)
    count[k + 1] = (hsize_t) f->shape.d[k];
  CONVOY_ID from = H5Dget_space (f->set), to = H5Screate_simple ((int) f->shape.n + 1, count, NULL);     /* of one shape: HDF5 maps others element by element */
  return H5Sselect_hyperslab (from, H5S_SELECT_SET, start, NULL, count, NULL) >= 0
      && H5Dread (f->set, H5T_NATIVE_FLOAT, to, from, H5P_DEFAULT, out) >= 0;
}

GHashTable *
convoy_features_facts (const char *path, GError **error)
{
  ConvoyFeaturesFile *f = convoy_features_file_open (path, error);
  if (f == NULL)
    return NULL;
  GHashTable *facts = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  for (guint i = 0; i < CONVOY_N_FACTS; i++)
    if (f->facts[i] && *f->facts[i])
      g_hash_table_insert (facts, (gpointer) convoy_fact_names[i], g_strdup (f->facts[i]));
  convoy_features_file_free (f);
  return facts;
}

gboolean
convoy_features_file_read (ConvoyFeaturesFile *f, gsize i, float *out, GError **error)
{
  gsize count = (gsize) convoy_shape_count (&f->shape);
  if (f->values) {
    memcpy (out, f->values + i * count, count * sizeof *out);
    return TRUE;
  }
  g_mutex_lock (&f->lock);
  ConvoyQuiet q = convoy_quiet_begin ();
  gboolean ok = read_row (f, i, out);
  convoy_quiet_end (q);
  g_mutex_unlock (&f->lock);
  if (!ok)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: features of sample %zu cannot be read", f->path, i);
  return ok;
}

/* --- writing ---------------------------------------------------------- */

static hid_t
new_set (hid_t file, const char *name, hid_t type, guint rank, const hsize_t *dims, guint compression)
{
  hsize_t chunk[CONVOY_MAX_DIMS + 1];
  CONVOY_ID how = H5Pcreate (H5P_DATASET_CREATE), space = H5Screate_simple ((int) rank, dims, NULL);
  H5Pset_obj_track_times (how, FALSE);
  H5Pset_fill_time (how, H5D_FILL_TIME_NEVER);
  if (compression) {
    memcpy (chunk, dims, rank * sizeof *dims);
    chunk[0] = 1;
    H5Pset_chunk (how, (int) rank, chunk);
    H5Pset_shuffle (how);
    H5Pset_deflate (how, compression);
  } else
    H5Pset_alloc_time (how, H5D_ALLOC_TIME_EARLY);
  return H5Dcreate2 (file, name, type, space, H5P_DEFAULT, how, H5P_DEFAULT);
}

static gboolean
put_integers (hid_t file, const char *name, guint width, const gint64 *v, gsize n)
{
  const hsize_t dims[] = { n, width };
  CONVOY_ID set = new_set (file, name, H5T_STD_I64LE, width > 1 ? 2 : 1, dims, 0);
  return set >= 0 && H5Dwrite (set, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0;
}

static gboolean
put_columns (hid_t file, const ConvoyFeaturesTable *t)
{
  gsize n = t->rows->len;
  g_autofree gint64 *labels = g_new (gint64, n), *stamps = g_new (gint64, 2 * n);
  g_autofree const char **names = g_new (const char *, n), **splits = g_new (const char *, n);
  for (gsize i = 0; i < n; i++) {
    const ConvoyRow *row = t->rows->pdata[i];
    labels[i] = row->label;
    stamps[2 * i] = (gint64) row->bytes;
    stamps[2 * i + 1] = row->digest;
    names[i] = row->name;
    splits[i] = row->split;
  }
  gboolean ok = put_integers (file, "labels", 1, labels, n) && put_integers (file, "stamps", 2, stamps, n)
      && convoy_hdf5_put_strings (file, "names", FALSE, names, n) && convoy_hdf5_put_strings (file, "splits", FALSE, splits, n);
  for (guint i = 0; ok && i < CONVOY_N_FACTS; i++)
    ok = convoy_hdf5_put_string (file, convoy_fact_names[i], t->facts[i] ? t->facts[i] : "");
  return ok && (!t->classes || convoy_hdf5_put_strings (file, "classes", TRUE, (const char *const *) t->classes, g_strv_length ((char **) t->classes)));
}

/* Row by row through HDF5, for its filters. */
static gboolean
put_compressed (hid_t set, const hsize_t *dims, guint rank, const ConvoyFeaturesTable *t, GError **error)
{
  hsize_t start[CONVOY_MAX_DIMS + 1] = { 0 }, count[CONVOY_MAX_DIMS + 1], n = (hsize_t) convoy_shape_count (t->shape);
  CONVOY_ID to = H5Dget_space (set), from = H5Screate_simple (1, &n, NULL);
  memcpy (count, dims, rank * sizeof *dims);
  count[0] = 1;
  for (; start[0] < dims[0]; start[0]++) {
    const float *v = t->values (t->user, t->rows->pdata[start[0]], error);
    if (v == NULL || H5Sselect_hyperslab (to, H5S_SELECT_SET, start, NULL, count, NULL) < 0
        || H5Dwrite (set, H5T_NATIVE_FLOAT, from, to, H5P_DEFAULT, v) < 0)
      return FALSE;
  }
  return TRUE;
}

/* All but the floats, unless they are compressed; gives where those go in *at. */
static gboolean
write_hdf5 (const char *path, const ConvoyFeaturesTable *t, haddr_t *at, GError **error)
{
  guint rank = t->shape->n + 1;
  hsize_t dims[CONVOY_MAX_DIMS + 1] = { t->rows->len };
  CONVOY_ID access = H5Pcreate (H5P_FILE_ACCESS), creation = H5Pcreate (H5P_FILE_CREATE);
  for (guint k = 1; k < rank; k++)
    dims[k] = (hsize_t) t->shape->d[k - 1];
  H5Pset_libver_bounds (access, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
  H5Pset_obj_track_times (creation, FALSE);     /* equal stores are equal files */
  H5Pset_alignment (access, 1 << 16, 4096);     /* large data begin with a page */
  CONVOY_ID file = H5Fcreate (path, H5F_ACC_TRUNC, creation, access);
  if (file < 0)
    return FALSE;
  CONVOY_ID set = new_set (file, "features", H5T_IEEE_F32LE, rank, dims, t->compression);
  if (set < 0 || !put_columns (file, t))
    return FALSE;
  *at = t->compression ? HADDR_UNDEF : H5Dget_offset (set);
  return (!t->compression || put_compressed (set, dims, rank, t, error)) && H5Fflush (file, H5F_SCOPE_GLOBAL) >= 0;
}

static gboolean
write_at (int fd, const void *data, gsize size, guint64 at)
{
  for (gsize done = 0; done < size;) {
    gssize k = pwrite (fd, (const char *) data + done, size - done, (off_t) (at + done));
    if (k < 0 && errno != EINTR)
      return FALSE;
    done += k > 0 ? (gsize) k : 0;
  }
  return TRUE;
}

static gboolean
write_values (const char *path, const ConvoyFeaturesTable *t, haddr_t at, GError **error)
{
  gsize size = (gsize) convoy_shape_count (t->shape) * sizeof (float);
  int fd = open (path, O_RDWR | O_CLOEXEC);
  gboolean ok = fd >= 0;
  for (gsize i = 0; ok && at != HADDR_UNDEF && i < t->rows->len; i++) {
    const float *v = t->values (t->user, t->rows->pdata[i], error);
    ok = v && write_at (fd, v, size, at + i * size);
  }
  ok = ok && fsync (fd) == 0;
  int why = errno;
  if (fd >= 0)
    close (fd);
  if (!ok && error && *error == NULL)
    g_set_error (error, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: cannot write: %s", path, g_strerror (why));
  return ok;
}

gboolean
convoy_features_file_write (const char *path, const ConvoyFeaturesTable *t, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path), *base = g_path_get_basename (path);
  g_autofree char *next = g_strdup_printf ("%s/.%.200s.new", folder, base);
  GError *why = NULL;
  haddr_t at = HADDR_UNDEF;
  ConvoyQuiet q = convoy_quiet_begin ();
  gboolean ok = write_hdf5 (next, t, &at, &why);
  convoy_quiet_end (q);
  if (!ok && why == NULL)
    g_set_error (&why, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: HDF5 cannot write %u rows there: %s", path, t->rows->len, g_strerror (errno));
  if (ok && (!write_values (next, t, at, &why) || g_rename (next, path) != 0)) {
    if (why == NULL)
      g_set_error (&why, CONVOY_ERROR, CONVOY_ERROR_INVALID, "%s: cannot put it in place: %s", path, g_strerror (errno));
    ok = FALSE;
  }
  if (!ok) {
    g_unlink (next);
    g_propagate_error (error, why);
  }
  return ok;
}
