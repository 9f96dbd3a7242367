/** Traces of a small guest, as they are committed beside; without host times they are the same in every run. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createTrace, type TraceFormat } from '../../src/trace/create-trace.ts';
import type { CpuTechnique } from '../../src/vmm/monitor.ts';
import { VirtualPc } from '../../src/vmm/virtual-pc.ts';
import { module } from '../vmm/lockstep.ts';
import { sourceOf } from '../vmm/source.ts';

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
const { boot, symbols } = sourceOf(read('guest.asm'));

/** The trace; exits take `hostMs` each. */
function trace(format: TraceFormat, cpu: CpuTechnique, hostMs = 0): string {
  let text = '';
  let time = 0;
  const writer = createTrace(format, {
    write: (part) => {
      text += part;
    },
    symbols,
    shadowPages: () => pc.vm.shadow.size.pages,
  });
  const now = (): number => {
    time += hostMs;
    return time;
  };
  const pc = new VirtualPc(module, {
    cpu,
    ramBytes: 2 * 2 ** 20,
    exits: { sink: writer.sink, now },
  });
  boot(pc);
  expect(pc.machine.run()).toEqual({ kind: 'exit', status: 1 });
  writer.end();
  return text;
}

test('text', () => {
  expect(trace('text', 'trap')).toBe(read('expected.txt'));
});

test('interrupts that come while code is interpreted', () => {
  const lines = trace('text', 'interpret').split('\n');
  expect(lines.filter((line) => line.includes('EXTERNAL_INTERRUPT'))).toHaveLength(1);
  expect(lines.some((line) => line.includes('injected interrupt 0x20'))).toBe(true);
});

test('JSON lines', () => {
  const records = trace('jsonl', 'trap')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const cr3 = records.find(({ qualification }) => qualification?.register === 'cr3');
  expect(cr3).toMatchObject({
    reason: 'CR_ACCESS',
    number: 28,
    instruction: 'mov rax,cr3',
    bytes: '0f20d8',
    qualification: { kind: 'register', register: 'cr3', access: 'mov from', gpr: 'rax' },
    actions: [{ kind: 'emulated' }],
  });
  const times = records.map(({ time }) => time);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

test('Perfetto: exits are slices that do not overlap', () => {
  const { traceEvents } = JSON.parse(trace('perfetto', 'trap', 0.001));
  const names = traceEvents.filter(({ ph }: { ph: string }) => ph === 'M');
  expect(names.map(({ args }: { args: object }) => args)).toEqual([
    { name: 'VM vm0' },
    { name: 'vCPU 0' },
  ]);
  const slices = traceEvents.filter(({ ph }: { ph: string }) => ph === 'X');
  expect(slices.length).toBeGreaterThan(5);
  let end = 0;
  for (const { ts, dur } of slices) {
    expect(ts).toBeGreaterThanOrEqual(end - 1e-6);
    end = ts + dur;
  }
  const counters = traceEvents.filter(({ ph }: { ph: string }) => ph === 'C');
  expect(new Set(counters.map(({ name }: { name: string }) => name))).toContain('shadow pages');
});
