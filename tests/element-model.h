/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-model.h - a network small enough to be made by the test: it tells which of three colours there is most of. */
#ifndef CONVOY_ELEMENT_MODEL_H
#define CONVOY_ELEMENT_MODEL_H

/* Writes it into the folder, with what is needed to feed it in its metadata; gives its path. */
char *make_model (const char *folder);

#endif
