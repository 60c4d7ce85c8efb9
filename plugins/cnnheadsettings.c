/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnheadsettings.c - see cnnheadsettings.h. */
#include "plugins/cnnheadsettings.h"

/* Those that are texts. */
#define AT(field) G_STRUCT_OFFSET (CnnHeadSettings, field)
static const gsize texts[] = { AT (source.layers), AT (source.network), AT (source.model), AT (source.from_layer), AT (source.to_layer), AT (loss), AT (optimizer),
  AT (schedule), AT (freeze), AT (rates), AT (save), AT (checkpoint), AT (history) };

void
cnn_head_settings_clear (CnnHeadSettings *s)
{
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (G_STRUCT_MEMBER (char *, s, texts[i]));
  *s = (CnnHeadSettings) { 0 };
}

void
cnn_head_settings_copy (CnnHeadSettings *to, const CnnHeadSettings *from)
{
  cnn_head_settings_clear (to);
  *to = *from;
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    G_STRUCT_MEMBER (char *, to, texts[i]) = g_strdup (G_STRUCT_MEMBER (char *, from, texts[i]));
}
