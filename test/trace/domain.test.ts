/** Traces of a PV domain, as they are committed beside. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createTrace, type TraceFormat } from '../../src/trace/create-trace.ts';
import type { MemoryTechnique } from '../../src/vmm/vm-options.ts';
import { DomainRun, MEMORIES, pvGuest } from '../vmm/para/domain-run.ts';

const guest = pvGuest('test/trace/domain.asm');
const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');

/** The trace; what it says is the same however often it is made. */
function trace(format: TraceFormat, memory: MemoryTechnique): string {
  let text = '';
  const writer = createTrace(format, {
    write: (part) => {
      text += part;
    },
    symbols: () => guest.symbols,
    shadowPages: () => run.vm.shadow?.size.pages ?? 0,
  });
  const exits = { sink: writer.sink, now: () => 0 };
  const run = new DomainRun(guest, { memory, exits });
  expect(run.run()).toEqual({ kind: 'off', by: 'SCHEDOP_shutdown' });
  writer.end();
  return text;
}

test('text', () => {
  expect(trace('text', 'direct')).toBe(read('expected-domain.txt'));
});

test('text with shadow page tables has the same, and their faults', () => {
  const lines = trace('text', 'shadow').split('\n');
  const isFill = lines.map((line) => line.includes('reason SHADOW_FILL'));
  const rest = lines.filter((_, n) => !(isFill[n] || (n > 0 && isFill[n - 1])));
  expect(isFill.filter((is) => is).length).toBeGreaterThan(3);
  expect(rest.join('\n')).toBe(read('expected-domain.txt'));
});

describe.each(MEMORIES)('with --memory %s', (memory) => {
  const records = trace('jsonl', memory)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

  test('JSON lines name calls and arguments', () => {
    const call = records.find(({ qualification }) => qualification?.name === 'mmuext_op');
    expect(call).toMatchObject({
      reason: 'VMCALL',
      number: 18,
      instruction: 'syscall',
      cpl: 0,
      qualification: {
        kind: 'hypercall',
        number: 26,
        args: [
          { name: 'list', text: expect.stringMatching(/^0x/) },
          { name: 'count', value: '0x1', text: '1' },
          { name: 'done', value: '0x0' },
          { name: 'foreign', value: '0x7ff0', text: 'DOMID_SELF' },
        ],
        list: ['99 0x1000'],
      },
      actions: [{ kind: 'returned', result: '0xffffffffffffffda', error: 'ENOSYS' }],
    });
    const last = records.at(-1);
    expect(last).toMatchObject({ actions: [{ kind: 'stopped' }], entry: null });
  });

  test('Perfetto names slices by the call', () => {
    const { traceEvents } = JSON.parse(trace('perfetto', memory));
    const slices = traceEvents.filter(({ ph }: { ph: string }) => ph === 'X');
    const names: string[] = slices.map(({ name }: { name: string }) => name);
    expect(names).toContain('set_timer_op');
    expect(names).toContain('CPUID');
    expect(names).toHaveLength(records.length);
  });
});
