/**
 * Makes the expected disassembly anew: samples of every row and random bytes, disassembled by the built
 * package, accepted only if nasm assembles the text to the same bytes. Needs nasm and `make build`.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { disassemble, instructionSet } from '../../dist/disassembler/disassemble.js';
import { formatListing } from '../../dist/disassembler/listing.js';
import { existsIn } from '../../dist/isa/encode.js';
import { randomSource } from '../../dist/isa/random.js';
import { sampleEncodings } from '../../dist/isa/sample.js';
import { ROWS } from '../../dist/isa/table.js';

const SET = instructionSet(ROWS);
const SAMPLES = 3;
const RANDOM_BYTES = 4_000;
/** NASM 2.16 knows these in 64-bit code only. */
const LONG_ONLY = new Set(['rdpkru', 'wrpkru']);

function sampleImage(mode) {
  const rows = ROWS.filter((row) => !row.alias && existsIn(row, mode));
  const kept = rows.filter((row) => mode === 64 || !LONG_ONLY.has(row.mnemonic));
  return Buffer.concat(kept.flatMap((row, at) => sampleEncodings(row, at + 1, SAMPLES, mode)));
}

function randomImage(mode) {
  const random = randomSource(mode);
  return Buffer.from(Array.from({ length: RANDOM_BYTES }, () => random(256)));
}

function assembleWithNasm(source) {
  const folder = mkdtempSync(join(tmpdir(), 'trapline-'));
  const file = join(folder, 'source.asm');
  writeFileSync(file, source);
  const run = spawnSync('nasm', ['-f', 'bin', '-w-all', '-o', join(folder, 'out'), file]);
  if (run.status !== 0) throw new Error(`nasm: ${run.stderr}`);
  const bytes = readFileSync(join(folder, 'out'));
  rmSync(folder, { recursive: true });
  return bytes;
}

function make(name, mode, image) {
  const options = { mode, origin: 0x100000n };
  const source = formatListing(disassemble(image, SET, options), options);
  if (!assembleWithNasm(source).equals(image)) throw new Error(`${name}: nasm gives other bytes`);
  writeFileSync(new URL(name, import.meta.url), source.replace(/ +;/g, ' ;'));
}

for (const mode of [64, 32, 16]) {
  make(`rows${mode}.txt`, mode, sampleImage(mode));
  make(`random${mode}.txt`, mode, randomImage(mode));
}
