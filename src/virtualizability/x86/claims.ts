/**
 * What the rows of the instruction table claim (`touches`, `priv`), compared with what was observed. Classes are never taken
 * from the claims; that they differ is reported.
 */

import type { Insn } from '../../isa/row.ts';
import type { Classification } from '../classify.ts';
import { MODE } from '../machine-under-test.ts';
import type { ClassifiedForm } from '../mnemonics.ts';

export interface ClaimDifference {
  readonly form: string;
  readonly what: string;
}

/** Resources, any of which a claim of this name stands for. */
const MEANT: Readonly<Record<string, readonly string[]>> = {
  cr: ['cr0', 'cr2', 'cr4', 'cr8', 'location'],
  dr: ['debug registers'],
  msr: ['msrs', 'tsc', 'location'],
  sreg: ['segment registers'],
  cs: ['segment registers'],
  ss: ['segment registers'],
  fs_base: ['location', 'segment registers'],
  gs_base: ['location', 'segment registers'],
  descriptors: ['gdt', 'ldt'],
  idtr: ['idtr', 'idt'],
  cpl: [MODE],
  halt: ['activity', 'address monitor'],
  io: ['ports'],
  'rflags.if': ['system flags'],
  'rflags.iopl': ['system flags'],
  'rflags.ac': ['system flags'],
};

const ALWAYS_PRIVILEGED: ReadonlySet<string> = new Set(['cpl0', 'iopl', 'io']);

/** `rows`: those of the machine, by the text of their forms. */
export function compareWithClaims(
  { mnemonics }: Classification,
  rows: readonly Insn[],
): ClaimDifference[] {
  const byText = new Map<string, Insn>();
  for (const row of rows) {
    if (!row.alias) byText.set(`${row.mnemonic} ${row.operandText}`.trim(), row);
  }
  return mnemonics
    .flatMap(({ forms }) => forms)
    .flatMap((form) => {
      const row = byText.get(form.text);
      return row === undefined
        ? []
        : differences(form, row).map((what) => ({ form: form.text, what }));
    });
}

function differences(form: ClassifiedForm, { priv = 'never', touches }: Insn): string[] {
  const { findings } = form.evidence;
  // What never completes says nothing of what it would touch.
  if (form.names.includes('always traps')) return [];
  const found: string[] = [];
  if (ALWAYS_PRIVILEGED.has(priv) && !form.names.includes('privileged')) {
    found.push(`claims to be privileged (${priv}), is ${form.names.join(', ')}`);
  }
  const told = findings.filter(({ kind }) => kind !== 'decides');
  if (touches === undefined && told.length > 0) {
    const seen = [...new Set(told.map(({ kind, resource }) => `${kind} ${resource}`))];
    found.push(`claims to touch nothing, ${seen.join(', ')}`);
  }
  for (const claim of touches ?? []) {
    const [name = '', access] = claim.split(':');
    // Descriptors that are read decide whether it traps more often than what it gives.
    const kinds = access === 'w' ? ['changes'] : ['shows', 'decides'];
    const meant = MEANT[name] ?? [name];
    const isSeen = findings.some((one) => kinds.includes(one.kind) && meant.includes(one.resource));
    if (!isSeen) found.push(`claims ${claim}, which was not observed`);
  }
  return found;
}
