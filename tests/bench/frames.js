/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * frames.js - frames of RGB from standard input, and what networks take of them: planes of (p - mean) / std. */
'use strict';
const fs = require ('fs');

const TIMES = 51;

class Frames {
  constructor (side, mean, std) {
    this.pixels = side * side;
    this.tables = mean.map ((m, c) => Float32Array.from ({ length: 256 }, (_, p) => (p - m) / std[c]));
    this.frame = Buffer.alloc (3 * this.pixels);
    this.count = 0;
  }

  fill (input, n) {
    for (let c = 0, to = 3 * n * this.pixels; c < 3; c++) {
      const table = this.tables[c];
      for (let i = 0, from = c; i < this.pixels; i++, to++, from += 3) input[to] = table[this.frame[from]];
    }
  }

  /* The next frame into input, at place n; false: there is no more. */
  read (input, n) {
    for (let at = 0; at < this.frame.length;) {
      const got = fs.readSync (0, this.frame, at, this.frame.length - at);
      if (got === 0) return false;
      at += got;
    }
    this.fill (input, n);
    this.count++;
    return true;
  }

  /* What JavaScript took to make floats of all frames, which counts for neither: another language would be quicker.
   * Timed at the end, when no decoder runs on the same processor meanwhile. */
  seconds (input) {
    const took = [];
    for (let i = 0; i < TIMES; i++) {
      const start = process.hrtime.bigint ();
      this.fill (input, 0);
      took.push (Number (process.hrtime.bigint () - start) / 1e9);
    }
    return this.count * took.sort ((x, y) => x - y)[TIMES >> 1];
  }
}

module.exports = { Frames };
