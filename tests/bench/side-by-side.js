/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * side-by-side.js - what the script `side-by-side` prints for a model: PROCESSORS processes of ours, of one thread
 * each, against as many of ONNX Runtime, and against one of it with as many threads. With --peer it is such a process
 * of theirs, which answers numbers of runs with their median time. */
'use strict';
const { fork } = require ('child_process');
const { median, pause, theirs, ours } = require ('./peer.js');

const SECONDS_A_TURN = 0.25;

/* A process of theirs, as peer.js gives one of this process. */
function apart (net, nothing, threads) {
  const child = fork (__filename, ['--peer', net, nothing, threads]);
  const answer = () => new Promise ((done, failed) => {
    child.once ('message', done);
    child.once ('exit', () => failed (new Error ('a process with ONNX Runtime ended')));
  });
  return answer ().then (warm => ({ warm, end: () => child.disconnect (), run: runs => { child.send (runs); return answer (); } }));
}

async function serve (net, nothing, threads) {
  const peer = await theirs (net, nothing, +threads);
  process.on ('message', async runs => process.send (await peer.run (runs)));
  process.send (peer.warm);
}

/* Pictures a second of them all at once. */
async function rate (group, runs) {
  await pause ();
  const us = await Promise.all (group.members.map (m => m.run (runs)));
  return us.reduce ((sum, x) => sum + group.batch * 1e6 / x, 0);
}

async function main (name, folder, batches, processors, rounds) {
  const groups = [], n = Array.from ({ length: +processors });
  for (const batch of batches.split (',').map (Number)) {
    const net = `${folder}/net-${batch}.onnx`, nothing = `${folder}/nothing-${batch}.onnx`;
    groups.push ({ own: true, batch, what: `Convoy, ${processors} x 1 thread`, members: await Promise.all (n.map (() => ours (name, net, `${batch}`, '1'))) });
    groups.push ({ batch, what: `ONNX Runtime, ${processors} x 1 thread`, members: await Promise.all (n.map (() => apart (net, nothing, 1))) });
    groups.push ({ batch, what: `ONNX Runtime, 1 x ${processors} threads`, members: [await apart (net, nothing, processors)] });
  }
  const rates = groups.map (() => []);
  for (let i = 0; i < +rounds; i++)
    for (const [k, g] of groups.entries ())
      rates[k].push (await rate (g, Math.max (3, Math.round (SECONDS_A_TURN * 1e6 / groups[k - k % 3 + 1].members[0].warm))));
  const middle = rates.map (median), best = own => Math.max (...middle.filter ((_, k) => !groups[k].own === !own));
  groups.forEach ((g, k) => console.log (`${name.padEnd (24)} ${g.what.padEnd (26)} batch ${`${g.batch}`.padStart (2)} ${middle[k].toFixed (0).padStart (6)} pictures/s`));
  console.log (`${name.padEnd (24)} ${(best (true) / best (false)).toFixed (2)}x, the best of each`);
  groups.forEach (g => g.members.forEach (m => m.end ()));
}

const args = process.argv.slice (2);
(args[0] === '--peer' ? serve (...args.slice (1)) : main (...args)).catch (e => { console.error (`side-by-side: ${e.message}`); process.exit (1); });
