/** What a guest can do to its neighbours with machine addresses, and without them. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadImage } from '../../../src/image/load.ts';
import type { DramOptions } from '../../../src/machine/dram/geometry.ts';
import { readGuest } from '../../../src/node/guest-file.ts';
import { loadProcessorModule } from '../../../src/node/wasm.ts';
import { Board } from '../../../src/pc/board.ts';
import { DomainBoard } from '../../../src/vmm/para/domain-board.ts';
import { Scheduler } from '../../../src/vmm/scheduler.ts';
import { createVirtualMachines } from '../../../src/vmm/virtual-machine.ts';
import type { VmOptions } from '../../../src/vmm/vm-options.ts';

const module = loadProcessorModule();
const MIB = 2 ** 20;
const guest = (name: string): URL => new URL(`../../../guests/${name}/`, import.meta.url);

type Neighbour = VmOptions & { readonly guest: string };

/** What each prints; all are on one machine. */
function run(vms: readonly Neighbour[], dram?: DramOptions): string[] {
  const outputs = vms.map(() => '');
  const scheduler = new Scheduler();
  const made = createVirtualMachines(module, vms, dram && { dram });
  for (const [n, { machine, domain }] of made.entries()) {
    const com1 = (byte: number): void => {
      outputs[n] += String.fromCharCode(byte);
    };
    const path = fileURLToPath(new URL('main.asm', guest(vms[n]!.guest)));
    if (domain === undefined) {
      new Board(machine, { com1 });
      loadImage(machine, readGuest(path).image);
    } else {
      const { image } = readGuest(path, { format: 'pv', defines: { PARA: '' } });
      new DomainBoard(machine, domain, { com1 }).boot(image.pv!);
    }
    scheduler.add({ machine, weight: 1 });
  }
  while (!scheduler.isIdle) scheduler.step();
  return outputs;
}

describe('machine-addresses', () => {
  const spy = { guest: 'machine-addresses', cpu: 'para' } as const;
  const others: readonly Neighbour[] = [
    { guest: 'hello', cpu: 'patch', ramBytes: 16 * MIB },
    { guest: 'hello', cpu: 'para', memory: 'shadow', ramBytes: 8 * MIB },
  ];

  test('alone', () => {
    const expected = readFileSync(new URL('expected-para.txt', guest(spy.guest)), 'latin1');
    expect(run([spy])).toEqual([expected]);
  });

  test('others show, whatever they run under', () => {
    const [output] = run([spy, ...others]);
    expect(output).toMatch(/Beside my frames lie [1-9]\d+ of others, [1-9]\d+ of them between/);
    expect(output).toContain(
      `Others have ${(16 + 8) * 256} frames; the largest of them has at least 4096.`,
    );
  });

  test('under shadow page tables it is the same whoever else there is', () => {
    const blind = { ...spy, memory: 'shadow' } as const;
    const [alone] = run([blind]);
    expect(run([...others, blind]).at(-1)).toBe(alone);
    expect(alone).toContain('there is no machine and nobody else to be seen');
  });
});

describe('rowhammer', () => {
  const dram = { banks: 8, rows: 1024, threshold: 50_000, seed: 1 };
  const mallory = { guest: 'rowhammer-neighbour', cpu: 'para' } as const;
  const alice = { guest: 'rowhammer-victim', cpu: 'patch', ramBytes: 16 * MIB } as const;
  const UNCHANGED = 'my memory is as I left it\n';

  test('under direct paging bits of the neighbour change', () => {
    const [aimed, seen] = run([mallory, alice], dram);
    expect(aimed).toBe('rows hammered on: 8\n');
    expect(seen).toMatch(/^(a bit of my memory has changed: 0x[0-9a-f]{8} bit \d+\n)+$/);
  });

  test('with memory that has no such faults none does', () => {
    expect(run([mallory, alice])).toEqual(['rows hammered on: 8\n', UNCHANGED]);
  });

  test('under shadow page tables it cannot aim', () => {
    const [, seen] = run([{ ...mallory, memory: 'shadow' }, alice], dram);
    expect(seen).toBe(UNCHANGED);
  });
});
