/**
 * What the experiment must notice: a privileged instruction that silently does nothing at CPL 3 instead, a sensitive one
 * that traps.
 */

import { describe, expect, it } from 'vitest';
import type { Insn } from '../../src/isa/row.ts';
import { ROWS } from '../../src/isa/table.ts';
import { summarize } from '../../src/virtualizability/classify.ts';
import { classOf } from '../../src/virtualizability/form-class.ts';
import { X86_MODES } from '../../src/virtualizability/x86/modes.ts';
import { HISTORICAL, isOf } from '../../src/virtualizability/x86/published-list.ts';
import { machineOf, reportsOn } from './x86.ts';

const OPTIONS = { states: 60 };
/** Instructions that are seldom given what they take. */
const MANY = { states: 200 };

const textOf = (row: Insn): string => `${row.mnemonic} ${row.operandText}`.trim();

describe.each(X86_MODES.map((mode) => [mode.name, mode] as const))('%s', (_, mode) => {
  const plain = machineOf(mode);
  const isPrivileged = (row: Insn): boolean =>
    row.priv === 'cpl0' || row.priv === 'iopl' || row.priv === 'io';
  const privileged = reportsOn(plain, isPrivileged, MANY);

  it('has privileged instructions, all found to be so', () => {
    expect(privileged.length).toBeGreaterThan(30);
    for (const { evidence } of privileged) {
      expect([evidence.form.text, classOf(evidence).names]).toEqual([
        evidence.form.text,
        ['privileged'],
      ]);
    }
  });

  it('knows no use of R only of those that empty caches', () => {
    const idle = privileged.filter(({ evidence }) => evidence.findings.length === 0);
    expect(idle.map(({ evidence }) => evidence.form.text)).toEqual(['invd', 'wbinvd']);
  });

  it('is not virtualizable because of one that does nothing at CPL 3', () => {
    const touching = privileged.filter(({ evidence }) => evidence.findings.length > 0);
    for (const { evidence } of touching) {
      const { text, mnemonic } = evidence.form;
      const mutant = machineOf(mode, [{ rows: text, silent: true }]);
      const reports = reportsOn(mutant, (row) => textOf(row) === text, MANY);
      const [first] = summarize('mutant', reports).theorems;
      expect([text, first?.holds, first?.because]).toEqual([text, false, [mnemonic]]);
    }
  });

  it.each(HISTORICAL.map((entry) => [entry.name, entry] as const))(
    'loses %s where it traps',
    (_name, entry) => {
      const isOwn = (row: Insn): boolean => isOf(entry, row);
      const sensitive = (machine: typeof plain): string[] =>
        summarize('', reportsOn(machine, isOwn, OPTIONS)).theorems[0]!.because as string[];
      expect(sensitive(plain)).not.toEqual([]);
      const texts = new Set(ROWS.filter((row) => !row.alias && isOwn(row)).map(textOf));
      const changes = [...texts].map((rows) => ({ rows, privileged: true }));
      expect(sensitive(machineOf(mode, changes))).toEqual([]);
    },
  );
});
