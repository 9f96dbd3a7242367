/** Histories in which a table that is out of sync comes into use in another way: few random ones do the like. */

import { expect, test } from 'vitest';
import { SPACE_RAM, spaceOf } from '../mmu/address-space.ts';
import { playThese } from '../mmu/sequence.ts';
import { FOUR_LEVEL } from '../mmu/settings.ts';
import type { Edit, Step } from '../mmu/steps.ts';
import { ShadowRig } from './shadow-rig.ts';

/** Tables by number. At first root 0 leads to PDPT 3, PD 5, and PT 7 for pages 0 and 1, PT 8 for pages 2 and 3. */
const table = (at: number): Edit['to'] => ({ is: 'table', at, flags: ['p', 'rw', 'us'] });
const frame = (at: number): Edit['to'] => ({ is: 'page', at, flags: ['p', 'rw'] });
const edit = (by: Edit['by'], page: number, level: number, to: Edit['to'], root = 0): Step => ({
  do: 'edit',
  root,
  page,
  level,
  to,
  by,
});
const read = (page: number): Step => ({ do: 'access', kind: 'read', page, cpl: 0 });
const invpcid = (type: number, pcid: number): Step => ({
  do: 'invpcid',
  type,
  page: 0,
  offset: 0,
  pcid,
});
const load = (root: number, pcid: number, keep: boolean): Step => ({ do: 'cr3', root, pcid, keep });

const CASES: readonly { readonly name: string; readonly steps: readonly Step[] }[] = [
  {
    name: 'it is linked by one more PD entry',
    steps: [
      read(2),
      edit('guest', 2, 3, frame(3)),
      edit('device', 0, 2, table(8)),
      read(1),
      read(0),
    ],
  },
  {
    name: 'a PDPT that leads to it is linked again',
    steps: [
      read(0),
      edit('device', 0, 0, table(4)),
      invpcid(2, 0),
      edit('guest', 0, 3, frame(3), 2),
      edit('device', 0, 0, table(3)),
      read(1),
      read(0),
    ],
  },
  {
    name: 'its address space is entered again, which had been flushed',
    steps: [
      load(2, 1, false),
      read(0),
      load(1, 0, false),
      invpcid(1, 1),
      edit('guest', 0, 3, frame(3), 2),
      load(2, 1, true),
      read(0),
    ],
  },
  {
    name: 'it serves as a PD too',
    steps: [
      read(2),
      edit('guest', 2, 3, table(9)),
      edit('device', 0, 1, table(8)),
      read(0),
      edit('guest', 0, 2, table(7)),
      { do: 'invlpg', page: 0, offset: 0 },
      read(0),
    ],
  },
];

test.each(CASES)('$name', ({ steps }) => {
  const rig = new ShadowRig(FOUR_LEVEL, { ramBytes: SPACE_RAM });
  expect(() => playThese(rig, spaceOf(FOUR_LEVEL), true, steps)).not.toThrow();
});
