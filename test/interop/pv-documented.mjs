// node test/interop/pv-documented.mjs: assembles the kernel of pv-documented.asm with NASM and with Trapline, links both with
// ld, and runs it under direct and under shadow paging. Says what is not as it should be.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const EXPECTED = `by console_io
by the ring
a page has two addresses
a timer's event has come
`;

const here = fileURLToPath(new URL('.', import.meta.url));
const source = join(here, 'pv-documented.asm');
const trapline = (...args) =>
  execFileSync(process.execPath, [join(here, '../../dist/bin/main.js'), ...args], {
    encoding: 'latin1',
  });
const folder = mkdtempSync(join(tmpdir(), 'pv-'));
let failures = 0;

function check(what, isRight) {
  if (!isRight) failures += 1;
  process.stdout.write(`${isRight ? 'ok  ' : 'FAIL'} pv-documented ${what}\n`);
}

try {
  const file = (name) => join(folder, name);
  const options = (object) => ['-f', 'elf64', '-o', object, source];
  execFileSync('nasm', options(file('nasm.o')));
  trapline('asm', ...options(file('own.o')));
  for (const name of ['nasm', 'own']) execFileSync('ld', ['-o', file(name), file(`${name}.o`)]);
  check('both assemblers', readFileSync(file('nasm')).equals(readFileSync(file('own'))));
  for (const memory of ['direct', 'shadow']) {
    const output = trapline('run', '--cpu', 'para', '--memory', memory, file('nasm'));
    check(memory, output === EXPECTED);
  }
} finally {
  rmSync(folder, { recursive: true });
}
process.exit(failures === 0 ? 0 : 1);
