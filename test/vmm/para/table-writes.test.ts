/** Writes of a guest's kernel to its L1 tables, as it asks for them with VMASST_TYPE_writable_pagetables. */

import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readGuest } from '../../../src/node/guest-file.ts';
import { DomainBoard } from '../../../src/vmm/para/domain-board.ts';
import { createVirtualMachines } from '../../../src/vmm/virtual-machine.ts';
import { module } from '../lockstep.ts';

const MAX_INSTRUCTIONS = 10_000_000;
/** Of those that are one entry of an L1 table each: good ones, and three bad. */
const WRITES = 17;
const source = fileURLToPath(new URL('table-writes.asm', import.meta.url));
const INCLUDED = fileURLToPath(new URL('../../../guests/inc/', import.meta.url));

test('an entry changes if it may, and else nothing does', () => {
  const { image } = readGuest(source, { defines: { PARA: '' }, includeDirs: [INCLUDED] });
  const [vm] = createVirtualMachines(module, [
    { cpu: 'para', memory: 'direct', ramBytes: 2 ** 23, maxInstructions: MAX_INSTRUCTIONS },
  ]);
  const { machine, domain } = vm!;
  const sent: number[] = [];
  new DomainBoard(machine, domain, { com1: (byte) => sent.push(byte) }).boot(image.pv!);
  expect(machine.run()).toEqual({ kind: 'off', by: 'SCHEDOP_shutdown' });
  expect(domain?.paging.direct?.tableWrites).toBe(WRITES);
  expect(Buffer.from(sent).toString('latin1')).toBe(EXPECTED);
});

const EXPECTED = `\
without the assistance: #PF 0x3
mov: a
xchg: b
lock cmpxchg, not equal: b
lock cmpxchg, equal: a
lock btr of R/W: a
  a write there: #PF 0x3
lock bts of R/W: a
  a write there: a
halves, not present between: b
a byte: b
pop: a
rep stosq: b
a frame of nobody: #PF 0x3
a page table, writable: #PF 0x3
reserved and forbidden bits: #PF 0x3
two entries at once: #PF 0x3
pop to two entries: #PF 0x3
cmpxchg16b: #PF 0x3
an L2 table: #PF 0x3
with TF: a, #DBs: 7
no assistance again: #PF 0x3, #DBs: 7
`;
