/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-model.h - networks small enough to be made by the test: one tells which of three colours there is most of. */
#ifndef CONVOY_ELEMENT_MODEL_H
#define CONVOY_ELEMENT_MODEL_H

/* Writes it into the folder, with what is needed to feed it in its metadata; gives its path. */
char *make_model (const char *folder);

/* Another, words.onnx, for texts of up to four words: `praise` for "good" among them, `complaint` for
 * "bad", each with the probability 1 / (1 + exp (-3)), one half for neither or both. */
char *make_text_model (const char *folder);

#endif
