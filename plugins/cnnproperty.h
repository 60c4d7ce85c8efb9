/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cnnproperty.h - the properties of an element as a table of rows, each of which says where in the
 * element its value lies. */
#ifndef CNN_PROPERTY_H
#define CNN_PROPERTY_H

#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum { CNN_TEXT, CNN_UINT, CNN_UINT64, CNN_BOOLEAN, CNN_DOUBLE, CNN_FRACTION, CNN_ENUM } CnnKind;

/* When it may be set. */
typedef enum { CNN_READY, CNN_PLAYING, CNN_READ_ONLY } CnnUse;

typedef struct { int n, d; } CnnFraction;

typedef struct {
  const char *name, *nick, *blurb;
  CnnKind kind;
  CnnUse use;
  gsize at;                     /* in the element, under the object lock: char * (owned), guint, guint64, gboolean, double, CnnFraction, an enumeration */
  const char *text;             /* of a text: what it is at first, and in place of an empty one; NULL: not set */
  guint64 least, most, value;   /* of numbers; value, what it is at first, of boolean and enumeration too */
  double limit;                 /* of a double, which goes from 0, as it is at first, to this */
  GType (*type) (void);         /* of an enumeration */
} CnnProperty;

#define CNN_TEXT_ROW(name, nick, blurb, at, text, use) { name, nick, blurb, CNN_TEXT, use, at, text, 0, 0, 0, 0, NULL }
#define CNN_UINT_ROW(name, nick, blurb, at, least, most, value, use) { name, nick, blurb, CNN_UINT, use, at, NULL, least, most, value, 0, NULL }
#define CNN_UINT64_ROW(name, nick, blurb, at, most, use) { name, nick, blurb, CNN_UINT64, use, at, NULL, 0, most, 0, 0, NULL }
#define CNN_BOOLEAN_ROW(name, nick, blurb, at, value, use) { name, nick, blurb, CNN_BOOLEAN, use, at, NULL, 0, 1, value, 0, NULL }
#define CNN_DOUBLE_ROW(name, nick, blurb, at, limit, use) { name, nick, blurb, CNN_DOUBLE, use, at, NULL, 0, 0, 0, limit, NULL }
#define CNN_FRACTION_ROW(name, nick, blurb, at, use) { name, nick, blurb, CNN_FRACTION, use, at, NULL, 0, 0, 0, 0, NULL } /* 0/1 at first */
#define CNN_ENUM_ROW(name, nick, blurb, at, type, value, use) { name, nick, blurb, CNN_ENUM, use, at, NULL, 0, 0, value, 0, type }

/* Gives the class its properties, which are then set and got as the rows say; a new element has the values
 * of its rows, in place of values out of range as well. rows live for good. */
void cnn_properties_install (GObjectClass *klass, const CnnProperty *rows, guint n);
/* What the class has for it now, for elements that do something beside it. Takes the object lock. */
void cnn_property_set (GObject *object, guint id, const GValue *value, GParamSpec *pspec);
/* Frees the texts of an element that ends. */
void cnn_properties_clear (GObject *object, const CnnProperty *rows, guint n);

G_END_DECLS
#endif
