// node test/interop/bench.mjs [--runs N] [--emulator bochs|qemu] [GUEST...]: times the benchmark guests under an
// emulator and prints seconds and nanoseconds per operation, best and median. What counts is the time from the
// guest's first line of output, written when its work begins, to its last: start-up is not in it.

import { parseArgs } from 'node:util';
import { EMULATORS } from './emulators.mjs';
import { guestNames, loadGuest } from './guest.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '3' },
    emulator: { type: 'string', default: 'bochs' },
  },
});
const is32Bit = (name) => name.endsWith('-32');
const byWidth = guestNames().sort((a, b) => is32Bit(a) - is32Bit(b)); // a stable sort: by name within a width
const names = positionals.length > 0 ? positionals : byWidth;

process.stdout.write(
  `| ${values.emulator} | best s | median s | best ns | median ns | per |\n|---|--:|--:|--:|--:|---|\n`,
);
for (const guest of names.map(loadGuest).filter(({ bench }) => bench)) {
  const seconds = [];
  for (let run = 0; run < Number(values.runs); run += 1) {
    const { workMs, status } = await EMULATORS[values.emulator](guest);
    if (status !== 1) throw new Error(`${guest.name}: status ${status}`);
    seconds.push(workMs / 1000);
  }
  seconds.sort((a, b) => a - b);
  const shown = [seconds[0], seconds[seconds.length >> 1]];
  const { ops, unit } = guest.bench;
  const cells = [
    ...shown.map((s) => s.toFixed(3)),
    ...shown.map((s) => ((s * 1e9) / ops).toFixed(1)),
    unit,
  ];
  process.stdout.write(`| ${guest.name} | ${cells.join(' | ')} |\n`);
}
