/** src/vmm/para/CALLS.md tells of all hypercalls. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EVTCHNOP } from '../../../src/xen/event-channel.ts';
import { HYPERVISOR } from '../../../src/xen/hypercalls.ts';
import { XENMEM } from '../../../src/xen/memory.ts';
import { MMUEXT } from '../../../src/xen/mmu.ts';
import { SCHEDOP } from '../../../src/xen/sched.ts';
import { VCPUOP } from '../../../src/xen/vcpu.ts';

const text = readFileSync(new URL('../../../src/vmm/para/CALLS.md', import.meta.url), 'utf8');
const [first = '', ...sections] = text.split(/^## /m);

/** The first cells of its tables. */
function named(part: string): string[] {
  const cells = [...part.matchAll(/^\| ([^|]+) \|/gm)].map(([, cell]) => cell ?? '');
  return cells.flatMap((cell) => cell.split(/, | to /)).map((name) => name.replaceAll('`', ''));
}

test('each by its name', () => {
  for (const name of Object.keys(HYPERVISOR)) expect(named(first)).toContain(name);
});

test.each([
  ['memory_op', XENMEM],
  ['vcpu_op', VCPUOP],
  ['mmuext_op', MMUEXT],
  ['sched_op', SCHEDOP],
  ['event_channel_op', EVTCHNOP],
] as const)('operations of %s', (call, operations) => {
  const section = sections.find((one) => one.startsWith(`${call}\n`)) ?? '';
  const names = named(section);
  const inside = ['PIN_L2_TABLE', 'PIN_L3_TABLE']; // of "PIN_L1_TABLE to PIN_L4_TABLE"
  for (const name of Object.keys(operations)) {
    if (!inside.includes(name)) expect(names).toContain(name);
  }
});
