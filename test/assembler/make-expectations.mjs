#!/usr/bin/env node
/**
 * Makes the expectations that the tests read: NASM's bytes for single lines and for whole sources. Needs nasm 2.16 on the PATH and a built
 * dist/; run it only when cases change: `node test/assembler/make-expectations.mjs`.
 *
 * A line of the output is the bytes in hex, a blank, the source line; lines that NASM refuses are left
 * out of rows.txt and carry `error` in the files made of *.cases. For sources/*.asm it writes the bytes
 * (.hex) and the listing (.lst).
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROWS } from '../../dist/isa/table.js';
import { lockLines, repLines, rowLines } from './cases.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'expectations-'));

/** Hex of each line as NASM assembles it after `prelude`; undefined where it refuses the line. */
function nasmLines(lines, prelude) {
  const refused = new Set();
  for (;;) {
    const kept = lines.map((line, i) => (refused.has(i) ? '' : line));
    const source = join(scratch, 'lines.asm');
    const listing = join(scratch, 'lines.lst');
    const offset = prelude.length;
    writeFileSync(source, [...prelude, ...kept].join('\n'));
    const run = spawnSync(
      'nasm',
      ['-w-all', '-f', 'bin', '-o', '/dev/null', '-l', listing, source],
      {
        encoding: 'utf8',
        maxBuffer: 1 << 28,
      },
    );
    const before = refused.size;
    for (const match of run.stderr.matchAll(/:(\d+): error/g))
      refused.add(Number(match[1]) - 1 - offset);
    if (refused.size === before)
      return readListing(readFileSync(listing, 'latin1'), lines, refused, offset);
  }
}

function readListing(text, lines, refused, offset) {
  const hex = lines.map((_, i) => (refused.has(i) ? undefined : ''));
  for (const line of text.split('\n')) {
    const match = /^ *(\d+) [0-9A-F]{8} ([0-9A-F()[\]]+)-?/.exec(line);
    if (!match) continue;
    const index = Number(match[1]) - 1 - offset;
    if (index >= 0 && hex[index] !== undefined) hex[index] += match[2].replace(/[()[\]]/g, '');
  }
  return hex;
}

function write(name, lines, hex, keepRefused) {
  const out = lines.flatMap((line, i) => {
    const bytes = hex[i] === undefined ? (keepRefused ? 'error' : undefined) : hex[i].toLowerCase();
    return bytes === undefined ? [] : [`${bytes} ${line}`];
  });
  writeFileSync(join(here, name), `${out.join('\n')}\n`);
  process.stdout.write(`${name}: ${out.length} lines\n`);
}

execFileSync('nasm', ['-v'], { stdio: 'inherit' });
const rows = ROWS.filter((row) => !row.decodeOnly && row.modes !== 'legacy');
const lines = [
  ...new Set(rows.flatMap((row) => [...rowLines(row), ...lockLines(row), ...repLines(row)])),
];
write('rows.txt', lines, nasmLines(lines, ['bits 64']), false);
for (const file of readdirSync(here).filter((name) => name.endsWith('.cases'))) {
  const own = readFileSync(join(here, file), 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  write(file.replace('.cases', '.txt'), own, nasmLines(own, ['bits 64']), true);
}

/** Whole sources: the bytes in hex and the listing. */
const sources = join(here, 'sources');
for (const file of readdirSync(sources).filter((name) => name.endsWith('.asm'))) {
  const name = file.replace('.asm', '');
  const binary = join(scratch, 'source.bin');
  execFileSync('nasm', ['-f', 'bin', '-o', binary, '-l', `${name}.lst`, file], { cwd: sources });
  const hex = readFileSync(binary)
    .toString('hex')
    .replace(/.{1,100}/g, '$&\n');
  writeFileSync(join(sources, `${name}.hex`), hex);
}
rmSync(scratch, { recursive: true });
