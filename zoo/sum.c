/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * sum.c - see sum.h. SHA-256 is FIPS 180-4; a processor without instructions for it leaves the work to
 * GLib, which is several times slower. */
#include "zoo/sum.h"
#include <string.h>
#include <unistd.h>
#if defined __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

#define BLOCK 64                /* bytes that SHA-256 takes at a time */
#define READ (1 << 17)          /* bytes that are read at a time */

struct ZooSum {
  GChecksum *other;             /* not NULL: GLib does it */
  guint32 h[8];
  guint8 rest[2 * BLOCK];       /* less than a block; room for what ends the last one */
  guint64 n;                    /* bytes so far */
};

/* --- SHA-256 ------------------------------------------------------------ */

#if defined __x86_64__
static const guint32 constants[64] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
  0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
  0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static gboolean
has_instructions (void)
{
  unsigned a, b, c, d;
  return __get_cpuid_count (7, 0, &a, &b, &c, &d) && b >> 29 & 1;
}

/* The instructions want the words a, b, e, f in one register and c, d, g, h in the other. */
__attribute__ ((target ("sha,sse4.1"))) static void
blocks (guint32 h[8], const guint8 *p, gsize n)
{
  const __m128i swap = _mm_set_epi64x (0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i dcba = _mm_shuffle_epi32 (_mm_loadu_si128 ((const __m128i *) h), 0xb1), hgfe = _mm_shuffle_epi32 (_mm_loadu_si128 ((const __m128i *) (h + 4)), 0x1b);
  __m128i abef = _mm_alignr_epi8 (dcba, hgfe, 8), cdgh = _mm_blend_epi16 (hgfe, dcba, 0xf0);

  for (; n > 0; n--, p += BLOCK) {
    __m128i m[4], abef_before = abef, cdgh_before = cdgh;
#pragma GCC unroll 16
    for (guint i = 0; i < 16; i++) {    /* four rounds; m has the last sixteen words of the schedule */
      if (i < 4) {
        m[i] = _mm_shuffle_epi8 (_mm_loadu_si128 ((const __m128i *) p + i), swap);
      } else {
        __m128i w = _mm_add_epi32 (_mm_sha256msg1_epu32 (m[i & 3], m[(i + 1) & 3]), _mm_alignr_epi8 (m[(i + 3) & 3], m[(i + 2) & 3], 4));
        m[i & 3] = _mm_sha256msg2_epu32 (w, m[(i + 3) & 3]);
      }
      __m128i k = _mm_add_epi32 (m[i & 3], _mm_loadu_si128 ((const __m128i *) constants + i));
      cdgh = _mm_sha256rnds2_epu32 (cdgh, abef, k);
      abef = _mm_sha256rnds2_epu32 (abef, cdgh, _mm_shuffle_epi32 (k, 0x0e));
    }
    abef = _mm_add_epi32 (abef, abef_before);
    cdgh = _mm_add_epi32 (cdgh, cdgh_before);
  }
  __m128i feba = _mm_shuffle_epi32 (abef, 0x1b), dchg = _mm_shuffle_epi32 (cdgh, 0xb1);
  _mm_storeu_si128 ((__m128i *) h, _mm_blend_epi16 (feba, dchg, 0xf0));
  _mm_storeu_si128 ((__m128i *) (h + 4), _mm_alignr_epi8 (dchg, feba, 8));
}
#else
static gboolean has_instructions (void) { return FALSE; }
static void blocks (guint32 h[8], const guint8 *p, gsize n) { (void) h, (void) p, (void) n; }
#endif

ZooSum *
zoo_sum_new (GChecksumType type)
{
  static const guint32 start[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
  ZooSum *s = g_new0 (ZooSum, 1);
  memcpy (s->h, start, sizeof start);
  if (type != G_CHECKSUM_SHA256 || !has_instructions ())
    s->other = g_checksum_new (type);
  return s;
}

void
zoo_sum_update (ZooSum *s, const void *data, gsize n)
{
  const guint8 *p = data;
  gsize kept = s->n % BLOCK, fill = MIN (n, (BLOCK - kept) % BLOCK);
  if (s->other) {
    g_checksum_update (s->other, p, (gssize) n);
    return;
  }
  s->n += n;
  memcpy (s->rest + kept, p, fill);
  if (kept && kept + fill == BLOCK)
    blocks (s->h, s->rest, 1);
  p += fill;
  n -= fill;
  blocks (s->h, p, n / BLOCK);
  if (n % BLOCK)
    memcpy (s->rest, p + n / BLOCK * BLOCK, n % BLOCK);
}

char *
zoo_sum_end (ZooSum *s)
{
  GString *text = g_string_new (NULL);
  if (s->other) {
    g_string_assign (text, g_checksum_get_string (s->other));
    g_checksum_free (s->other);
  } else {
    gsize kept = s->n % BLOCK, n = kept < BLOCK - 8 ? BLOCK : 2 * BLOCK;
    guint64 bits = GUINT64_TO_BE (s->n * 8);
    s->rest[kept] = 0x80;
    memset (s->rest + kept + 1, 0, n - kept - 1);
    memcpy (s->rest + n - 8, &bits, 8);
    blocks (s->h, s->rest, n / BLOCK);
    for (guint i = 0; i < 8; i++)
      g_string_append_printf (text, "%08x", s->h[i]);
  }
  g_free (s);
  return g_string_free (text, FALSE);
}

/* --- while a file grows -------------------------------------------------- */

struct ZooFollow {
  GThread *thread;
  int fd;
  ZooSum *sum;                  /* the thread's */
  gboolean failed;              /* ... until it ends */
  GMutex lock;                  /* protects what follows */
  GCond grown;
  guint64 size;
  gboolean over, wanted;
};

/* Waits for more than at bytes. FALSE: there will be none, or none is wanted. */
static gboolean
wait_for (ZooFollow *f, guint64 at, guint64 *size)
{
  g_mutex_lock (&f->lock);
  while (f->size <= at && !f->over)
    g_cond_wait (&f->grown, &f->lock);
  *size = f->size;
  gboolean go_on = f->size > at && (!f->over || f->wanted);
  g_mutex_unlock (&f->lock);
  return go_on;
}

static gpointer
follow (gpointer user)
{
  ZooFollow *f = user;
  g_autofree guint8 *block = g_malloc (READ);
  guint64 at = 0, size;
  while (!f->failed && wait_for (f, at, &size)) {
    ssize_t n = pread (f->fd, block, MIN (size - at, READ), (off_t) at);
    f->failed = n <= 0;
    if (n > 0)
      zoo_sum_update (f->sum, block, (gsize) n);
    at += n > 0 ? (guint64) n : 0;
  }
  return NULL;
}

ZooFollow *
zoo_follow_new (int fd, GChecksumType type)
{
  ZooFollow *f = g_new0 (ZooFollow, 1);
  f->fd = fd;
  f->sum = zoo_sum_new (type);
  g_mutex_init (&f->lock);
  g_cond_init (&f->grown);
  f->thread = g_thread_new ("checksum", follow, f);
  return f;
}

void
zoo_follow_grow (ZooFollow *f, guint64 bytes)
{
  g_mutex_lock (&f->lock);
  f->size = bytes;
  g_cond_signal (&f->grown);
  g_mutex_unlock (&f->lock);
}

char *
zoo_follow_end (ZooFollow *f, gboolean wanted)
{
  g_mutex_lock (&f->lock);
  f->over = TRUE;
  f->wanted = wanted;
  g_cond_signal (&f->grown);
  g_mutex_unlock (&f->lock);
  g_thread_join (f->thread);
  char *text = zoo_sum_end (f->sum);
  if (!wanted || f->failed)
    g_clear_pointer (&text, g_free);
  g_mutex_clear (&f->lock);
  g_cond_clear (&f->grown);
  g_free (f);
  return text;
}
