/**
 * Guests in a VM do, to the instruction, what they do on the bare machine. Under trap that holds for kernels that do
 * not depend on what neither traps nor gives the right result at CPL 3, under patch for every kernel, as long as its user
 * code does not look at the host either.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CPU_TECHNIQUES } from '../../src/vmm/monitor.ts';
import { guestPath, readGuestNamed, runGuest } from './lockstep.ts';
import { SHOW_HOST } from './show-host.ts';

const LIMIT = 3_000_000;

const GUESTS = [
  'hello',
  'paging',
  'interrupts',
  'multiboot',
  'processes',
  'virtualizable',
  'check-acpi',
  'check-apic-timer',
  'check-double-fault',
  'check-io',
  'check-ioapic',
  'check-pae',
  'check-pcid',
  'check-pic',
  'check-pit',
  'check-rtc',
  'check-shadow',
  'check-string',
  'check-tables',
  'check-uart',
  'exceptions',
  'bench-int80',
  'bench-mapunmap',
  'bench-nano-cr8wr',
  'bench-nano-divzero',
  'bench-nano-pgfault',
  'bench-nano-ptemod',
  'bench-pagefault',
  'bench-syscall',
];

/** Their user code sees the host: tests of their own say where. */
const LOOK_AT_HOST: ReadonlySet<string> = new Set([...Object.keys(SHOW_HOST), 'escape', 'probe']);

const ALL = readdirSync(new URL('../../guests', import.meta.url)).filter(
  (name) => existsSync(guestPath(name)) && !LOOK_AT_HOST.has(name),
);

describe.each(CPU_TECHNIQUES)('under %s', (cpu) => {
  test.each(cpu === 'patch' ? ALL : GUESTS)('%s', (name) => {
    const guest = readGuestNamed(name);
    const inputPath = guestPath(name).replace(/main\.asm$/, 'input.txt');
    const input = existsSync(inputPath) ? readFileSync(inputPath) : [];
    const limit = name.startsWith('bench-') ? 300_000 : LIMIT;
    expect(runGuest(guest, cpu, limit, input)).toEqual(runGuest(guest, 'bare', limit, input));
  });
});
