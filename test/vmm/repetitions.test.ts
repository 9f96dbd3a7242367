/** What an instruction that repeats costs, if all its iterations stop. */

import { expect, test } from 'vitest';
import { Board } from '../../src/pc/board.ts';
import { FULL_TECHNIQUES } from '../../src/vmm/monitor.ts';
import { createVirtualMachine } from '../../src/vmm/virtual-machine.ts';
import { module } from './lockstep.ts';
import { EXIT, sourceOf } from './source.ts';

const COUNT = 330;
const OUTPUT = sourceOf(`mov dx, 0x80\nmov esi, 0x200000\nmov ecx, ${COUNT}\nrep outsb\n${EXIT}`);
/** Entries of the root that is in use. */
const ENTRIES = sourceOf(`
  mov rax, cr3
  mov cr3, rax
  lea rdi, [rax + 2048]
  xor eax, eax
  mov ecx, 200
  rep stosq
  ${EXIT}`);

test.each(FULL_TECHNIQUES)('an exit does for many iterations under %s', (cpu) => {
  for (const { boot } of [OUTPUT, ENTRIES]) {
    let count = 0;
    const exits = { sink: () => count++, now: () => 0 };
    const { machine } = createVirtualMachine(module, { cpu, exits });
    boot(new Board(machine));
    expect(machine.run()).toEqual({ kind: 'exit', status: 1 });
    if (cpu !== 'interpret') expect(count).toBeLessThan(40);
  }
});
