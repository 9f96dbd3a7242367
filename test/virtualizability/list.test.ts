/** The list that the experiment finds for the x86 as it is, against the published one. */

import { describe, expect, it } from 'vitest';
import { classify } from '../../src/virtualizability/classify.ts';
import { compareWithLists } from '../../src/virtualizability/x86/comparison.ts';
import { X86_MODES } from '../../src/virtualizability/x86/modes.ts';
import { HISTORICAL } from '../../src/virtualizability/x86/published-list.ts';
import { machineOf } from './x86.ts';

const STATES = 60;

/** Found beside the published list, with the control bit that would make them trap. */
const LATER = {
  long64: {
    ...{ IRET: [], LSS: [], LFS: [], LGS: [], INT1: [], RDRAND: [], RDSEED: [] },
    ...{ CPUID: ['CPUID_FAULT=1'], RDTSC: ['CR4.TSD=1'], RDTSCP: ['CR4.TSD=1'] },
    ...{ SYSCALL: ['EFER.SCE=0'], SYSENTER: ['SYSENTER_CS=0'] },
    ...{ RDFSBASE: ['CR4.FSGSBASE=0'], RDGSBASE: ['CR4.FSGSBASE=0'] },
    ...{ WRFSBASE: ['CR4.FSGSBASE=0'], WRGSBASE: ['CR4.FSGSBASE=0'] },
    ...{ RDPKRU: ['CR4.PKE=0'], WRPKRU: ['CR4.PKE=0'] },
  },
  prot32: {
    ...{ IRET: [], LDS: [], LES: [], LSS: [], LFS: [], LGS: [], INT1: [], RDRAND: [], RDSEED: [] },
    ...{ CPUID: ['CPUID_FAULT=1'], RDTSC: ['CR4.TSD=1'], RDTSCP: ['CR4.TSD=1'] },
    ...{ SYSENTER: ['SYSENTER_CS=0'], RDPKRU: ['CR4.PKE=0'], WRPKRU: ['CR4.PKE=0'] },
  },
};

/** Those that UMIP is for. */
const UMIP = ['SGDT', 'SIDT', 'SLDT', 'SMSW', 'STR'];

describe.each(X86_MODES.map((mode) => [mode.name, mode] as const))('%s', (name, mode) => {
  const found = classify(machineOf(mode), { states: STATES });
  const lists = compareWithLists(found);

  it('has exactly the published mnemonics, which all have a form in this mode', () => {
    expect(lists.expected).toEqual(HISTORICAL.map((entry) => entry.name));
    expect(lists.found).toEqual(lists.expected);
  });

  it('has later ones, apart', () => {
    const later = Object.fromEntries(lists.later.map((one) => [one.name, one.unless]));
    expect(later).toEqual(LATER[name]);
  });

  it('has nothing else that is sensitive and does not trap', () => {
    expect(lists.others).toEqual([]);
  });

  it('is not virtualizable by any of the theorems', () => {
    expect(found.theorems.map(({ holds }) => holds)).toEqual([false, false, false]);
  });

  it('names UMIP as what makes five of them trap', () => {
    const trapping = found.mnemonics.filter(({ unless }) => unless.includes('CR4.UMIP=1'));
    expect(trapping.map(({ mnemonic }) => mnemonic.toUpperCase()).sort()).toEqual(UMIP);
  });

  it('finds of MOV, PUSH, POP, CALL and JMP only the forms with segment registers and far pointers', () => {
    for (const { mnemonic, forms } of found.mnemonics) {
      if (!['mov', 'push', 'pop', 'call', 'jmp'].includes(mnemonic)) continue;
      for (const { text, isSensitive } of forms) {
        expect([text, isSensitive]).toEqual([text, /sreg|\b[c-g]s\b|ss|m16:|ptr/.test(text)]);
      }
    }
  });
});
