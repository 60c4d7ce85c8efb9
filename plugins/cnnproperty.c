/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnproperty.c - see cnnproperty.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnnproperty.h"
#include <string.h>

#define FIELD(object, row, type) G_STRUCT_MEMBER (type, object, (row)->at)

static GQuark
row_quark (void)
{
  return g_quark_from_static_string ("cnn-property");
}

static void
set_text (char **to, const CnnProperty *row, const GValue *value)
{
  const char *text = g_value_get_string (value);
  g_free (*to);
  *to = g_strdup (text && *text ? text : row->text);
}

void
cnn_property_set (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  const CnnProperty *row = g_param_spec_get_qdata (pspec, row_quark ());
  (void) id;
  GST_OBJECT_LOCK (object);
  switch (row->kind) {
    case CNN_TEXT: set_text (&FIELD (object, row, char *), row, value); break;
    case CNN_UINT: FIELD (object, row, guint) = g_value_get_uint (value); break;
    case CNN_UINT64: FIELD (object, row, guint64) = g_value_get_uint64 (value); break;
    case CNN_BOOLEAN: FIELD (object, row, gboolean) = g_value_get_boolean (value); break;
    case CNN_DOUBLE: FIELD (object, row, double) = g_value_get_double (value); break;
    case CNN_FRACTION: FIELD (object, row, CnnFraction) = (CnnFraction) { gst_value_get_fraction_numerator (value), gst_value_get_fraction_denominator (value) }; break;
    case CNN_ENUM: FIELD (object, row, int) = g_value_get_enum (value); break;
  }
  GST_OBJECT_UNLOCK (object);
}

static void
get (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  const CnnProperty *row = g_param_spec_get_qdata (pspec, row_quark ());
  (void) id;
  GST_OBJECT_LOCK (object);
  switch (row->kind) {
    case CNN_TEXT: g_value_set_string (value, FIELD (object, row, char *)); break;
    case CNN_UINT: g_value_set_uint (value, FIELD (object, row, guint)); break;
    case CNN_UINT64: g_value_set_uint64 (value, FIELD (object, row, guint64)); break;
    case CNN_BOOLEAN: g_value_set_boolean (value, FIELD (object, row, gboolean)); break;
    case CNN_DOUBLE: g_value_set_double (value, FIELD (object, row, double)); break;
    case CNN_FRACTION: gst_value_set_fraction (value, FIELD (object, row, CnnFraction).n, FIELD (object, row, CnnFraction).d); break;
    case CNN_ENUM: g_value_set_enum (value, FIELD (object, row, int)); break;
  }
  GST_OBJECT_UNLOCK (object);
}

static GParamSpec *
spec_of (const CnnProperty *r)
{
  const GParamFlags own = G_PARAM_READWRITE | G_PARAM_CONSTRUCT;
  const GParamFlags uses[] = { [CNN_READY] = own | GST_PARAM_MUTABLE_READY, [CNN_PLAYING] = own | GST_PARAM_MUTABLE_PLAYING, [CNN_READ_ONLY] = G_PARAM_READABLE };
  const GParamFlags flags = uses[r->use] | G_PARAM_STATIC_STRINGS;
  switch (r->kind) {
    case CNN_TEXT: return g_param_spec_string (r->name, r->nick, r->blurb, r->text, flags);
    case CNN_UINT: return g_param_spec_uint (r->name, r->nick, r->blurb, (guint) r->least, (guint) r->most, (guint) r->value, flags);
    case CNN_UINT64: return g_param_spec_uint64 (r->name, r->nick, r->blurb, r->least, r->most, r->value, flags);
    case CNN_BOOLEAN: return g_param_spec_boolean (r->name, r->nick, r->blurb, r->value != 0, flags);
    case CNN_DOUBLE: return g_param_spec_double (r->name, r->nick, r->blurb, 0, r->limit, 0, flags);
    case CNN_FRACTION: return gst_param_spec_fraction (r->name, r->nick, r->blurb, 0, 1, G_MAXINT, 1, 0, 1, flags);
    case CNN_ENUM: return g_param_spec_enum (r->name, r->nick, r->blurb, r->type (), (int) r->value, flags);
  }
  g_return_val_if_reached (NULL);
}

/* What is out of range is said and left out; GObject would leave such a value unset, neither it nor the default. */
static GObject *
construct (GType type, guint n, GObjectConstructParam *given)
{
  g_autofree GObjectConstructParam *p = g_memdup2 (given, n * sizeof *p);
  GObjectClass *parent = g_type_class_peek_parent (g_type_class_peek (type));
  for (guint i = 0; i < n; i++) {
    GValue checked = G_VALUE_INIT;
    if (!g_param_spec_get_qdata (p[i].pspec, row_quark ()))
      continue;
    g_value_init (&checked, G_VALUE_TYPE (p[i].value));
    g_value_copy (p[i].value, &checked);
    if (G_VALUE_HOLDS (p[i].value, p[i].pspec->value_type) && g_param_value_validate (p[i].pspec, &checked)) {
      g_autofree char *text = g_strdup_value_contents (p[i].value);
      g_autofree char *element = g_ascii_strdown (g_type_name (type) + strlen ("Gst"), -1);
      g_warning ("%s: %s=%s is out of range", element, p[i].pspec->name, text);
      p[i].value = (GValue *) g_param_spec_get_default_value (p[i].pspec);
    }
    g_value_unset (&checked);
  }
  return parent->constructor (type, n, p);
}

void
cnn_properties_install (GObjectClass *klass, const CnnProperty *rows, guint n)
{
  klass->set_property = cnn_property_set;
  klass->get_property = get;
  klass->constructor = construct;
  for (guint i = 0; i < n; i++) {
    GParamSpec *spec = spec_of (&rows[i]);
    g_param_spec_set_qdata (spec, row_quark (), (gpointer) &rows[i]);
    g_object_class_install_property (klass, i + 1, spec);
    if (rows[i].type)
      gst_type_mark_as_plugin_api (rows[i].type (), 0);
  }
}

void
cnn_properties_clear (GObject *object, const CnnProperty *rows, guint n)
{
  for (guint i = 0; i < n; i++)
    if (rows[i].kind == CNN_TEXT)
      g_clear_pointer (&FIELD (object, &rows[i], char *), g_free);
}
