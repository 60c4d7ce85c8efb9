/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * classify-files.js - the peer of classify-files: MODEL THREADS, and frames of 224x224 RGB on standard
 * input. Prints the class of the first as soon as it is known, and at the end how many seconds its own
 * code took to make floats of pixels, which count for neither: another language would be quicker. */
'use strict';
const ort = require ('onnxruntime-node');
const { Frames } = require ('./frames.js');
const [model, threads] = process.argv.slice (2);
const SIDE = 224, MEAN = [123.675, 116.28, 103.53], STD = [58.395, 57.12, 57.375];

function best (scores) {
  let k = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i] > scores[k]) k = i;
  return k;
}

async function main () {
  const session = await ort.InferenceSession.create (model, { intraOpNumThreads: +threads, interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: 'all' });
  const input = new Float32Array (3 * SIDE * SIDE), scores = new Float32Array (1000), frames = new Frames (SIDE, MEAN, STD);
  const feeds = { [session.inputNames[0]]: new ort.Tensor ('float32', input, [1, 3, SIDE, SIDE]) };
  const fetches = { [session.outputNames[0]]: new ort.Tensor ('float32', scores, [1, 1000]) };
  for (let i = 0; frames.read (input, 0); i++) {
    await session.run (feeds, fetches);
    if (i === 0) console.log (best (scores));
    else best (scores);
  }
  console.log (frames.seconds (input));
}

main ().catch (e => { console.error (`classify-files: ${e.message}`); process.exit (1); });
