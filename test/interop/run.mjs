// node test/interop/run.mjs qemu|bochs GUEST: runs one guest and prints its serial output; the exit status
// and the wall time go to stderr. BOCHS_LOG=1 shows Bochs' own log.

import { EMULATORS } from './emulators.mjs';
import { loadGuest } from './guest.mjs';

const [emulator, name] = process.argv.slice(2);
if (!EMULATORS[emulator] || !name) {
  process.stderr.write('usage: run.mjs qemu|bochs GUEST\n');
  process.exit(2);
}
const { serial, status, wallMs } = await EMULATORS[emulator](loadGuest(name));
process.stdout.write(Buffer.from(serial, 'latin1'));
process.stderr.write(`${emulator}: status ${status}, ${(wallMs / 1000).toFixed(2)} s\n`);
