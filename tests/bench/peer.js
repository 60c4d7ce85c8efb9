/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * peer.js - ONNX Runtime and `convoy bench --serve`, each to be asked for the median time of so many runs.
 * Fair to the former: one session, inputs and outputs made once, and the time of a network of the same
 * shapes that does nothing is taken off. */
'use strict';
const ort = require ('onnxruntime-node');
const { spawn } = require ('child_process');
const readline = require ('readline');

const PAUSE_MS = 60;            /* their threads spin for a while after a run */

const median = a => { const s = [...a].sort ((x, y) => x - y); return (s[(s.length - 1) >> 1] + s[s.length >> 1]) / 2; };
const pause = () => new Promise (done => setTimeout (done, PAUSE_MS));
const count = dims => dims.reduce ((a, b) => a * b, 1);

/* What they need for a run; values of 0 to 1, as ours. */
async function load (file, threads) {
  const session = await ort.InferenceSession.create (file,
    { intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: 'all' });
  const tensors = infos => Object.fromEntries (infos.map (i =>
    [i.name, new ort.Tensor ('float32', Float32Array.from ({ length: count (i.shape) }, Math.random), i.shape)]));
  return { session, feeds: tensors (session.inputMetadata), fetches: tensors (session.outputMetadata) };
}

/* The median of so many runs, in microseconds. */
async function time (loaded, runs) {
  const took = [];
  for (let i = 0; i < runs; i++) {
    const start = process.hrtime.bigint ();
    await loaded.session.run (loaded.feeds, loaded.fetches);
    took.push (Number (process.hrtime.bigint () - start) / 1e3);
  }
  return median (took);
}

/* Theirs, warm: the time of a run, and a function that takes the median of so many. */
async function theirs (net, nothing, threads) {
  const loaded = await load (net, threads), idle = await load (nothing, threads);
  const warm = await time (loaded, 5);
  await time (idle, 20);
  return { warm, run: async runs => await time (loaded, runs) - await time (idle, runs) };
}

/* Ours: the work of a run and the peak of the processor, in GFLOP and GFLOP/s, and the same function. */
async function ours (name, net, batch, threads) {
  const child = spawn ('convoy', ['bench', net, '--serve', '--batch', batch, '--threads', threads], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = readline.createInterface ({ input: child.stdout })[Symbol.asyncIterator] ();
  const answer = async () => {
    const { value, done } = await lines.next ();
    if (done)
      throw new Error (`convoy bench ${name} ended`);
    return value.split (' ').map (Number);
  };
  const [gflop, peak] = await answer ();
  return {
    gflop, peak, end: () => child.stdin.end (),
    run: async runs => { child.stdin.write (`${runs}\n`); return (await answer ())[0]; },
  };
}

module.exports = { median, pause, theirs, ours };
