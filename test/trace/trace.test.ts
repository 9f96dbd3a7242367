/** Traces of a small guest, as they are committed beside; without host times they are the same in every run. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createTrace, type TraceFormat } from '../../src/trace/create-trace.ts';
import type { ExitRecord } from '../../src/vmm/exits/exit-record.ts';
import type { FullTechnique } from '../../src/vmm/monitor.ts';
import { VirtualPc } from '../../src/vmm/virtual-pc.ts';
import { module } from '../vmm/lockstep.ts';
import { sourceOf } from '../vmm/source.ts';

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
const { boot, symbols } = sourceOf(read('guest.asm'));

/** The trace; exits take `hostMs` each. */
function trace(format: TraceFormat, cpu: FullTechnique, hostMs = 0): string {
  let text = '';
  let time = 0;
  const writer = createTrace(format, {
    write: (part) => {
      text += part;
    },
    symbols: () => symbols,
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

test('a triple fault is an exit, and the last one', () => {
  const guest = sourceOf('mov esp, 0x80000\nlast: ud2');
  for (const cpu of ['interpret', 'trap', 'patch'] as const) {
    const records: ExitRecord[] = [];
    const exits = { sink: (record: ExitRecord) => records.push(record), now: () => 0 };
    const pc = new VirtualPc(module, { cpu, ramBytes: 2 * 2 ** 20, exits });
    guest.boot(pc);
    expect(pc.machine.run().kind).toBe('shutdown');
    const last = records.at(-1);
    expect(last).toMatchObject({
      reason: 'TRIPLE_FAULT',
      actions: [{ kind: 'stopped' }],
      time: 1n,
    });
    expect(last?.entry).toBeUndefined();
    expect(guest.symbols.name(last?.rip ?? 0n)).toBe('last');
    expect(records.filter(({ reason }) => reason === 'TRIPLE_FAULT')).toHaveLength(1);
  }
});

interface TraceEvent {
  readonly ph: string;
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur: number;
  readonly args: Readonly<Record<string, unknown>>;
}

/** As importers do it: fractions of microseconds are cut off to nanoseconds. */
const ns = (us: number): number => Math.trunc(us * 1000);

test('Perfetto: exits are slices that do not overlap', () => {
  const { traceEvents }: { traceEvents: TraceEvent[] } = JSON.parse(
    trace('perfetto', 'trap', 0.001),
  );
  const names = traceEvents.filter(({ ph }) => ph === 'M');
  expect(names.map(({ name, args }) => [name, args['name']])).toEqual([
    ['process_name', 'VM vm0'],
    ['thread_name', 'vCPU 0'],
  ]);
  expect(traceEvents.slice(0, 2)).toEqual(names);
  const [{ pid, tid } = { pid: 0, tid: 0 }] = names;
  const slices = traceEvents.filter(({ ph }) => ph === 'X');
  expect(slices.length).toBeGreaterThan(5);
  let end = 0;
  for (const slice of slices) {
    expect(ns(slice.ts)).toBeGreaterThanOrEqual(end);
    end = ns(slice.ts) + ns(slice.dur);
    expect([slice.pid, slice.tid]).toEqual([pid, tid]);
    expect(slice.args).toHaveProperty('qualification');
  }
  const times = traceEvents.flatMap(({ ts }) => ts ?? []);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  const counters = traceEvents.filter(({ ph }) => ph === 'C');
  expect(new Set(counters.map(({ name }) => name))).toEqual(
    new Set(['shadow pages', 'exits per ms']),
  );
  const counted = counters.filter(({ name }) => name === 'exits per ms');
  expect(counted.reduce((sum, { args }) => sum + Number(args['value']), 0)).toBe(slices.length);
});
