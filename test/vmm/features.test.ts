/**
 * What a processor can make trap beyond what always does: with UMIP and CPUID faulting trap-and-emulate is right about six
 * more instructions, without them it is not. RDTSC, RDTSCP and RDPMC every processor can make trap.
 */

import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { assemble } from '../../src/assembler/assemble.ts';
import { flatImage } from '../../src/image/flat.ts';
import type { Image } from '../../src/image/image.ts';
import { DEFAULT_FEATURES } from '../../src/machine/features.ts';
import { readGuest } from '../../src/node/guest-file.ts';
import { FULL_TECHNIQUES } from '../../src/vmm/monitor.ts';
import { guestPath, readGuestNamed, runGuest } from './lockstep.ts';
import { differingLines } from './sensitive-lines.ts';

const LIMIT = 20_000_000;
const WITH_UMIP = new Set([...DEFAULT_FEATURES, 'umip']);
const WITH_FAULTING = new Set([...DEFAULT_FEATURES, 'cpuid_fault']);

describe.each(FULL_TECHNIQUES)('under %s', (cpu) => {
  test.each(['probe', 'check-control', 'check-privilege', 'check-segments'])('UMIP: %s', (name) => {
    const guest = readGuestNamed(name);
    const differing = (features: ReadonlySet<string>): string[] => {
      const bare = runGuest(guest, { cpu: 'bare', features }, LIMIT);
      const vm = runGuest(guest, { cpu, features }, LIMIT);
      return differingLines(bare.output, vm.output).map((pair) => pair.bare);
    };
    const covered = /\b(sgdt|sidt|sldt|str|smsw|lldt):?/;
    const without = differing(DEFAULT_FEATURES);
    expect(differing(WITH_UMIP)).toEqual(without.filter((line) => !covered.test(line)));
    if (cpu === 'trap') expect(without.filter((line) => covered.test(line))).not.toEqual([]);
  });
});

const counters = readGuest(new URL('counters.asm', import.meta.url).pathname, {
  includeDirs: [dirname(guestPath('hello'))],
});

describe.each([DEFAULT_FEATURES, WITH_FAULTING])('counters and CPUID', (features) => {
  const has = features.has('cpuid_fault');
  const bare = runGuest(counters, { cpu: 'bare', features }, LIMIT);
  const lineOf = (label: string): string =>
    bare.output
      .split('\n')
      .find((line) => line.startsWith(`${label}: `))
      ?.slice(label.length + 2) ?? '';

  test.each(FULL_TECHNIQUES)('are the same under %s as bare, to the nanosecond', (cpu) => {
    expect(runGuest(counters, { cpu, features }, LIMIT)).toEqual(bare);
  });

  test.each(['rdtsc with tsd at cpl 3', 'rdtscp with tsd at cpl 3'])('%s: #GP', (label) => {
    expect(lineOf(label)).toBe('#GP(0x0000) +0');
  });
  test.each(['without pce at cpl 3', 'without pce at cpl 0', 'with pce at cpl 3'])(
    'rdpmc %s: #GP, for there is no counter',
    (label) => expect(lineOf(`rdpmc ${label}`)).toBe('#GP(0x0000) +2'),
  );
  test('CPUID faults at CPL 3 where the machine can do that and the guest asks for it', () => {
    const genu = '0x00000000756e6547';
    expect(lineOf('cpuid at cpl 3')).toBe(genu);
    expect(lineOf('platform info')).toBe(has ? '0x0000000080000000' : '#GP(0x0000) +5');
    expect(lineOf('a reserved bit')).toMatch(/^#GP/);
    expect(lineOf('cpuid faulting on')).toMatch(has ? /^ok/ : /^#GP/);
    expect(lineOf('cpuid then at cpl 0')).toBe(genu);
    expect(lineOf('cpuid then at cpl 3')).toBe(has ? '#GP(0x0000) +2' : genu);
  });
});

/** 64-bit code at CPL 0. */
const kernel = (body: string): Image => {
  const source = `bits 64\norg 0x100000\n${body}\nxor eax, eax\nout 0xf4, al\n`;
  return flatImage(assemble(source, { file: 'features.asm' }).bytes);
};

/** Clears IA32_APIC_BASE.EN, of which CPUID.1:EDX tells in bit 9; the answer stays in RDX. */
const APIC_OFF = 'mov ecx, 0x1b\nrdmsr\nbtr eax, 11\nwrmsr\nmov eax, 1\ncpuid\nmov rsi, rdx\n';

test('a CPUID that does not trap tells of the state of the host', () => {
  const apicOf = (cpu: 'bare' | 'trap', features: ReadonlySet<string>): bigint | undefined =>
    runGuest({ image: kernel(APIC_OFF) }, { cpu, features }, LIMIT).registers[6];
  const off = apicOf('bare', DEFAULT_FEATURES) ?? 0n;
  expect(off & 0x200n).toBe(0n);
  expect(apicOf('trap', DEFAULT_FEATURES)).toBe(off | 0x200n);
  expect(apicOf('trap', WITH_FAULTING)).toBe(off);
});
