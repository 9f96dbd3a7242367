/** What is told of a guest that was stopped from outside. */

import { expect, test } from 'vitest';
import { assemble, explainStop, flatImage, loadImage, Pc } from '../../src/index.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';

/** The explanation after the first step of `body`. */
function stopped(body: string): string[] {
  const pc = new Pc(loadProcessorModule());
  const source = `bits 64\norg 0x100000\n${body}`;
  loadImage(pc.machine, flatImage(assemble(source, { file: 'a.asm' }).bytes));
  pc.machine.step();
  return explainStop(pc.machine, 'left');
}

test('a guest that hangs: all', () => {
  const [head, ...state] = stopped('cli\nhang: jmp hang');
  expect(head).toMatch(/^left at 0008:0000000000100001, after \d+ instructions$/);
  expect(state.some((line) => line.startsWith('RAX='))).toBe(true);
});

test('a guest that sleeps: only where', () => {
  expect(stopped('sti\nhlt')).toEqual(['left at 0008:0000000000100002, after 2 instructions']);
});
