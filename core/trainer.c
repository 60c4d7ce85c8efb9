/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * trainer.c - a graph learns. Its plans that learn are still to come: every call says so. */
#include "core/convoy.h"

static gpointer
refuse (GError **error)
{
  g_set_error_literal (error, CONVOY_ERROR, CONVOY_ERROR_UNSUPPORTED, "training is not supported by this version");
  return NULL;
}

/* No trainer can be made, so none comes in. */
ConvoyTrainer *convoy_trainer_new (ConvoyGraph *graph, const ConvoyTrainOptions *o, GError **error) { (void) graph; (void) o; return refuse (error); }
void convoy_trainer_free (ConvoyTrainer *t) { (void) t; }
gboolean convoy_trainer_fit (ConvoyTrainer *t, ConvoyBatches *a, ConvoyBatches *b, GError **error) { (void) t; (void) a; (void) b; return refuse (error) != NULL; }
gboolean convoy_trainer_begin_epoch (ConvoyTrainer *t, guint64 n, GError **error) { (void) t; (void) n; return refuse (error) != NULL; }
gboolean convoy_trainer_step (ConvoyTrainer *t, const void *x, const gint64 *y, guint n, GError **error) { (void) t; (void) x; (void) y; (void) n; return refuse (error) != NULL; }
gboolean convoy_trainer_validate (ConvoyTrainer *t, const void *x, const gint64 *y, guint n, GError **error) { (void) t; (void) x; (void) y; (void) n; return refuse (error) != NULL; }
gboolean convoy_trainer_end_epoch (ConvoyTrainer *t, ConvoyEpoch *row, GError **error) { (void) t; (void) row; return refuse (error) != NULL; }
const float *convoy_trainer_scores (const ConvoyTrainer *t, guint *n, guint *k) { (void) t; *n = *k = 0; return NULL; }
void convoy_trainer_position (const ConvoyTrainer *t, guint *epoch, guint64 *steps) { (void) t; *epoch = 1; *steps = 0; }
const ConvoyHistory *convoy_trainer_history (const ConvoyTrainer *t) { (void) t; return NULL; }
ConvoyGraph *convoy_trainer_export (ConvoyTrainer *t, GError **error) { (void) t; return refuse (error); }
gboolean convoy_trainer_evaluate (ConvoyTrainer *t, ConvoyBatches *b, double *loss, double *accuracy, GError **error) { (void) t; (void) b; (void) loss; (void) accuracy; return refuse (error) != NULL; }
gboolean convoy_trainer_save (ConvoyTrainer *t, const char *path, GError **error) { (void) t; (void) path; return refuse (error) != NULL; }
gboolean convoy_trainer_find_rate (ConvoyTrainer *t, ConvoyBatches *b, guint steps, double *lr, GArray **curve, GError **error) { (void) t; (void) b; (void) steps; (void) lr; (void) curve; return refuse (error) != NULL; }
