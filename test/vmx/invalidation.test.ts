/** What INVVPID and INVEPT drop of what the processor has cached of a guest, and what they leave. */

import { describe, expect, test } from 'vitest';
import { DATA, EPT, VmxRig } from './guest-rig.ts';

/** A page table of the guest for the 2 MiB at DATA; the address that is read, in its second page. */
const PT = 0x9000;
const GVA = DATA + 0x1000;
const PAGES = [DATA + 0x10000, DATA + 0x11000] as const;
const EPTP = BigInt(EPT) | 0x1en;
const PRESENT = 3n;

/** A guest under VPID 1 that tells what it reads. */
function createRig(): VmxRig {
  const rig = new VmxRig(`again: mov eax, [${GVA}]\nvmcall\njmp again`, {
    controls: ['ENABLE_VPID', 'ENABLE_EPT'],
    fields: { VIRTUAL_PROCESSOR_IDENTIFIER: 1n, EPT_POINTER: EPTP },
  });
  rig.poke(EPT, BigInt(EPT + 0x1000) | 7n);
  rig.poke(EPT + 0x1000, BigInt(EPT + 0x2000) | 7n);
  rig.poke(EPT + 0x2000, 0xb7n);
  rig.poke(EPT + 0x2008, BigInt(EPT + 0x3000) | 7n);
  for (let n = 0; n < 512; n++) rig.poke(EPT + 0x3000 + 8 * n, BigInt(DATA + n * 0x1000) | 0x37n);
  rig.poke(0x3008, BigInt(PT) | PRESENT);
  rig.poke(PT + 8, BigInt(PAGES[0]) | PRESENT);
  PAGES.forEach((page, n) => {
    rig.poke(page, BigInt(n + 1));
  });
  return rig;
}

function read(rig: VmxRig): bigint {
  expect(rig.exit().reason).toBe(18);
  return rig.gpr[0] ?? 0n;
}

type Invalidation = readonly [
  name: 'invvpid' | 'invept',
  type: bigint,
  low: bigint,
  high: bigint,
  value: bigint,
];

describe.each([
  ['the guest’s', PT + 8, BigInt(PAGES[1]) | PRESENT],
  ['the extended', EPT + 0x3000 + 8 * 0x10, BigInt(PAGES[1]) | 0x37n],
] as const)('after a change of %s page tables', (_, entry, changed) => {
  test.each<Invalidation>([
    ['invvpid', 0n, 1n, BigInt(GVA), 2n],
    ['invvpid', 1n, 1n, 0n, 2n],
    ['invvpid', 2n, 0n, 0n, 2n],
    ['invvpid', 3n, 1n, 0n, 2n],
    ['invvpid', 1n, 2n, 0n, 1n],
    ['invept', 1n, EPTP, 0n, 2n],
    ['invept', 2n, 0n, 0n, 2n],
    ['invept', 1n, EPTP + 0x1000n, 0n, 1n],
  ])('%s of type %i with %x and %x', (name, type, low, high, value) => {
    const rig = createRig();
    expect(read(rig)).toBe(1n);
    rig.poke(entry, changed);
    expect(read(rig)).toBe(1n);
    rig.invalidate(name, type, low, high);
    expect(read(rig)).toBe(value);
  });
});
