/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * inference.js - one line of the table that the script `inference` prints: `convoy bench --serve` and
 * ONNX Runtime run the same file in turns. Fair to them: one session, inputs and outputs made once,
 * and the time of a network of the same shapes that does nothing is taken off. */
'use strict';
const ort = require ('onnxruntime-node');
const { spawn } = require ('child_process');
const readline = require ('readline');

const [name, net, nothing, batch, threads, rounds] = process.argv.slice (2);
const SECONDS_A_TURN = 0.25, PAUSE_MS = 60;     /* their threads spin for a while after a run */

const median = a => { const s = [...a].sort ((x, y) => x - y); return (s[(s.length - 1) >> 1] + s[s.length >> 1]) / 2; };
const pause = () => new Promise (done => setTimeout (done, PAUSE_MS));
const count = dims => dims.reduce ((a, b) => a * b, 1);

/* What they need for a run; values of 0 to 1, as ours. */
async function load (file) {
  const session = await ort.InferenceSession.create (file,
    { intraOpNumThreads: +threads, interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: 'all' });
  const tensors = infos => Object.fromEntries (infos.map (i =>
    [i.name, new ort.Tensor ('float32', Float32Array.from ({ length: count (i.shape) }, Math.random), i.shape)]));
  return { session, feeds: tensors (session.inputMetadata), fetches: tensors (session.outputMetadata) };
}

async function theirs (peer, runs) {
  const took = [];
  for (let i = 0; i < runs; i++) {
    const start = process.hrtime.bigint ();
    await peer.session.run (peer.feeds, peer.fetches);
    took.push (Number (process.hrtime.bigint () - start) / 1e3);
  }
  return median (took);
}

async function main () {
  const child = spawn ('convoy', ['bench', net, '--serve', '--batch', batch, '--threads', threads], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = readline.createInterface ({ input: child.stdout })[Symbol.asyncIterator] ();
  const answer = async () => {
    const { value, done } = await lines.next ();
    if (done)
      throw new Error (`convoy bench ${name} ended`);
    return value.split (' ').map (Number);
  };
  const [gflop, peak] = await answer ();
  const peer = await load (net), idle = await load (nothing);
  const warm = await theirs (peer, 5);
  await theirs (idle, 20);
  const runs = Math.max (3, Math.min (50, Math.round (SECONDS_A_TURN * 1e6 / warm)));
  const a = [], b = [];
  for (let i = 0; i < +rounds; i++) {
    await pause ();
    child.stdin.write (`${runs}\n`);
    a.push ((await answer ())[0]);
    const net_time = await theirs (peer, runs);
    b.push (net_time - await theirs (idle, runs));
  }
  child.stdin.end ();
  const us = median (a), their_us = median (b), ratio = median (a.map ((x, i) => b[i] / x));
  console.log (`${name.padEnd (24)} ${batch.padStart (5)} ${threads.padStart (7)} ${(us / 1e3).toFixed (2).padStart (10)} ${(their_us / 1e3).toFixed (2).padStart (10)}`
    + ` ${ratio.toFixed (2).padStart (6)}x ${(100 * gflop / us * 1e6 / peak / threads).toFixed (0).padStart (6)} %`);
}

main ().catch (e => { console.error (`inference: ${e.message}`); process.exit (1); });
