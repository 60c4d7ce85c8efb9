/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * classify-files.js - the peer of classify-files: MODEL THREADS, and frames of 224x224 RGB on standard
 * input. Prints the class of the first as soon as it is known, and at the end how many seconds its own
 * code took to make floats of pixels, which count for neither: another language would be quicker. */
'use strict';
const fs = require ('fs'), ort = require ('onnxruntime-node');
const [model, threads] = process.argv.slice (2);
const SIDE = 224, N = SIDE * SIDE, MEAN = [123.675, 116.28, 103.53], STD = [58.395, 57.12, 57.375];

const tables = MEAN.map ((mean, c) => Float32Array.from ({ length: 256 }, (_, p) => (p - mean) / STD[c]));

/* The next frame; false: there is no more. */
function read (frame) {
  for (let at = 0; at < frame.length;) {
    const n = fs.readSync (0, frame, at, frame.length - at);
    if (n === 0) return false;
    at += n;
  }
  return true;
}

function fill (input, frame) {
  for (let c = 0; c < 3; c++) {
    const table = tables[c];
    for (let i = 0, to = c * N, from = c; i < N; i++, to++, from += 3) input[to] = table[frame[from]];
  }
}

function best (scores) {
  let k = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i] > scores[k]) k = i;
  return k;
}

async function main () {
  const session = await ort.InferenceSession.create (model, { intraOpNumThreads: +threads, interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: 'all' });
  const input = new Float32Array (3 * N), scores = new Float32Array (1000), frame = Buffer.alloc (3 * N);
  const feeds = { [session.inputNames[0]]: new ort.Tensor ('float32', input, [1, 3, SIDE, SIDE]) };
  const fetches = { [session.outputNames[0]]: new ort.Tensor ('float32', scores, [1, 1000]) };
  let own = 0n;
  for (let i = 0; read (frame); i++) {
    const start = process.hrtime.bigint ();
    fill (input, frame);
    own += process.hrtime.bigint () - start;
    await session.run (feeds, fetches);
    if (i === 0) console.log (best (scores));
    else best (scores);
  }
  console.log (Number (own) / 1e9);
}

main ().catch (e => { console.error (`classify-files: ${e.message}`); process.exit (1); });
