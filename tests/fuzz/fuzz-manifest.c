/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fuzz-manifest.c - any bytes as the manifest of the zoo: read, and each entry looked up. */
#include "tests/fuzz/fuzz.h"
#include "zoo/manifest.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (ZooManifest) m = zoo_manifest_read (fuzz_file ("manifest.ini", data, size), NULL);
  for (guint i = 0; m && i < zoo_manifest_len (m); i++) {
    const ZooEntry *e = zoo_manifest_at (m, i);
    g_autofree char *path = NULL;
    zoo_manifest_need (m, e->file, NULL);
    zoo_checksum_type (zoo_entry_checksum (e) ? zoo_entry_checksum (e) : "");
    zoo_entry_where (e, &path);
  }
  return 0;
}
