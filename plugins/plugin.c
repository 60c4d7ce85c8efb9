/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plugin.c - the one entry point: registers every element. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plugins/cnnmeta.h"
#include "plugins/gstcnnaugment.h"
#include "plugins/gstcnnclassify.h"
#include "plugins/gstcnndatasetsink.h"
#include "plugins/gstcnndatasetsrc.h"
#include "plugins/gstcnnextract.h"
#include "plugins/gstcnnhead.h"
#include "plugins/gstcnnimagedec.h"
#include "plugins/gstcnnoverlay.h"
#include "plugins/gstcnntokenize.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  cnn_meta_register ();
  return GST_ELEMENT_REGISTER (cnnaugment, plugin) & GST_ELEMENT_REGISTER (cnnclassify, plugin)
      & GST_ELEMENT_REGISTER (cnndatasetsink, plugin) & GST_ELEMENT_REGISTER (cnndatasetsrc, plugin)
      & GST_ELEMENT_REGISTER (cnnextract, plugin) & GST_ELEMENT_REGISTER (cnnhead, plugin) & GST_ELEMENT_REGISTER (cnnimagedec, plugin)
      & GST_ELEMENT_REGISTER (cnnoverlay, plugin) & GST_ELEMENT_REGISTER (cnntokenize, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, convoy, "Trains and runs convolutional networks in a pipeline",
    plugin_init, PACKAGE_VERSION, "LGPL", PACKAGE_NAME, "Unknown package origin")
