#!/usr/bin/env node
/**
 * Makes the expectations that the tests read: NASM's bytes for single lines and for whole sources.
 * Needs nasm 2.16 on the PATH and a built dist/; run it only when cases change:
 * `node test/assembler/make-expectations.mjs`.
 *
 * rows.txt has a line for each source line: the bytes in hex in 64-, 32- and 16-bit mode, then the line;
 * `-` where NASM refuses it or it is not asked for, `=` where the bytes are those of the column before.
 * The files made of *.cases begin with the code mode and have one column, `error` where NASM refuses the
 * line. For sources/*.asm it writes the bytes (.hex) and the listing (.lst), for objects/NAME.FORMAT.asm the
 * object file (.hex), with debug lines where NAME ends in .debug.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROWS } from '../../dist/isa/table.js';
import { lockLines, repLines, rowLines, sizeLines } from './cases.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'expectations-'));

/** Hex of each line as NASM assembles it in a code mode; undefined where it refuses the line. */
function nasmLines(lines, mode) {
  const refused = new Set();
  for (;;) {
    const kept = lines.map((line, i) => (refused.has(i) ? '' : line));
    const source = join(scratch, 'lines.asm');
    const listing = join(scratch, 'lines.lst');
    writeFileSync(source, [`bits ${mode}`, ...kept].join('\n'));
    const run = spawnSync(
      'nasm',
      ['-w-all', '-f', 'bin', '-o', join(scratch, 'lines.bin'), '-l', listing, source],
      {
        encoding: 'utf8',
        maxBuffer: 1 << 28,
      },
    );
    const before = refused.size;
    for (const match of run.stderr.matchAll(/:(\d+): error/g)) refused.add(Number(match[1]) - 2);
    if (refused.size === before)
      return readListing(readFileSync(listing, 'latin1'), lines, refused);
  }
}

function readListing(text, lines, refused) {
  const hex = lines.map((_, i) => (refused.has(i) ? undefined : ''));
  for (const line of text.split('\n')) {
    const match = /^ *(\d+) [0-9A-F]{8} ([0-9A-F()[\]]+)-?/.exec(line);
    if (!match) continue;
    const index = Number(match[1]) - 2;
    if (index >= 0 && hex[index] !== undefined) {
      hex[index] += match[2].replace(/[()[\]]/g, '').toLowerCase();
    }
  }
  return hex;
}

function write(name, lines) {
  writeFileSync(join(here, name), `${lines.join('\n')}\n`);
  process.stdout.write(`${name}: ${lines.length} lines\n`);
}

const MODES = [64, 32, 16];

/** Lines that are asked for in a mode. */
function linesOf(mode) {
  const absent = mode === 64 ? 'legacy' : 'long64';
  const rows = ROWS.filter((row) => !row.decodeOnly && row.modes !== absent);
  const lines = rows.flatMap((row) => [
    ...rowLines(row, mode),
    ...lockLines(row, mode),
    ...repLines(row),
    ...sizeLines(row),
  ]);
  return [...new Set(lines)];
}

function writeRows() {
  const table = new Map();
  MODES.forEach((mode, column) => {
    const lines = linesOf(mode);
    nasmLines(lines, mode).forEach((hex, i) => {
      if (hex === undefined) return;
      const cells = table.get(lines[i]) ?? ['-', '-', '-'];
      cells[column] = hex;
      table.set(lines[i], cells);
    });
  });
  const shorten = (cells) =>
    cells.map((cell, i) => (cell !== '-' && cell === cells[i - 1] ? '=' : cell));
  write(
    'rows.txt',
    [...table].map(([line, cells]) => [...shorten(cells), line].join(' ')),
  );
}

/** Each line alone, so that `$` is 0 and labels do not meet. */
function writeCases(file) {
  const [mode, ...lines] = readFileSync(join(here, file), 'utf8').trimEnd().split('\n');
  const source = join(scratch, 'case.asm');
  const binary = join(scratch, 'case.bin');
  const out = lines.map((line) => {
    writeFileSync(source, `${mode}\n${line}\n`);
    const { status } = spawnSync('nasm', ['-w-all', '-f', 'bin', '-o', binary, source]);
    return `${status === 0 ? readFileSync(binary).toString('hex') : 'error'} ${line}`;
  });
  write(file.replace('.cases', '.txt'), [mode, ...out]);
}

/** A whole source: the bytes in hex and the listing. */
function writeSource(directory, file) {
  const name = file.replace('.asm', '');
  const binary = join(scratch, 'source.bin');
  execFileSync('nasm', ['-f', 'bin', '-o', binary, '-l', `${name}.lst`, file], { cwd: directory });
  writeHex(directory, name, binary);
}

function writeHex(directory, name, binary) {
  const hex = readFileSync(binary)
    .toString('hex')
    .replace(/.{1,100}/g, '$&\n');
  writeFileSync(join(directory, `${name}.hex`), hex);
}

/** Debug information names the working directory: the test knows this one. */
const OBJECT_DIRECTORY = '/tmp/expectations';

function writeObject(directory, file) {
  const name = file.replace('.asm', '');
  const [, debug, format] = /^[^.]*(\.debug)?\.(elf\d\d)$/.exec(name);
  copyFileSync(join(directory, file), join(OBJECT_DIRECTORY, file));
  const object = join(scratch, 'source.o');
  const options = ['-w-all', '-f', format, ...(debug ? ['-g', '-F', 'dwarf'] : [])];
  execFileSync('nasm', [...options, '-o', object, file], { cwd: OBJECT_DIRECTORY });
  writeHex(directory, name, object);
}

execFileSync('nasm', ['-v'], { stdio: 'inherit' });
writeRows();
for (const file of readdirSync(here).filter((name) => name.endsWith('.cases'))) writeCases(file);
const sources = join(here, 'sources');
for (const file of readdirSync(sources).filter((name) => name.endsWith('.asm'))) {
  writeSource(sources, file);
}
const objects = join(here, 'objects');
mkdirSync(OBJECT_DIRECTORY, { recursive: true });
for (const file of readdirSync(objects).filter((name) => name.endsWith('.asm'))) {
  writeObject(objects, file);
}
rmSync(OBJECT_DIRECTORY, { recursive: true });
rmSync(scratch, { recursive: true });
