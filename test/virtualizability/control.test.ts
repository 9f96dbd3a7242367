/** Nothing is seen where there is nothing, and the same is seen again for the same seed. */

import { describe, expect, it } from 'vitest';
import type { Insn } from '../../src/isa/row.ts';
import { ARITH } from '../../src/isa/table/arith.ts';
import { BIT } from '../../src/isa/table/bit.ts';
import { SHIFTS } from '../../src/isa/table/shift.ts';
import { ROWS } from '../../src/isa/table.ts';
import { classOf } from '../../src/virtualizability/form-class.ts';
import { X86_MODES } from '../../src/virtualizability/x86/modes.ts';
import { machineOf, reportsOn } from './x86.ts';

const ARITHMETIC: ReadonlySet<Insn> = new Set([...ARITH, ...SHIFTS, ...BIT]);
const SEEDS = Array.from({ length: 10 }, (_, n) => n + 1);
const STATES = 1000;
const FEW = { states: 5, seed: 7 };

describe.each(X86_MODES.map((mode) => [mode.name, mode] as const))('%s', (_, mode) => {
  const machine = machineOf(mode);
  const isArithmetic = (row: Insn): boolean => ARITHMETIC.has(row);
  const forms = machine.forms.filter(({ row }) => isArithmetic(ROWS[row]!)).length;

  it.each(SEEDS)('arithmetic raises no alarm with seed %i', (seed) => {
    const states = Math.ceil(STATES / forms) + 1;
    const reports = reportsOn(machine, isArithmetic, { states, seed });
    expect(reports.reduce((sum, { evidence }) => sum + evidence.states, 0)).toBeGreaterThan(STATES);
    // With so few states each, what mostly raises #DE or #PF may do nothing else.
    for (const { evidence } of reports) {
      const { findings, caught } = evidence;
      expect([evidence.form.text, findings, caught]).toEqual([evidence.form.text, [], 0]);
    }
  });

  it('arithmetic is innocuous', () => {
    for (const { evidence } of reportsOn(machine, isArithmetic, { states: 40 })) {
      const { names } = classOf(evidence);
      expect([evidence.form.text, names]).toEqual([evidence.form.text, ['innocuous']]);
    }
  });

  it('finds the same for the same seed', () => {
    const isWanted = (row: Insn): boolean => row.touches !== undefined;
    const again = reportsOn(machineOf(mode), isWanted, FEW);
    expect(again).toEqual(reportsOn(machine, isWanted, FEW));
  });
});
