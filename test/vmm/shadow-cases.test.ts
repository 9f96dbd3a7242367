/** Histories that shadows once got wrong: what is out of sync comes into use again by another way than its own link. */

import { expect, test } from 'vitest';
import { SPACE_RAM, spaceOf } from '../mmu/address-space.ts';
import { playThese } from '../mmu/sequence.ts';
import { FOUR_LEVEL, type Setting } from '../mmu/settings.ts';
import type { Edit, Step } from '../mmu/steps.ts';
import { ShadowRig } from './shadow-rig.ts';

/** Tables by number: three roots, two PDPTs, two PDs, three page tables. Root 0 and 2 lead to the first of all. */
const [PDPT_A, PDPT_B] = [3, 4];

const read = (page: number): Step => ({ do: 'access', kind: 'read', page, cpl: 0 });
const edit = (root: number, level: number, to: Edit['to'], by: Edit['by']): Step => ({
  do: 'edit',
  root,
  page: 0,
  level,
  to,
  by,
});
const link = (at: number): Step =>
  edit(0, 0, { is: 'table', at, flags: ['p', 'rw', 'us'] }, 'device');
/** The guest maps page 0 to another frame, in the page table that roots 0 and 2 share. */
const remap: Step = edit(2, 3, { is: 'page', at: 3, flags: ['p', 'rw'] }, 'guest');
const flush: Step = { do: 'invpcid', type: 2, page: 0, offset: 0, pcid: 0 };

const CASES: readonly { name: string; setting: Setting; steps: readonly Step[] }[] = [
  {
    name: 'a table is found again through a PDPT that is linked again',
    setting: FOUR_LEVEL,
    steps: [read(0), link(PDPT_B), flush, remap, link(PDPT_A), read(1), read(0)],
  },
  {
    name: 'a table is found again in an address space that was left, and flushed since',
    setting: FOUR_LEVEL,
    steps: [
      { do: 'cr3', root: 2, pcid: 1, keep: false },
      read(0),
      { do: 'cr3', root: 1, pcid: 0, keep: false },
      { do: 'invpcid', type: 1, page: 0, offset: 0, pcid: 1 },
      remap,
      { do: 'cr3', root: 2, pcid: 1, keep: true },
      read(0),
    ],
  },
];

test.each(CASES)('$name', ({ setting, steps }) => {
  const rig = new ShadowRig(setting, { ramBytes: SPACE_RAM });
  expect(() => playThese(rig, spaceOf(setting), true, steps)).not.toThrow();
});
