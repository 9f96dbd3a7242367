/** Translations under VPIDs and over EPTs: which stay apart, and which an invalidation must drop. */

import { beforeEach, describe, expect, it } from 'vitest';
import { readCounters } from '../../src/machine/counters.ts';
import { EptRig, guestPokes, hostOf, LEAF } from './ept-tables.ts';
import { Rig } from './rig.ts';
import { CODE_FRAME, FOUR_LEVEL, ROOT, stateOf } from './settings.ts';
import { mapCode, PTE_P, PTE_PS, PTE_RW } from './tables.ts';

const rig = new Rig();
const { processor } = rig;
const guest = guestPokes(rig);
const TABLE = PTE_P | PTE_RW;
/** Guest-physical: the tables for linear 0 and 2 MiB; pages that hold their numbers. */
const PDPT = 0x1_0000n;
const PD = 0x1_1000n;
const PT = 0x1_2000n;
const PAGES = [0x1_4000n, 0x1_5000n, 0x1_6000n] as const;
/** A second root of EPT, and the last table below it. */
const OTHER_ROOT = 0x37000n;
const OTHER_TABLES = [0x37000n, 0x38000n, 0x39000n, 0x3a000n] as const;
const OTHER_EPTP = OTHER_ROOT | 0x1en;
const EPT_PT = 0x33000n;
const LARGE_GVA = 0x20_0000n;

let eptp = 0n;

/** Puts guest page `n` at linear 0. */
const mapPage = (n: 0 | 1 | 2): void => guest.poke({ hpa: PT, size: 8, value: PAGES[n] | TABLE });
/** Puts the page at 2 MiB at guest-physical 0 or 2 MiB. */
const mapLarge = (base: bigint): void =>
  guest.poke({ hpa: PD + 8n, size: 8, value: base | TABLE | PTE_PS });
/** Puts the frame of guest page `n` where page 0 is for the EPT whose last table is at `table`. */
const mapFrame = (n: 0 | 1 | 2, table = EPT_PT): void =>
  rig.poke({
    hpa: table + (PAGES[0] >> 12n) * 8n,
    size: 8,
    value: (hostOf(PAGES[n]) & ~0xfffn) | LEAF,
  });

function read(gva: bigint): number {
  processor.view.setU64('RIP', FOUR_LEVEL.code);
  processor.view.gpr[3] = gva;
  expect(processor.run(1)).toBe('fuel');
  return Number(processor.view.gpr[0]) & 0xff;
}
/** mov cr3, rcx. */
function reloadRoot(): void {
  processor.view.setU64('RIP', FOUR_LEVEL.code + 3n);
  processor.view.gpr[1] = ROOT;
  expect(processor.run(1)).toBe('fuel');
}
/** invlpg [rbx]. */
function invalidate(gva: bigint): void {
  processor.view.setU64('RIP', FOUR_LEVEL.code + 6n);
  processor.view.gpr[3] = gva;
  expect(processor.run(1)).toBe('fuel');
}

beforeEach(() => {
  rig.clear(false);
  const ept = new EptRig(rig, { edits: [], hasFlags: false, log: undefined, vpid: 1 });
  ({ eptp } = ept);
  OTHER_TABLES.forEach((table, level) => {
    rig.pokeBytes(table, rig.expected.page(0x30000 + 0x1000 * level));
    const next = OTHER_TABLES[level + 1];
    if (next !== undefined) rig.poke({ hpa: table, size: 8, value: next | 7n });
  });
  mapCode(guest, FOUR_LEVEL, 0);
  guest.poke({ hpa: ROOT, size: 8, value: PDPT | TABLE });
  guest.poke({ hpa: PDPT, size: 8, value: PD | TABLE });
  guest.poke({ hpa: PD, size: 8, value: PT | TABLE });
  mapPage(0);
  mapLarge(0n);
  PAGES.forEach((gpa, n) => {
    guest.pokeBytes(gpa, [n]);
  });
  guest.pokeBytes(0x3000n, [0xa]);
  guest.pokeBytes(0x20_3000n, [0xb]);
  guest.pokeBytes(CODE_FRAME, [0x48, 0x8b, 0x03, 0x0f, 0x22, 0xd9, 0x0f, 0x01, 0x3b]);
  rig.load(stateOf(FOUR_LEVEL, {}), true);
  processor.nest(eptp, 1);
});

describe("an edit of the guest's tables is seen", () => {
  it.each<[string, () => void]>([
    ['MOV to CR3', reloadRoot],
    ['INVLPG', () => invalidate(0n)],
    ['INVVPID of the address', () => processor.dropVpid(1, 0x123n)],
    ['INVVPID of the VPID', () => processor.dropVpid(1)],
    ['INVVPID of all', () => processor.dropVpids()],
  ])('after %s', (_, drop) => {
    expect(read(0n)).toBe(0);
    mapPage(1);
    drop();
    expect(read(0n)).toBe(1);
  });

  it.each<[string, () => void]>([
    ['INVLPG', () => invalidate(LARGE_GVA + 0x1000n)],
    ['INVVPID of an address', () => processor.dropVpid(1, LARGE_GVA + 0x5000n)],
  ])('in all of a large page after %s', (_, drop) => {
    expect(read(LARGE_GVA + 0x3000n)).toBe(0xa);
    mapLarge(LARGE_GVA);
    drop();
    expect(read(LARGE_GVA + 0x3000n)).toBe(0xb);
  });

  it('under another VPID, whatever the first has cached', () => {
    expect(read(0n)).toBe(0);
    mapPage(1);
    processor.nest(eptp, 2);
    expect(read(0n)).toBe(1);
  });

  it('under no VPID, after an entry without one', () => {
    processor.nest(eptp, 0);
    expect(read(0n)).toBe(0);
    mapPage(1);
    processor.dropVpid(0);
    processor.nest(eptp, 0);
    expect(read(0n)).toBe(1);
  });
});

describe('an edit of EPT is seen', () => {
  it.each<[string, () => void]>([
    ['INVEPT of its pointer', () => processor.dropEpt(eptp)],
    ['INVEPT of all', () => processor.dropEpt()],
  ])('after %s, under any VPID', (_, drop) => {
    for (const vpid of [1, 2]) {
      processor.nest(eptp, vpid);
      expect(read(0n)).toBe(0);
    }
    mapFrame(1);
    drop();
    for (const vpid of [1, 2]) {
      processor.nest(eptp, vpid);
      expect(read(0n)).toBe(1);
    }
  });

  it('of an upper level as well', () => {
    expect(read(0n)).toBe(0);
    mapFrame(2, OTHER_TABLES[3]);
    rig.poke({ hpa: 0x32000n, size: 8, value: OTHER_TABLES[3] | 7n });
    processor.dropEpt(eptp);
    expect(read(0n)).toBe(2);
  });

  it('without any, where it gives rights that an access lacked', () => {
    const entry = EPT_PT + (PAGES[0] >> 12n) * 8n;
    rig.poke({ hpa: entry, size: 8, value: 0n });
    processor.view.setU64('RIP', FOUR_LEVEL.code);
    processor.view.gpr[3] = 0n;
    expect(processor.run(1)).toBe('vmExit');
    mapFrame(0);
    expect(read(0n)).toBe(0);
  });
});

it('two EPTs under one VPID stay apart', () => {
  mapFrame(2, OTHER_TABLES[3]);
  expect(read(0n)).toBe(0);
  processor.nest(OTHER_EPTP, 1);
  expect(read(0n)).toBe(2);
  processor.nest(eptp, 1);
  expect(read(0n)).toBe(0);
});

it('linear addresses of VMX root operation are not those of a VPID', () => {
  expect(read(0n)).toBe(0);
  rig.pokeBytes(ROOT, rig.expected.page(Number(hostOf(ROOT))));
  for (const at of [PDPT, PD, PT, 0x5000n, 0x6000n, 0x7000n, CODE_FRAME]) {
    rig.pokeBytes(at, rig.expected.page(Number(hostOf(at))));
  }
  rig.pokeBytes(PAGES[0], [0xc]);
  processor.nest(0n, 0);
  expect(read(0n)).toBe(0xc);
  processor.nest(eptp, 1);
  expect(read(0n)).toBe(0);
});

it.each<[string, () => void, bigint]>([
  // The code of both is at one address, and is walked to again.
  ['MOV to CR3 under another VPID', reloadRoot, 24n],
  ['INVVPID of another', () => processor.dropVpid(2), 0n],
])('%s leaves what a VPID has', (_, drop, references) => {
  expect(read(0n)).toBe(0);
  processor.nest(eptp, 2);
  drop();
  processor.nest(eptp, 1);
  const { walkReferences } = readCounters(processor.view);
  expect(read(0n)).toBe(0);
  expect(readCounters(processor.view).walkReferences - walkReferences).toBe(references);
});
