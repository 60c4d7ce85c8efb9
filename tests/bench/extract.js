/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * extract.js - the peer of extract: MODEL BATCH THREADS OUT, and frames of 160x160 RGB on standard input,
 * as many as there are; a last short batch runs with what the one before left in it. Writes the features to
 * OUT as they are in memory. Prints how many seconds its own code took to make floats of pixels. */
'use strict';
const fs = require ('fs'), ort = require ('onnxruntime-node');
const { Frames } = require ('./frames.js');
const [model, batch, threads, out] = process.argv.slice (2);
const SIDE = 160, FEATURES = 1024 * 5 * 5;

async function main () {
  const session = await ort.InferenceSession.create (model, { intraOpNumThreads: +threads, interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: 'all' });
  const input = new Float32Array (batch * 3 * SIDE * SIDE), features = new Float32Array (batch * FEATURES);
  const feeds = { [session.inputNames[0]]: new ort.Tensor ('float32', input, [+batch, 3, SIDE, SIDE]) };
  const fetches = { [session.outputNames[0]]: new ort.Tensor ('float32', features, [+batch, 1024, 5, 5]) };
  const frames = new Frames (SIDE, [128, 128, 128], [128, 128, 128]), file = fs.openSync (out, 'w');
  for (let n = 0, more = true; more;) {
    more = frames.read (input, n);
    n += more;
    if (n < +batch && (more || n === 0)) continue;
    await session.run (feeds, fetches);
    fs.writeSync (file, features, 0, 4 * n * FEATURES);
    n = 0;
  }
  fs.closeSync (file);
  console.log (frames.seconds (input));
}

main ().catch (e => { console.error (`extract: ${e.message}`); process.exit (1); });
