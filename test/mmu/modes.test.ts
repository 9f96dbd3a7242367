/**
 * Random writes to control registers, by which 32-bit code goes from one paging mode to another, in and out of
 * IA-32e mode: what is refused, what the registers hold then, which tables the next access goes through.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CR0_CD,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_PCIDE,
  CR4_PGE,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  PAGING_MODES,
} from '../../src/machine/ref/paging.ts';
import { DATA, ROOTS } from './mode-tables.ts';
import { Rig } from './rig.ts';
import { type Start, type Step, Walkthrough } from './walkthrough.ts';

const RUNS = Number(process.env['MMU_RUNS'] ?? 500);

const flip = (register: 'cr0' | 'cr4' | 'efer', ...choices: bigint[]) =>
  fc.constantFrom(...choices).map((bits): Step => ({ do: 'flip', register, bits }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: flip('cr0', CR0_PG, CR0_PG, CR0_PG, CR0_PG | CR0_PE) },
  { weight: 2, arbitrary: flip('cr0', CR0_PE, CR0_WP, CR0_CD, CR0_NW, CR0_CD | CR0_NW) },
  { weight: 4, arbitrary: flip('cr4', CR4_PAE, CR4_PAE, CR4_PSE, CR4_PGE, CR4_SMEP, CR4_SMAP) },
  { weight: 1, arbitrary: flip('cr4', CR4_PCIDE, CR4_PCIDE, 1n << 31n) },
  { weight: 3, arbitrary: flip('efer', EFER_LME, EFER_LME, EFER_NXE, EFER_LMA, 1n << 9n) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(...Object.values(ROOTS)), fc.constantFrom(0n, 8n, 0x1fn))
      .map(([root, low]): Step => ({ do: 'cr3', value: root | low })),
  },
  { weight: 6, arbitrary: fc.constantFrom(...DATA).map((gva): Step => ({ do: 'read', gva })) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'clean' }) },
);

const start: fc.Arbitrary<Start> = fc.record({
  isLong: fc.nat(9).map((n) => n === 0),
  hasTss16: fc.nat(9).map((n) => n === 0),
});

describe('writes to control registers', () => {
  const rig = new Rig();
  const seen = new Set<string>();

  it.each([
    ['with the TLB', false],
    ['without it', true],
  ])('select the paging mode that the reference selects, %s', (_, isTlbDisabled) => {
    const steps = fc.array(step, { minLength: 10, maxLength: 80 });
    fc.assert(
      fc.property(start, steps, (code, list) => {
        const walkthrough = new Walkthrough(rig, code, isTlbDisabled, seen);
        for (const one of list) if (walkthrough.run(one)) break;
      }),
      { numRuns: RUNS },
    );
  });

  it('reach every mode, and are refused', () => {
    const refused = ['cr0', 'cr3', 'cr4', 'efer'].map((register) => `${register} refused`);
    expect([...seen].sort()).toEqual([...PAGING_MODES, ...refused].sort());
  });
});
