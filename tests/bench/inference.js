/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * inference.js - one line of the table that the script `inference` prints: Convoy and ONNX Runtime run the
 * same file in turns. */
'use strict';
const { median, pause, theirs, ours } = require ('./peer.js');

const [name, net, nothing, batch, threads, rounds] = process.argv.slice (2);
const SECONDS_A_TURN = 0.25;

async function main () {
  const own = await ours (name, net, batch, threads), peer = await theirs (net, nothing, +threads);
  const runs = Math.max (3, Math.min (50, Math.round (SECONDS_A_TURN * 1e6 / peer.warm)));
  const a = [], b = [];
  for (let i = 0; i < +rounds; i++) {
    await pause ();
    a.push (await own.run (runs));
    b.push (await peer.run (runs));
  }
  own.end ();
  const us = median (a), their_us = median (b), ratio = median (a.map ((x, i) => b[i] / x));
  console.log (`${name.padEnd (24)} ${batch.padStart (5)} ${threads.padStart (7)} ${(us / 1e3).toFixed (2).padStart (10)} ${(their_us / 1e3).toFixed (2).padStart (10)}`
    + ` ${ratio.toFixed (2).padStart (6)}x ${(100 * own.gflop / us * 1e6 / own.peak / threads).toFixed (0).padStart (6)} %`);
}

main ().catch (e => { console.error (`inference: ${e.message}`); process.exit (1); });
