/**
 * What a two-dimensional walk costs, and what it leaves behind: references by page sizes in both dimensions, and VM
 * exits away from plain accesses.
 */

import { describe, expect, it } from 'vitest';
import { readCounters } from '../../src/machine/counters.ts';
import {
  EPT_ALL,
  EPT_R,
  EPT_X,
  type EptEdit,
  EptRig,
  guestPokes,
  hostOf,
  LEAF,
} from './ept-tables.ts';
import { DEVICE, Rig } from './rig.ts';
import {
  CODE_FRAME,
  FOUR_LEVEL,
  NO_PSE,
  PAE,
  PSE,
  ROOT,
  type Setting,
  stateOf,
  UNPAGED,
} from './settings.ts';
import { mapCode, PTE_P, PTE_PS, PTE_RW, pdptesAt } from './tables.ts';

const PLAIN = { edits: [], hasFlags: false, log: undefined, vpid: 1 };

/** A processor with the code at its place; all of memory is mapped by EPT. */
function begin(
  setting: Setting,
  code: readonly number[],
  edits: readonly EptEdit[] = [],
  hasFlags = false,
) {
  const rig = new Rig();
  rig.clear(false);
  const ept = new EptRig(rig, { ...PLAIN, edits, hasFlags });
  const guest = guestPokes(rig);
  mapCode(guest, setting, 0);
  guest.pokeBytes(CODE_FRAME, code);
  const enter = (): void => {
    const pdptes = pdptesAt(rig, hostOf(ROOT));
    rig.load(stateOf(setting, { pdptes }), setting.isLong);
    rig.processor.view.setU64('RIP', setting.code);
    ept.enter();
  };
  return { rig, ept, guest, enter, processor: rig.processor };
}

/** Maps linear 0 to guest-physical `page` through `depth` tables, the last of which has it. */
function mapZero(
  poke: ReturnType<typeof guestPokes>['poke'],
  setting: Setting,
  depth: number,
  page: bigint,
): void {
  const { size, shifts } = setting;
  const at = (level: number): bigint => (level === 0 ? ROOT : 0x1_0000n + BigInt(level) * 0x1000n);
  for (let level = 0; level < depth; level++) {
    const isPage = level === depth - 1;
    const isPdpte = size === 8 && shifts.length === 3 && level === 0;
    const flags = isPdpte ? PTE_P : PTE_P | PTE_RW;
    const large = isPage && depth < shifts.length ? PTE_PS : 0n;
    poke({ hpa: at(level), size, value: (isPage ? page : at(level + 1)) | flags | large });
  }
}

interface Cost {
  readonly setting: Setting;
  /** Levels of the guest's tables that are walked; where the page lies, by EPT pages of 4 KiB, 2 MiB or 1 GiB. */
  readonly depth: number;
  readonly page: bigint;
  readonly guest: number;
  readonly ept: number;
}

/** The guest's tables lie in 4 KiB pages: 4 EPT entries each. */
const COSTS: readonly Cost[] = [
  { setting: FOUR_LEVEL, depth: 4, page: 0x12000n, guest: 4, ept: 20 },
  { setting: FOUR_LEVEL, depth: 4, page: 0x20_0000n, guest: 4, ept: 19 },
  { setting: FOUR_LEVEL, depth: 4, page: DEVICE, guest: 4, ept: 18 },
  { setting: FOUR_LEVEL, depth: 3, page: 0n, guest: 3, ept: 16 },
  { setting: FOUR_LEVEL, depth: 3, page: 0x20_0000n, guest: 3, ept: 15 },
  { setting: FOUR_LEVEL, depth: 2, page: 0n, guest: 2, ept: 12 },
  { setting: PAE, depth: 3, page: 0n, guest: 2, ept: 12 },
  { setting: PAE, depth: 2, page: 0n, guest: 1, ept: 8 },
  { setting: PSE, depth: 2, page: 0n, guest: 2, ept: 12 },
  { setting: PSE, depth: 1, page: 0n, guest: 1, ept: 8 },
  { setting: NO_PSE, depth: 2, page: 0n, guest: 2, ept: 12 },
  { setting: UNPAGED, depth: 0, page: 0n, guest: 0, ept: 4 },
];

describe('references of a walk', () => {
  it.each(COSTS)('$setting.name, $depth levels, page at $page: $guest + $ept', (cost) => {
    const { setting, depth, page, guest, ept } = cost;
    const code = [0x90, 0x8b, 0x03, 0x8b, 0x43, 0x04]; // nop; mov eax, [ebx]; mov eax, [ebx + 4]
    const scene = begin(setting, code);
    mapZero(scene.guest.poke, setting, depth, page);
    scene.enter();
    const { processor } = scene;
    processor.run(1);
    const before = readCounters(processor.view);
    processor.view.gpr[3] = 0n;
    expect(processor.run(2)).toBe('fuel');
    const after = readCounters(processor.view);
    expect(Number(after.guestEntryReads - before.guestEntryReads)).toBe(guest);
    expect(Number(after.eptEntryReads - before.eptEntryReads)).toBe(ept);
    expect(Number(after.walkReferences - before.walkReferences)).toBe(guest + ept);
    expect(after.tlbMisses - before.tlbMisses).toBe(1n);
  });
});

describe('VM exits', () => {
  const exitOf = ({ view }: Rig['processor']) => ({
    reason: view.u32('VM_EXIT_REASON'),
    qualification: view.u64('VM_EXIT_QUALIFICATION'),
    gpa: view.u64('VM_EXIT_GPA'),
  });
  /** The frame at guest-physical `gpa` below 2 MiB has `rights`. */
  const page = (gpa: bigint, rights: bigint): EptEdit => ({
    level: 3,
    index: Number(gpa >> 12n),
    value: (hostOf(gpa) & ~0xfffn) | (LEAF & ~EPT_ALL) | rights,
  });

  it('a load of PDPTEs has no linear address, and reads even where walks count as writes', () => {
    const table = 0x1_2000n;
    for (const [rights, exit] of [
      [0n, 0x1n],
      [EPT_X, 0x21n],
    ] as const) {
      const edits = [page(table, rights)];
      const { enter, processor, rig } = begin(PAE, [0x0f, 0x22, 0xd8], edits, true); // mov cr3, eax
      enter();
      const pdptes = pdptesAt(rig, hostOf(ROOT));
      processor.view.gpr[0] = table;
      expect(processor.run(1)).toBe('vmExit');
      expect(exitOf(processor)).toEqual({ reason: 48, qualification: exit, gpa: table });
      expect(processor.view.u64('CR3')).toBe(ROOT);
      expect(processor.view.u64('PDPTES')).toBe(pdptes[0]);
      expect(processor.view.u64('RIP')).toBe(PAE.code);
    }
    const { enter, processor, rig } = begin(PAE, [0x0f, 0x22, 0xd8], [page(table, EPT_R)], true);
    enter();
    processor.view.gpr[0] = table;
    expect(processor.run(1)).toBe('fuel');
    expect(rig.actual.readEntry(0x33000n + 0x12n * 8n) & 0x300n).toBe(0x100n); // accessed, not dirty
  });

  it('one on the way to a handler leaves the event undelivered', () => {
    const idt = 0x1_4000n;
    const { enter, guest, processor } = begin(FOUR_LEVEL, [0x0f, 0x0b], [page(idt, 0n)]); // ud2
    mapZero(guest.poke, FOUR_LEVEL, 4, idt);
    enter();
    const { view } = processor;
    view.setU32('HOSTED', 0);
    view.setU64('IDTR_BASE', 0n);
    view.setU32('IDTR_LIMIT', 0xfff);
    expect(processor.run(5)).toBe('vmExit');
    expect(exitOf(processor)).toEqual({ reason: 48, qualification: 0x181n, gpa: idt + 0x60n });
    expect(view.u64('VM_EXIT_GLA')).toBe(0x60n);
    expect(view.u32('EVENT_VECTOR')).toBe(6);
    expect(view.u64('RIP')).toBe(FOUR_LEVEL.code);
  });

  it('INT n that exits on its way has not retired', () => {
    const idt = 0x1_4000n;
    const { enter, guest, processor } = begin(FOUR_LEVEL, [0xcd, 0x20], [page(idt, 0n)]); // int 0x20
    mapZero(guest.poke, FOUR_LEVEL, 4, idt);
    enter();
    const { view } = processor;
    view.setU32('HOSTED', 0);
    view.setU64('IDTR_BASE', 0n);
    view.setU32('IDTR_LIMIT', 0xfff);
    const time = processor.time;
    expect(processor.run(5)).toBe('vmExit');
    expect(view.u64('RIP')).toBe(FOUR_LEVEL.code);
    expect(processor.time - time).toBeLessThanOrEqual(1n);
  });

  it('a repeated string instruction exits between iterations', () => {
    // rep stosb over the end of a page into one that may not be written
    const { enter, guest, processor, rig } = begin(
      FOUR_LEVEL,
      [0xf3, 0xaa],
      [page(0x1_5000n, EPT_R)],
    );
    mapZero(guest.poke, FOUR_LEVEL, 4, 0x1_4000n);
    guest.poke({ hpa: 0x1_3008n, size: 8, value: 0x1_5000n | PTE_P | PTE_RW });
    enter();
    const { view } = processor;
    view.gpr[0] = 0x5an;
    view.gpr[1] = 0x10n;
    view.gpr[7] = 0xff8n;
    expect(processor.run(100)).toBe('vmExit');
    expect(view.gpr[1]).toBe(8n);
    expect(view.gpr[7]).toBe(0x1000n);
    expect(rig.actual.hex(hostOf(0x1_4ff8n), 8)).toBe('5a'.repeat(8));
    expect(view.u64('RIP')).toBe(FOUR_LEVEL.code);
    expect(exitOf(processor).gpa).toBe(0x1_5000n);
  });
});
