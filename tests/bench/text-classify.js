// SPDX-License-Identifier: LGPL-2.1-or-later
//
// text-classify.js - the peer of text-classify: MODEL WORDS THREADS BATCH FILE; prints neg or pos for each line.
const fs = require ('fs'), ort = require ('onnxruntime-node');
const [model, words, threads, batch, file] = process.argv.slice (2);
const LENGTH = 500, WORD = /[\p{L}\p{N}\p{M}]+(?:'[\p{L}\p{N}\p{M}]+)*/gu;

const numbers = new Map (fs.readFileSync (words, 'utf8').trimEnd ().split ('\n').map ((w, i) => [w, BigInt (i + 3)]));

// 1, then the last words that have room, then zeros, as the model learnt it.
function fill (row, text) {
  const found = text.toLowerCase ().match (WORD) || [];
  let at = 0;
  if (found.length < LENGTH) row[at++] = 1n;
  for (let i = Math.max (0, found.length - LENGTH); i < found.length; i++) row[at++] = numbers.get (found[i]) ?? 2n;
}

(async () => {
  const session = await ort.InferenceSession.create (model, { intraOpNumThreads: Number (threads), interOpNumThreads: 1 });
  const lines = fs.readFileSync (file, 'utf8').trimEnd ().split ('\n'), out = [];
  for (let i = 0; i < lines.length; i += Number (batch)) {
    const n = Math.min (batch, lines.length - i), data = new BigInt64Array (n * LENGTH);
    for (let k = 0; k < n; k++) fill (data.subarray (k * LENGTH, (k + 1) * LENGTH), lines[i + k]);
    const result = await session.run ({ [session.inputNames[0]]: new ort.Tensor ('int64', data, [n, LENGTH]) });
    for (const p of result[session.outputNames[0]].data) out.push (p > 0.5 ? 'pos' : 'neg');
  }
  console.log (out.join ('\n'));
}) ();
