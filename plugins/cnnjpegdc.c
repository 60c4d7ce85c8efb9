/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnjpegdc.c - see cnnjpegdc.h: of each block the mean is decoded and the rest stepped over, several symbols at a time.
 *
 * A large photo shrunk to an eighth needs one coefficient of 64, yet most of the time goes into
 * finding out where the others end (ITU-T T.81, F.2.2). A table indexed by the next LOOK bits says
 * how many bits and coefficients all symbols take whose codes lie in them. */
#include "plugins/cnnjpegdc.h"
#include <string.h>

#define LOOK 12
#define DC_LOOK 11

#define PAD 512                 /* more than a block can take; so one look at the end a block will do */

typedef struct {
  const guint8 *at;             /* what is not in bits yet */
  guint64 bits;                 /* the next ones, from the top */
  int n;                        /* how many of them are sure */
} Reader;

/* What lies in the next LOOK bits. */
typedef struct {
  guint8 bits;                  /* of codes and the values behind them; these may reach further */
  guint8 n;                     /* coefficients; END more: no more of this block; LONG: the first code does not end in them */
} Step;

#define END 64
#define LONG 255

/* A difference whose code and value lie in the next DC_LOOK bits; bits 0: they do not. */
typedef struct {
  gint16 value;
  guint16 bits;
} Difference;

typedef struct {
  Step many[1 << LOOK];                         /* of AC: as many symbols as there are */
  Difference difference[1 << DC_LOOK];          /* of DC */
  guint8 symbol[1 << LOOK], length[1 << LOOK];  /* the first symbol itself; length 0: longer than LOOK */
  int limit[18];                /* of length l: the first code that is longer, in 16 bits */
  int offset[18];               /* of length l: symbol - code */
  const UINT8 *symbols;
} Table;

/* --- tables ----------------------------------------------------------- */

/* A symbol whose code has so many bits: a run of zeros and the size of the value behind it (T.81, F.1.2.2). */
static Step
step_of (guint symbol, guint length)
{
  guint run = symbol >> 4, size = symbol & 15;
  if (size == 0 && run != 15)
    return (Step) { (guint8) length, END };
  return (Step) { (guint8) (length + size), (guint8) (run + 1) };
}

/* Codes of one length are consecutive, longer ones follow (T.81, C.2). */
static gboolean
set_codes (Table *t, const JHUFF_TBL *from)
{
  int code = 0, n = 0;

  memset (t->length, 0, sizeof t->length);
  t->symbols = from->huffval;
  for (int l = 1; l <= 16; l++) {
    t->offset[l] = n - code;
    for (int i = 0; i < from->bits[l]; i++, code++, n++) {
      if (n >= 256 || code >= 1 << l)
        return FALSE;
      for (int fill = 0; l <= LOOK && fill < 1 << (LOOK - l); fill++) {
        t->symbol[code << (LOOK - l) | fill] = from->huffval[n];
        t->length[code << (LOOK - l) | fill] = (guint8) l;
      }
    }
    t->limit[l] = code << (16 - l);
    code <<= 1;
  }
  t->limit[17] = 1 << 16;
  return TRUE;
}

static Step
steps_of (const Table *t, guint look)
{
  Step all = { 0, 0 };
  while (all.bits < LOOK && all.n < END) {
    guint rest = look << all.bits & ((1 << LOOK) - 1), length = t->length[rest];
    if (length == 0 || all.bits + length > LOOK)
      break;
    Step next = step_of (t->symbol[rest], length);
    if (all.n + (next.n & (END - 1)) >= END)
      break;
    all.bits += next.bits;
    all.n += next.n;
  }
  return all.n ? all : (Step) { 0, LONG };
}

/* Values with a leading 0 are negative (T.81, F.1.2.1.1). */
static inline int
value_of (guint bits, guint size)
{
  return size && !(bits >> (size - 1)) ? (int) bits - (1 << size) + 1 : (int) bits;
}

static Difference
difference_of (const Table *t, guint look)
{
  guint l = t->length[look << (LOOK - DC_LOOK)], size = t->symbol[look << (LOOK - DC_LOOK)];
  if (l == 0 || l + size > DC_LOOK)
    return (Difference) { 0, 0 };
  return (Difference) { (gint16) value_of (look >> (DC_LOOK - l - size) & ((1u << size) - 1), size), (guint16) (l + size) };
}

static gboolean
table_set (Table *t, const JHUFF_TBL *from)
{
  if (!from || !set_codes (t, from))
    return FALSE;
  for (guint look = 0; look < 1 << LOOK; look++)
    t->many[look] = steps_of (t, look);
  for (guint look = 0; look < 1 << DC_LOOK; look++)
    t->difference[look] = difference_of (t, look);
  return TRUE;
}

/* --- bits ------------------------------------------------------------- */

/* So that there are at least 56. What lies below the sure bits is right too, and comes again. */
static inline void
refill (Reader *r)
{
  guint64 next;
  memcpy (&next, r->at, 8);
  r->bits |= GUINT64_FROM_BE (next) >> r->n;
  r->at += (63 - r->n) >> 3;
  r->n |= 56;
}

static inline guint
peek (const Reader *r, int n)
{
  return (guint) (r->bits >> (64 - n));
}

static inline void
drop (Reader *r, int n)
{
  r->bits <<= n;
  r->n -= n;
}

/* A symbol whose code is longer than LOOK, of the next 16 bits; -1: no such code. */
static int
long_symbol (const Table *t, int code, int *length)
{
  int l = LOOK + 1;
  while (l <= 16 && code >= t->limit[l])
    l++;
  *length = l;
  return l <= 16 ? t->symbols[(code >> (16 - l)) + t->offset[l]] : -1;
}

/* --- blocks ----------------------------------------------------------- */

/* A difference that the table does not have. */
static gboolean
read_long_difference (Reader *r, const Table *t, int *dc)
{
  guint look = peek (r, LOOK);
  int length = t->length[look], size = t->symbol[look];
  if (!length)
    size = long_symbol (t, (int) peek (r, 16), &length);
  if (size < 0 || size > 11)
    return FALSE;
  drop (r, length);
  *dc = (gint16) (*dc + value_of ((guint) (r->bits >> 1 >> (63 - size)), (guint) size));
  drop (r, size);
  refill (r);
  return TRUE;
}

/* From coefficient k on a symbol at a time: the last ones in the look may be the next block's, or their codes are long. */
static gboolean
skip_singly (Reader *r, const Table *t, guint k)
{
  while (k < 64) {
    refill (r);
    guint look = peek (r, LOOK);
    int length = t->length[look], symbol = t->symbol[look];
    if (!length && (symbol = long_symbol (t, (int) peek (r, 16), &length)) < 0)
      return FALSE;
    Step s = step_of ((guint) symbol, (guint) length);
    drop (r, s.bits);
    if (s.n == END)
      return TRUE;
    k += s.n;
  }
  return k == 64;
}

/* A refill is enough for a difference and a step, or for two steps: these take 11 and at most 27 bits. */
static inline gboolean
read_block (Reader *r, const Table *dc_table, const Table *ac_table, int *dc)
{
  refill (r);
  Difference d = dc_table->difference[peek (r, DC_LOOK)];
  *dc = (gint16) (*dc + d.value);
  drop (r, d.bits);
  if (G_UNLIKELY (!d.bits) && !read_long_difference (r, dc_table, dc))
    return FALSE;
  guint k = 1;                  /* the coefficient that comes next */
  Step s = ac_table->many[peek (r, LOOK)];
  for (;;) {
    if (k + s.n >= END)
      break;
    drop (r, s.bits);
    refill (r);
    k += s.n;
    s = ac_table->many[peek (r, LOOK)];
    if (k + s.n >= END)
      break;
    drop (r, s.bits);
    k += s.n;
    s = ac_table->many[peek (r, LOOK)];
  }
  if (G_UNLIKELY (s.n < END ? k + s.n > END : s.n == LONG || k + s.n >= 2 * END))
    return skip_singly (r, ac_table, k);
  drop (r, s.bits);
  return TRUE;
}

/* --- scan ------------------------------------------------------------- */

typedef struct {
  int h, v;                     /* blocks in a unit */
  int quant;
  int dc;                       /* of the last block */
  const Table *dc_table, *ac_table;
  guint8 *plane;                /* a byte a block */
  guint width;                  /* of it */
} Component;

typedef struct {
  Component component[3];
  int n;
  guint across, down;           /* units */
  guint restart;                /* units between markers; 0: none */
  int h, v;                     /* blocks in a unit of the finest component */
  guint8 *data;                 /* of the scan, without stuffing and markers */
  GArray *ends;                 /* gsize: where in data the piece before each marker ends */
  Reader reader;
} Scan;

/* Copies the scan: a 0xff in it is followed by a 0 that does not count, or it is a marker. FALSE: it
 * does not end with the picture. */
static gboolean
unstuff (Scan *s, const guint8 *from, gsize size)
{
  const guint8 *end = from + size;
  guint8 *to = s->data = g_try_malloc (size + PAD);
  guint next = 0xd0;            /* the marker that is due, of eight that take turns */

  while (to && from < end) {
    const guint8 *ff = memchr (from, 0xff, (gsize) (end - from));
    if (!ff || ff + 1 == end)
      return FALSE;
    memcpy (to, from, (gsize) (ff - from));
    to += ff - from;
    from = ff + 2;
    if (ff[1] == 0) {
      *to++ = 0xff;
      continue;
    }
    gsize n = (gsize) (to - s->data);
    g_array_append_val (s->ends, n);
    if (ff[1] == JPEG_EOI) {
      memset (to, 0, PAD);
      return TRUE;
    }
    if (ff[1] != next)
      return FALSE;
    next = 0xd0 | ((next + 1) & 7);
  }
  return FALSE;
}

static guint8
mean_of (const Component *c)
{
  int v = ((c->dc * c->quant + 4) >> 3) + 128;
  return (guint8) CLAMP (v, 0, 255);
}

/* Begins with piece i; the one before must have been used up but for the bits that fill its last byte. */
static gboolean
begin_piece (Scan *s, guint i)
{
  Reader *r = &s->reader;
  gsize begin = 0;

  if (i > 0) {
    begin = g_array_index (s->ends, gsize, i - 1);
    gssize left = (gssize) (8 * begin) - (8 * (r->at - s->data) - r->n);
    if (left < 0 || left >= 8)
      return FALSE;
  }
  *r = (Reader) { s->data + begin, 0, 0 };
  for (int c = 0; c < s->n; c++)
    s->component[c].dc = 0;
  return TRUE;
}

static gboolean
read_unit (Scan *s, guint x, guint y, const guint8 *end)
{
  Reader r = s->reader;         /* kept in registers */

  for (int i = 0; i < s->n; i++) {
    Component *c = &s->component[i];
    guint8 *to = c->plane + (gsize) y * (guint) c->v * c->width + (gsize) x * (guint) c->h;
    for (int v = 0; v < c->v; v++, to += c->width)
      for (int h = 0; h < c->h; h++) {
        if (r.at > end || !read_block (&r, c->dc_table, c->ac_table, &c->dc))
          return FALSE;
        to[h] = mean_of (c);
      }
  }
  s->reader = r;
  return TRUE;
}

static gboolean
read_scan (Scan *s)
{
  guint units = s->across * s->down, per_piece = s->restart ? s->restart : units;
  const guint8 *end = s->data + g_array_index (s->ends, gsize, s->ends->len - 1) + 8;

  if (s->ends->len != (units + per_piece - 1) / per_piece)
    return FALSE;
  for (guint u = 0; u < units; u++)
    if ((u % per_piece == 0 && !begin_piece (s, u / per_piece)) || !read_unit (s, u % s->across, u / s->across, end))
      return FALSE;
  return begin_piece (s, s->ends->len);
}

/* Full-range BT.601, as JFIF has it; a colour plane may be coarser than the first one. */
static void
to_rgb (const Scan *s, guint8 *rgb, guint width, guint height, gsize stride)
{
  const Component *c = s->component;
  for (guint y = 0; y < height; y++, rgb += stride) {
    const guint8 *luma = c[0].plane + (gsize) y * c[0].width;
    if (s->n == 1) {
      for (guint x = 0; x < width; x++)
        memset (rgb + 3 * x, luma[x], 3);
      continue;
    }
    const guint8 *blue = c[1].plane + (gsize) (y * (guint) c[1].v / (guint) s->v) * c[1].width;
    const guint8 *red = c[2].plane + (gsize) (y * (guint) c[2].v / (guint) s->v) * c[2].width;
    guint shift_b = (guint) (s->h / c[1].h) / 2, shift_r = (guint) (s->h / c[2].h) / 2;         /* 1, 2, 4: 0, 1, 2 */
    for (guint x = 0; x < width; x++) {
      int l = luma[x] << 16, b = blue[x >> shift_b] - 128, d = red[x >> shift_r] - 128;
      int v[3] = { l + 91881 * d, l - 22554 * b - 46802 * d, l + 116130 * b };
      for (int i = 0; i < 3; i++)
        rgb[3 * x + (guint) i] = (guint8) (CLAMP (v[i] + 32768, 0, 0xffffff) >> 16);
    }
  }
}

/* Baseline, one scan with all components, luma at full resolution. */
static gboolean
is_common (const struct jpeg_decompress_struct *c)
{
  gboolean ok = !c->progressive_mode && !c->arith_code && c->data_precision == 8 && c->comps_in_scan == c->num_components
      && c->Ss == 0 && c->Se == 63 && c->Ah == 0 && c->Al == 0;
  if (c->num_components == 1)
    return ok && c->jpeg_color_space == JCS_GRAYSCALE;
  ok = ok && c->num_components == 3 && c->jpeg_color_space == JCS_YCbCr;
  for (int i = 0; ok && i < 3; i++) {
    const jpeg_component_info *p = &c->comp_info[i];
    ok = p == c->cur_comp_info[i] && c->max_h_samp_factor % p->h_samp_factor == 0 && c->max_v_samp_factor % p->v_samp_factor == 0
        && c->max_h_samp_factor / p->h_samp_factor != 3
        && (i > 0 || (p->h_samp_factor == c->max_h_samp_factor && p->v_samp_factor == c->max_v_samp_factor));
  }
  return ok;
}

/* tables: DC and AC of each of libjpeg's slots, made as needed. */
static gboolean
set_component (Scan *s, int i, const struct jpeg_decompress_struct *c, Table *tables[2][NUM_HUFF_TBLS])
{
  const jpeg_component_info *p = &c->comp_info[i];
  JHUFF_TBL *const *from[2] = { c->dc_huff_tbl_ptrs, c->ac_huff_tbl_ptrs };
  const int slot[2] = { p->dc_tbl_no, p->ac_tbl_no };
  Component *to = &s->component[i];

  for (int k = 0; k < 2; k++) {
    if (slot[k] < 0 || slot[k] >= NUM_HUFF_TBLS)
      return FALSE;
    if (!tables[k][slot[k]]) {
      tables[k][slot[k]] = g_new (Table, 1);
      if (!table_set (tables[k][slot[k]], from[k][slot[k]]))
        return FALSE;
    }
  }
  if (p->quant_tbl_no < 0 || p->quant_tbl_no >= NUM_QUANT_TBLS || !c->quant_tbl_ptrs[p->quant_tbl_no])
    return FALSE;
  to->quant = c->quant_tbl_ptrs[p->quant_tbl_no]->quantval[0];
  to->dc_table = tables[0][slot[0]];
  to->ac_table = tables[1][slot[1]];
  to->h = s->n == 1 ? 1 : p->h_samp_factor;     /* a scan of one component knows no units */
  to->v = s->n == 1 ? 1 : p->v_samp_factor;
  to->width = s->across * (guint) to->h;
  to->plane = g_try_malloc ((gsize) to->width * s->down * (guint) to->v);
  return to->plane != NULL;
}

gboolean
cnn_jpeg_dc (const struct jpeg_decompress_struct *c, guint8 *rgb, gsize stride)
{
  Table *tables[2][NUM_HUFF_TBLS] = { { NULL } };
  guint width = (c->image_width + 7) / 8, height = (c->image_height + 7) / 8;
  Scan s = { .n = c->num_components, .restart = c->restart_interval };

  if (!is_common (c))
    return FALSE;
  s.h = s.n == 1 ? 1 : c->max_h_samp_factor;
  s.v = s.n == 1 ? 1 : c->max_v_samp_factor;
  s.across = (width + (guint) s.h - 1) / (guint) s.h;
  s.down = (height + (guint) s.v - 1) / (guint) s.v;
  s.ends = g_array_new (FALSE, FALSE, sizeof (gsize));
  gboolean ok = unstuff (&s, c->src->next_input_byte, c->src->bytes_in_buffer);
  for (int i = 0; ok && i < s.n; i++)
    ok = set_component (&s, i, c, tables);
  ok = ok && read_scan (&s);
  if (ok)
    to_rgb (&s, rgb, width, height, stride);
  g_free (s.data);
  g_array_unref (s.ends);
  for (int i = 0; i < s.n; i++)
    g_free (s.component[i].plane);
  for (int i = 0; i < NUM_HUFF_TBLS; i++) {
    g_free (tables[0][i]);
    g_free (tables[1][i]);
  }
  return ok;
}
