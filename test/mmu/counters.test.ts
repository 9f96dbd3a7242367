/** What a walk costs: paging-structure entries read, by paging mode and page size; none without paging. */

import { expect, it } from 'vitest';
import { readCounters } from '../../src/machine/counters.ts';
import { Rig } from './rig.ts';
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

/** `depth`: levels of tables above the page at linear 0, which is at HPA 0. */
interface Case {
  readonly setting: Setting;
  readonly depth: number;
  readonly references: bigint;
}

const CASES: readonly Case[] = [
  { setting: FOUR_LEVEL, depth: 4, references: 4n },
  { setting: FOUR_LEVEL, depth: 3, references: 3n },
  { setting: FOUR_LEVEL, depth: 2, references: 2n },
  { setting: PAE, depth: 3, references: 2n },
  { setting: PAE, depth: 2, references: 1n },
  { setting: PSE, depth: 2, references: 2n },
  { setting: PSE, depth: 1, references: 1n },
  { setting: NO_PSE, depth: 2, references: 2n },
  { setting: UNPAGED, depth: 0, references: 0n },
];

/** Maps linear 0 through `depth` tables, the last of which has the page. */
function mapZero(rig: Rig, { size, shifts }: Setting, depth: number): void {
  for (let level = 0; level < depth; level++) {
    const isPage = level === depth - 1;
    const isPdpte = size === 8 && shifts.length === 3 && level === 0;
    const flags = isPdpte ? PTE_P : PTE_P | PTE_RW;
    const large = isPage && depth < shifts.length ? PTE_PS : 0n;
    const next = isPage ? 0n : tableAt(level + 1);
    rig.poke({ hpa: tableAt(level), size, value: next | flags | large });
  }
}

const tableAt = (level: number): bigint =>
  level === 0 ? ROOT : 0x1_0000n + BigInt(level) * 0x1000n;

it.each(CASES)('$setting.name, $depth levels', ({ setting, depth, references }) => {
  const rig = new Rig();
  const { processor } = rig;
  rig.clear(false);
  mapZero(rig, setting, depth);
  mapCode(rig, setting, 0);
  rig.pokeBytes(CODE_FRAME, [0x90, 0x8b, 0x03, 0x8b, 0x43, 0x04]); // nop; mov eax, [ebx]; mov eax, [ebx + 4]
  rig.load(stateOf(setting, { pdptes: pdptesAt(rig, ROOT) }), setting.isLong);
  processor.view.setU64('RIP', setting.code);
  processor.run(1);
  const before = readCounters(processor.view);
  processor.view.gpr[3] = 0n;
  expect(processor.run(2)).toBe('fuel');
  const after = readCounters(processor.view);
  expect(after.walkReferences - before.walkReferences).toBe(references);
  expect(after.tlbMisses - before.tlbMisses).toBe(setting === UNPAGED ? 0n : 1n);
});
