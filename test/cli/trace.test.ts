/** `trapline trace` through the command line: each format, where things go, and what it refuses. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { folderWith, MAIN, trapline } from './command-line.ts';

const START = 'bits 64\norg 0x100000\n';
const folder = folderWith({
  'good.asm': `${START}mov al, 'x'\nout 0xe9, al\nhere: mov rbx, cr3\nxor eax, eax\nout 0xf4, al\n`,
  'triple.asm': `${START}mov esp, 0x80000\nlast: ud2\n`,
  'endless.asm': `${START}again: out 0x80, al\njmp again\n`,
});
const trace = (...args: string[]) => trapline(['trace', ...args, '--ram', '2M'], '', folder);
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

test('text on stdout, where nothing else goes then', () => {
  const { status, stdout, stderr } = trace('good.asm');
  expect([status, stderr]).toEqual([1, '']);
  const lines = stdout.trimEnd().split('\n');
  for (const line of lines) expect(line).toMatch(/^ +vm0-0 \[000\] +0\.\d{9}: kvm_(exit|entry):/);
  expect(stdout).toContain(
    'reason CR_ACCESS rip 0x100004 (here) cpl 0 | mov rbx,cr3 | mov from cr3 rbx\n',
  );
  expect(trace('good.asm').stdout).toBe(stdout);
});

test('JSON lines in a file, the guest on stdout', () => {
  const { status, stdout } = trace('good.asm', '--format', 'jsonl', '-o', 'out.jsonl');
  expect([status, stdout]).toEqual([1, 'x']);
  const records = read('out.jsonl')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const names =
    'time vm vcpu rip symbol cpl reason number qualification bytes instruction actions entry hostNs';
  for (const record of records) expect(Object.keys(record)).toEqual(names.split(' '));
  expect(records.map(({ reason }) => reason)).toContain('CR_ACCESS');
});

test('a triple fault is the last exit, and explained', () => {
  const { status, stdout, stderr } = trace('triple.asm', '--cpu', 'interpret');
  expect(status).toBe(4);
  expect(stdout.trimEnd().split('\n').at(-1)).toMatch(
    / kvm_exit: +vcpu 0 reason TRIPLE_FAULT rip 0x100005 \(last\) cpl 0 \| ud2 \| stopped$/,
  );
  expect(stderr).toMatch(/^trapline: triple fault at 0008:0000000000100005 \(last\)/);
  const stats = trapline(['run', 'triple.asm', '--cpu', 'trap', '--stats'], '', folder).stderr;
  expect(stats).toMatch(/^TRIPLE_FAULT +1 /m);
});

test('a signal completes the file', async () => {
  const args = ['trace', 'endless.asm', '--format', 'perfetto', '-o', 'left.json'];
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder });
  let stderr = '';
  child.stderr.on('data', (bytes) => {
    stderr += bytes;
  });
  for (let size = 0; size === 0; ) {
    await setTimeout(50);
    size = readIfThere('left.json').length;
  }
  child.kill('SIGINT');
  expect(await once(child, 'close')).toEqual([4, null]);
  expect(stderr).toMatch(/^trapline: left by SIGINT at/);
  const { traceEvents } = JSON.parse(read('left.json'));
  expect(traceEvents.length).toBeGreaterThan(100);
});

function readIfThere(name: string): string {
  try {
    return read(name);
  } catch {
    return '';
  }
}

test('a reader that goes away ends it', async () => {
  const child = spawn(process.execPath, [MAIN, 'trace', 'endless.asm'], { cwd: folder });
  let stderr = '';
  child.stderr.on('data', (bytes) => {
    stderr += bytes;
  });
  await once(child.stdout, 'data');
  child.stdout.destroy();
  await once(child, 'close');
  expect(stderr).toBe('');
});

// biome-ignore format: one case per line.
test.each<[args: string[], message: string]>([
  [[],                                         'an image is needed'],
  [['good.asm', '--cpu', 'bare'],              '--cpu: the bare machine has no exits to trace'],
  [['good.asm', '--cpu', 'quick'],             "--cpu: 'quick' is not one of bare, interpret, trap, patch"],
  [['good.asm', '--format', 'flat'],           "--format: 'flat' is not one of text, jsonl, perfetto"],
  [['good.asm', '--serial', 'stdio'],          '--serial stdio: the trace goes to stdout; give it a file with -o'],
  [['good.asm', '-o', 'none/out.txt'],         'none/out.txt: there is no directory none'],
  [['good.asm', '--stats'],                    'Unknown argument: stats'],
])('%j', (args, message) => {
  const { status, stdout, stderr } = trace(...args);
  expect(stderr).toContain(message);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect([status, stdout]).toEqual([2, '']);
});
