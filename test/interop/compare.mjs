// node test/interop/compare.mjs [--bless] [GUEST...]: runs guests under QEMU and Bochs and compares what they
// write to COM1 with expected.txt. --bless writes expected.txt from Bochs, or from QEMU where the source says
// that Bochs differs. A line whose source carries a comment "; differs(EMULATOR): LABEL - why" is left out of
// the comparison for that emulator, which is not run at all if LABEL is *; "skip:" as the last line means that
// it lacks the feature.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EMULATORS } from './emulators.mjs';
import { guestNames, loadGuest } from './guest.mjs';

const args = process.argv.slice(2);
const bless = args.includes('--bless');
const named = args.filter((arg) => !arg.startsWith('--'));
let failures = 0;

for (const name of named.length > 0 ? named : guestNames()) await check(loadGuest(name));
process.exit(failures === 0 ? 0 : 1);

async function check(guest) {
  const results = {};
  for (const [emulator, run] of Object.entries(EMULATORS)) {
    if (!differs(guest, emulator).includes('*')) results[emulator] = await run(guest);
  }
  const expected = bless ? writeExpected(guest, results) : guest.expected;
  for (const [emulator, { serial, status }] of Object.entries(results)) {
    const wrong = mismatch(guest, emulator, serial, status, expected);
    if (wrong) failures += 1;
    process.stdout.write(
      `${wrong ? 'FAIL' : 'ok  '} ${emulator.padEnd(5)} ${guest.name}${wrong ?? ''}\n`,
    );
  }
}

/** What differs, as text; undefined if nothing does. */
function mismatch(guest, emulator, serial, status, expected) {
  if (status !== 1) return `: status ${status}\n${serial}`;
  if (skipped(serial)) return undefined;
  if (expected === undefined) return ': no expected.txt';
  const got = comparable(guest, emulator, serial);
  const want = comparable(guest, emulator, expected);
  const at = want.findIndex((line, index) => line !== got[index]);
  if (at < 0 && got.length === want.length) return undefined;
  const line = at < 0 ? want.length : at;
  return `: line ${line + 1}\n  expected: ${want[line]}\n  got:      ${got[line]}`;
}

function comparable(guest, emulator, text) {
  const labels = differs(guest, emulator);
  return text.split('\n').filter((line) => !labels.some((label) => line.startsWith(label)));
}

/** Labels of the lines in which an emulator differs from the manual. */
function differs(guest, emulator) {
  return guest.differs.filter((entry) => entry.emulator === emulator).map(({ label }) => label);
}

function skipped(serial) {
  return serial.trimEnd().split('\n').at(-1).startsWith('skip:');
}

/** Bochs' output, with the lines in which it differs from the manual taken from QEMU. */
function writeExpected(guest, { bochs, qemu }) {
  const labels = differs(guest, 'bochs');
  const fromQemu = (line) => {
    const label = labels.find((candidate) => line.startsWith(candidate));
    return label === undefined
      ? line
      : qemu.serial.split('\n').find((other) => other.startsWith(label));
  };
  const base = bochs === undefined || skipped(bochs.serial) ? qemu.serial : bochs.serial;
  const text = base.split('\n').map(fromQemu).join('\n');
  writeFileSync(join(guest.folder, 'expected.txt'), text, 'latin1');
  return text;
}
