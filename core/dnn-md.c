/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dnn-md.c - layouts of tensors as memory descriptors of oneDNN. */
#include "core/dnn-inside.h"
#include <string.h>

static ConvoyMd *
md_tag (const ConvoyShape *s, dnnl_format_tag_t tag)
{
  ConvoyMd *m = g_new0 (ConvoyMd, 1);
  dnnl_dims_t d = { 1 };
  for (guint i = 0; i < s->n; i++)
    d[i] = s->d[i];
  V3 (dnnl_memory_desc_create_with_tag (&m->md, MAX (s->n, 1), d, dnnl_f32, tag);)
  V2 (dnnl_memory_desc_init_by_tag (&m->md, MAX (s->n, 1), d, dnnl_f32, tag);)
  return m;
}

/* Layouts by rank. */
static const struct { dnnl_format_tag_t plain, blocked, last; } tags[CONVOY_MAX_DIMS + 1] = {
  { dnnl_a, dnnl_a, dnnl_a }, { dnnl_a, dnnl_a, dnnl_a }, { dnnl_ab, dnnl_ab, dnnl_ab },
  { dnnl_abc, dnnl_nCw16c, dnnl_acb }, { dnnl_abcd, dnnl_nChw16c, dnnl_acdb }, { dnnl_abcde, dnnl_nCdhw16c, dnnl_acdeb },
  { dnnl_abcdef, dnnl_abcdef, dnnl_abcdef }, { dnnl_abcdefg, dnnl_abcdefg, dnnl_abcdefg }, { dnnl_abcdefgh, dnnl_abcdefgh, dnnl_abcdefgh },
};

ConvoyMd *convoy_md_plain (const ConvoyShape *s) { return md_tag (s, tags[s->n].plain); }
ConvoyMd *convoy_md_any (const ConvoyShape *s) { return md_tag (s, dnnl_format_tag_any); }
ConvoyMd *convoy_md_blocked (const ConvoyShape *s) { return md_tag (s, tags[s->n].blocked); }
ConvoyMd *convoy_md_channels_last (const ConvoyShape *s) { return md_tag (s, tags[s->n].last); }

ConvoyMd *
convoy_md_strided (const ConvoyShape *s, const gint64 *stride)
{
  ConvoyMd *m = g_new0 (ConvoyMd, 1);
  dnnl_dims_t d = { 1 }, st = { 1 };
  for (guint i = 0; i < s->n; i++)
    d[i] = s->d[i], st[i] = stride[i];
  V3 (dnnl_memory_desc_create_with_strides (&m->md, MAX (s->n, 1), d, dnnl_f32, st);)
  V2 (dnnl_memory_desc_init_by_strides (&m->md, MAX (s->n, 1), d, dnnl_f32, st);)
  return m;
}

ConvoyMd *
convoy_md_dup (const ConvoyMd *m)
{
  ConvoyMd *c = g_new0 (ConvoyMd, 1);
  V3 (dnnl_memory_desc_clone (&c->md, m->md);)
  V2 (c->md = m->md;)
  return c;
}

void
convoy_md_free (ConvoyMd *m)
{
  if (m == NULL)
    return;
  V3 (dnnl_memory_desc_destroy (m->md);)
  g_free (m);
}

/* What v2 keeps in the open and v3 behind queries. */
ConvoyLayout
convoy_md_layout (const ConvoyMd *m)
{
  ConvoyLayout l;
#if DNNL_VERSION_MAJOR >= 3
  dnnl_dims_t *d, *p, *s, *b, *o;
  dnnl_memory_desc_query (m->md, dnnl_query_ndims_s32, &l.n);
  dnnl_memory_desc_query (m->md, dnnl_query_dims, &d);
  dnnl_memory_desc_query (m->md, dnnl_query_padded_dims, &p);
  dnnl_memory_desc_query (m->md, dnnl_query_strides, &s);
  dnnl_memory_desc_query (m->md, dnnl_query_inner_nblks_s32, &l.blocks);
  dnnl_memory_desc_query (m->md, dnnl_query_inner_blks, &b);
  dnnl_memory_desc_query (m->md, dnnl_query_inner_idxs, &o);
  l.dims = *d, l.padded = *p, l.stride = *s, l.block = *b, l.block_of = *o;
#else
  const dnnl_blocking_desc_t *b = &m->md.format_desc.blocking;
  l = (ConvoyLayout) { m->md.ndims, b->inner_nblks, m->md.dims, m->md.padded_dims, b->strides, b->inner_blks, b->inner_idxs };
#endif
  return l;
}

ConvoyMd *
convoy_md_rebatch (const ConvoyMd *m, gint64 n)
{
  ConvoyLayout l = convoy_md_layout (m);
  ConvoyShape s = { (guint) l.n, { 0 } };
  for (int i = 0; i < l.n; i++)
    s.d[i] = l.dims[i];
  const dnnl_format_tag_t known[] = { tags[l.n].plain, tags[l.n].blocked, tags[l.n].last };
  for (guint i = 0; i < G_N_ELEMENTS (known); i++) {
    ConvoyMd *same = md_tag (&s, known[i]);
    gboolean found = convoy_md_equal (same, m);
    convoy_md_free (same);
    if (found) {
      s.d[0] = n;
      return md_tag (&s, known[i]);
    }
  }
  return NULL;
}

gboolean convoy_md_equal (const ConvoyMd *a, const ConvoyMd *b) { return dnnl_memory_desc_equal (M (a), M (b)); }
gsize convoy_md_size (const ConvoyMd *m) { return dnnl_memory_desc_get_size (M (m)); }

ConvoyShape
convoy_md_shape (const ConvoyMd *m)
{
  ConvoyLayout l = convoy_md_layout (m);
  ConvoyShape s = { .n = (guint) l.n };
  for (int i = 0; i < l.n; i++)
    s.d[i] = l.dims[i];
  return s;
}

/* Channels, or blocks of them, before the spatial dimensions, these in their order, all dense. */
guint
convoy_md_block (const ConvoyMd *m)
{
  ConvoyLayout l = convoy_md_layout (m);
  gint64 block = l.blocks ? l.block[0] : 1, stride = block;
  if (l.n < 2 || l.blocks > 1 || (l.blocks == 1 && l.block_of[0] != 1))
    return 0;
  for (int i = l.n; i-- > 2; stride *= l.dims[i])
    if (l.stride[i] != stride && l.dims[i] != 1)
      return 0;
  gboolean whole = l.stride[1] == stride || l.padded[1] == block;
  return whole && (l.stride[0] == stride * (l.padded[1] / block) || l.dims[0] == 1) ? (guint) block : 0;
}

gboolean
convoy_md_strides (const ConvoyMd *m, gint64 *stride)
{
  ConvoyLayout l = convoy_md_layout (m);
  for (int i = 0; i < l.n; i++)
    stride[i] = l.stride[i];
  return l.blocks == 0;
}

gboolean
convoy_md_dense (const ConvoyMd *m)
{
  ConvoyLayout l = convoy_md_layout (m);
  gint64 count = 1;
  for (int i = 0; i < l.n; i++)
    count *= l.dims[i];
  return convoy_md_size (m) == (gsize) count * sizeof (float);
}

/* With all dimensions behind the channels 1 and no padding, blocks of channels lie in the order
 * of the channels: Nx1280x1x1 has one layout under many names. */
static gboolean
is_vector (const ConvoyMd *m)
{
  ConvoyLayout l = convoy_md_layout (m);
  gint64 inner = 1;
  for (int i = 2; i < l.n; i++)
    if (l.dims[i] != 1)
      return FALSE;
  for (int i = 0; i < l.blocks; i++) {
    if (l.block_of[i] != 1)
      return FALSE;
    inner *= l.block[i];
  }
  return l.n >= 2 && convoy_md_dense (m) && l.blocks <= 1 && (l.dims[1] == inner || l.stride[1] == inner) && (l.dims[0] == 1 || l.stride[0] == l.dims[1]);
}

gboolean
convoy_md_same_bytes (const ConvoyMd *a, const ConvoyMd *b)
{
  if (convoy_md_equal (a, b))
    return TRUE;
  ConvoyLayout x = convoy_md_layout (a), y = convoy_md_layout (b);
  return x.n == y.n && memcmp (x.dims, y.dims, x.n * sizeof *x.dims) == 0 && is_vector (a) && is_vector (b);
}
