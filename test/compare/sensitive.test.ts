/** The bare machine that stops after sensitive instructions computes what it does without. */

import { expect, test } from 'vitest';
import { Participant } from '../../src/compare/participant.ts';
import { SensitiveSites } from '../../src/compare/sensitive-sites.ts';
import { loadImage } from '../../src/image/load.ts';
import type { Board } from '../../src/pc/board.ts';
import { module, readGuestNamed } from '../vmm/lockstep.ts';
import { EXIT, sourceOf } from '../vmm/source.ts';

const SLICE = 10n ** 6n;
const now = (): number => 0;

test.each(['check-iret', 'check-uart', 'check-string', 'check-debug', 'check-gates32', 'user'])(
  '%s',
  (name) => {
    const { image } = readGuestNamed(name);
    const setup = {
      module,
      boot: ({ machine }: Board): void => void loadImage(machine, image),
      options: { maxInstructions: 20_000_000 },
      now,
    };
    const plain = new Participant('bare', setup);
    while (plain.end === undefined) plain.runTo(plain.time + SLICE);
    const watched = new Participant('bare', setup, { watchesSensitive: true });
    let stops = 0;
    while (watched.end === undefined) if (watched.runToSensitive(watched.time + SLICE)) stops++;
    expect(stops).toBeGreaterThan(10);
    expect(watched.end).toEqual(plain.end);
    expect(watched.time).toBe(plain.time);
    expect(watched.sent.com1.copy()).toEqual(plain.sent.com1.copy());
    const { machine } = watched.board;
    expect(machine.instructions).toBe(plain.board.machine.instructions);
    expect([...machine.processor.view.gpr]).toEqual([...plain.board.machine.processor.view.gpr]);
  },
);

test('it stops after each, and nowhere else', () => {
  const { boot } = sourceOf(
    `nop\nmov eax, cs\nnop\npushfq\npop rax\nmov ecx, 2\nnext: smsw ax\nloop next${EXIT}`,
  );
  const options = { ramBytes: 2 * 2 ** 20 };
  const one = new Participant('bare', { module, boot, options, now }, { watchesSensitive: true });
  const times: number[] = [];
  while (one.runToSensitive(SLICE)) times.push(Number(one.time));
  expect(times).toEqual([2, 4, 7, 9]);
  expect(one.end).toEqual({ kind: 'exit', status: 1 });
});

test('an interrupt that ends in a fault has not run', () => {
  const { boot } = sourceOf(`mov eax, handler
    mov [0x90000 + 13 * 16], ax
    mov dword [0x90000 + 13 * 16 + 2], 0x8e000008
    shr eax, 16
    mov [0x90000 + 13 * 16 + 6], ax
    lidt [pointer]
    int 0x43
    pointer: dw 14 * 16 - 1
    dq 0x90000
    handler: nop${EXIT}`);
  const options = { ramBytes: 2 * 2 ** 20 };
  const one = new Participant('bare', { module, boot, options, now }, { watchesSensitive: true });
  const times: number[] = [];
  while (one.runToSensitive(SLICE)) times.push(Number(one.time));
  expect(times).toEqual([6]);
  expect(one.end).toEqual({ kind: 'exit', status: 1 });
});

test('of many executions the first are looked at, and then ever fewer', () => {
  const sites = new SensitiveSites();
  const due = Array.from({ length: 200 }, (_, n) => (sites.isDue(1n) ? n + 1 : 0));
  expect(due.filter((n) => n > 0)).toEqual([
    ...Array.from({ length: 16 }, (_, n) => n + 1),
    ...[32, 64, 128],
  ]);
  expect(sites.isDue(2n)).toBe(true);
});
