/** A signal ends a run as Ctrl-A x does: the guest's place and state are told. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { folderWith, MAIN } from './command-line.ts';

const SAY = `bits 64
org 0x100000
mov al, '!'
out 0xe9, al
`;
/** Endless, and waiting for input. */
const LOOP = `${SAY}hang: jmp hang\n`;
const READ = `${SAY}mov dx, 0x3fd\npoll: in al, dx\ntest al, 1\njz poll\n`;

/** Sends `signal` to a run of `source` when it has begun. */
async function interrupt(source: string, signal: NodeJS.Signals) {
  const cwd = folderWith({ 'a.asm': source });
  const child: ChildProcess = spawn(process.execPath, [MAIN, 'run', 'a.asm'], { cwd });
  let stderr = '';
  child.stderr?.on('data', (bytes) => {
    stderr += bytes;
  });
  if (child.stdout) await once(child.stdout, 'data');
  child.kill(signal);
  const [status] = await once(child, 'close');
  return { status, stderr };
}

test.each<[string, NodeJS.Signals]>([
  [LOOP, 'SIGINT'],
  [LOOP, 'SIGTERM'],
  [READ, 'SIGINT'],
])('%j, %s', async (source, signal) => {
  const { status, stderr } = await interrupt(source, signal);
  expect(status).toBe(4);
  const place = source === LOOP ? '0000000000100004 (hang)' : '00000000001000';
  expect(stderr).toContain(`trapline: left by ${signal} at 0008:${place}`);
  expect(stderr).toMatch(/^RAX=/m);
});
