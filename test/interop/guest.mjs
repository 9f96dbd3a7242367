// Guests as the interop scripts see them: their folders, what their headers say, and the bootable disk
// made of one. A guest is guests/<name>/main.asm; header comments that scripts read:
//   ; ram: 128                           MiB of RAM it needs (default 64)
//   ; bench: ops=1000000 unit=int80      a benchmark: operations of the timed part
//   ; differs(qemu): LABEL - why         lines starting with LABEL follow the manual, not this emulator
//   ; append: TEXT                       command line of a guest that is booted by multiboot
//   ; module: FILE[,TEXT]                a module for such a guest, and the module's command line

import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BOOT = fileURLToPath(new URL('boot/boot.asm', import.meta.url));
const CYLINDER_BYTES = 16 * 63 * 512; // heads, sectors per track, bytes per sector

export const GUESTS = join(ROOT, 'guests');

/** Names of all guests, sorted. */
export function guestNames() {
  return readdirSync(GUESTS)
    .filter((name) => existsSync(join(GUESTS, name, 'main.asm')))
    .sort();
}

/** The folder's files and the facts in the header of main.asm. */
export function loadGuest(name) {
  const folder = join(GUESTS, name);
  const source = readFileSync(join(folder, 'main.asm'), 'utf8');
  const optional = (file) => {
    const path = join(folder, file);
    return existsSync(path) ? readFileSync(path) : undefined;
  };
  const bench = source.match(/^; bench: ops=(\d+) unit=(\S+)/m);
  return {
    name,
    folder,
    ramMiB: Number(source.match(/^; ram: (\d+)/m)?.[1] ?? 64),
    multiboot: /^%define MULTIBOOT/m.test(source) && {
      append: source.match(/^; append: (.*)/m)?.[1] ?? '',
      modules: [...source.matchAll(/^; module: ([^,\n]*)(?:,(.*))?/gm)].map(([, file, text]) => ({
        file,
        text,
      })),
    },
    bench: bench && { ops: Number(bench[1]), unit: bench[2] },
    differs: [...source.matchAll(/^\s*; differs\((\w+)\): (.+?) - /gm)].map(
      ([, emulator, label]) => ({
        emulator,
        label,
      }),
    ),
    expected: optional('expected.txt')?.toString('latin1'),
    input: optional('input.txt'),
  };
}

const nasm = (...args) => execFileSync('nasm', ['-f', 'bin', ...args], { stdio: 'inherit' });

/** Assembles a guest with NASM to main.bin in a new folder, and copies its modules there. */
export function buildKernel(guest) {
  const scratch = mkdtempSync(join(tmpdir(), 'trapline-interop-'));
  const source = join(guest.folder, 'main.asm');
  const defines = ['-D', `RAM_MIB=${guest.ramMiB}`];
  nasm('-I', `${guest.folder}/`, ...defines, source, '-o', join(scratch, 'main.bin'));
  for (const { file } of guest.multiboot?.modules ?? []) {
    copyFileSync(join(guest.folder, file), join(scratch, file));
  }
  return scratch;
}

/** A disk image with the guest, that any PC boots. */
export function buildDisk(guest) {
  const scratch = buildKernel(guest);
  const image = join(scratch, 'main.bin');
  const disk = join(scratch, `${guest.name}.img`);
  nasm('-D', `IMAGE="${image}"`, '-D', `RAM_MIB=${guest.ramMiB}`, BOOT, '-o', disk);
  const cylinders = Math.ceil(statSync(disk).size / CYLINDER_BYTES);
  truncateSync(disk, cylinders * CYLINDER_BYTES);
  return { scratch, disk, cylinders };
}
