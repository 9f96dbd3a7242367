/** A guest on a terminal sleeps as long as it says; any other does not wait. */

import { expect, test } from 'vitest';
import { DrivenGuest, drive, type Input } from '../../src/cli/drive.ts';
import { Leaving } from '../../src/cli/leaving.ts';
import { assemble, flatImage, loadImage, Pc } from '../../src/index.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';

const SLEEP_MS = 600;

/** Sleeps through ticks of the PIT, and ends. */
const SOURCE = `bits 64
org 0x100000
mov ebx, ${SLEEP_MS / 50}
lidt [idtr]
mov al, 0x11
out 0x20, al
mov al, 32
out 0x21, al
mov al, 4
out 0x21, al
mov al, 1
out 0x21, al
mov al, 0xfe
out 0x21, al
mov al, 0x34 ; mode 2, 20 Hz
out 0x43, al
mov al, 59659 & 255
out 0x40, al
mov al, 59659 >> 8
out 0x40, al
sti
sleep: hlt
jmp sleep
tick: mov al, 0x20
out 0x20, al
dec ebx
jz done
iretq
done: mov al, 0
out 0xf4, al
idtr: dw 33 * 16 - 1
dq idt
align 16
idt: times 32 dq 0, 0
dw tick - $$
dw 8, 0x8e00, 0x10
dq 0
`;

/** Host time of a run of the guest with `input`, in milliseconds. */
async function duration(input: Input): Promise<number> {
  const pc = new Pc(loadProcessorModule());
  loadImage(pc.machine, flatImage(assemble(SOURCE, { file: 'sleep.asm' }).bytes));
  const start = performance.now();
  const guest = new DrivenGuest(pc, 1, input);
  await drive([guest], new Leaving(), () => {});
  expect(guest.end).toEqual({ kind: 'exit', status: 1 });
  expect(Number(pc.machine.clock.now()) / 1e6).toBeGreaterThan(SLEEP_MS - 60);
  return performance.now() - start;
}

test('a guest on a terminal', async () => {
  const terminal = { isLive: true } as Input;
  expect(await duration(terminal)).toBeGreaterThan(SLEEP_MS - 60);
});

test('a guest without one', async () => {
  await duration(undefined);
});
