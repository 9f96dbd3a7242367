/** Checks on guest segment registers (SDM 3C 27.3.1.2), each bullet once for every register that it names. */

import type { CheckRow, CheckSection } from '../check.ts';
import { EPT, LEGACY_GUEST, VIRTUAL_8086_GUEST } from './guests.ts';
import { canonicalRow } from './rows.ts';

const REGISTERS = ['CS', 'SS', 'DS', 'ES', 'FS', 'GS'] as const;
const DATA = ['DS', 'ES', 'FS', 'GS'] as const;
type Register = (typeof REGISTERS)[number] | 'TR' | 'LDTR';

const selector = (name: Register): string => `GUEST_${name}_SELECTOR`;
const base = (name: Register): string => `GUEST_${name}_BASE`;
const limit = (name: Register): string => `GUEST_${name}_LIMIT`;
const rights = (name: Register): string => `GUEST_${name}_ACCESS_RIGHTS`;
const id = (name: Register, what: string): string => `guest.${name.toLowerCase()}.${what}`;

const VIRTUAL_8086 = '(GUEST_RFLAGS & RFLAGS_VM) != 0';
const NOT_VIRTUAL_8086 = '(GUEST_RFLAGS & RFLAGS_VM) == 0';
const usable = (name: Register): string => `(${rights(name)} & ACCESS_UNUSABLE) == 0`;
const type = (name: Register): string => `(${rights(name)} & 15)`;
const dpl = (name: Register): string => `((${rights(name)} >> 5) & 3)`;
const rpl = (name: Register): string => `(${selector(name)} & 3)`;
/** CS and TR count always; the others, LDTR included, where they are usable. */
const counts = (name: Register): string | undefined => {
  if (name === 'TR') return undefined;
  if (name === 'LDTR') return usable(name);
  return name === 'CS' ? NOT_VIRTUAL_8086 : `${NOT_VIRTUAL_8086} && ${usable(name)}`;
};

/** Access rights of a valid VMCS. */
const VALID: Readonly<Record<Register, bigint>> = {
  CS: 0xa09bn,
  SS: 0xc093n,
  DS: 0xc093n,
  ES: 0xc093n,
  FS: 0xc093n,
  GS: 0xc093n,
  TR: 0x8bn,
  LDTR: 0x82n,
};
const UNUSABLE = 0x1_0000n;

const UNRESTRICTED = { ...EPT, UNRESTRICTED_GUEST: 1n } as const;

const row = (fields: CheckRow, when: string | undefined): CheckRow =>
  when === undefined ? fields : { ...fields, when };

const SELECTORS: readonly CheckRow[] = [
  {
    id: 'guest.tr.ti',
    title: 'TI of the guest TR selector',
    holds: '(GUEST_TR_SELECTOR & 4) == 0',
    sentence: 'bit 2 of GUEST_TR_SELECTOR is 0: a TSS is in the GDT',
    satisfy: 'use a selector of the GDT',
    failing: [{ GUEST_TR_SELECTOR: 0x1cn }],
    passing: [{ GUEST_TR_SELECTOR: 0x1bn }],
  },
  {
    id: 'guest.ldtr.ti',
    title: 'TI of the guest LDTR selector',
    when: usable('LDTR'),
    holds: '(GUEST_LDTR_SELECTOR & 4) == 0',
    sentence: 'bit 2 of GUEST_LDTR_SELECTOR is 0: an LDT is in the GDT',
    satisfy: 'use a selector of the GDT, or set bit 16 (unusable) of GUEST_LDTR_ACCESS_RIGHTS',
    failing: [{ GUEST_LDTR_SELECTOR: 0x1cn, GUEST_LDTR_ACCESS_RIGHTS: 0x82n }],
    passing: [
      { GUEST_LDTR_SELECTOR: 0x1bn, GUEST_LDTR_ACCESS_RIGHTS: 0x82n },
      { GUEST_LDTR_SELECTOR: 0x1cn },
    ],
  },
  {
    id: 'guest.ss.rpl',
    title: 'RPL of the guest SS selector',
    when: `${NOT_VIRTUAL_8086} && !UNRESTRICTED_GUEST`,
    holds: `${rpl('SS')} == ${rpl('CS')}`,
    sentence: 'the RPL of GUEST_SS_SELECTOR is that of GUEST_CS_SELECTOR',
    satisfy: 'give both the RPL of the privilege level that the guest runs at',
    failing: [{ GUEST_SS_SELECTOR: 0x13n }],
    passing: [{ GUEST_SS_SELECTOR: 0x10n, GUEST_CS_SELECTOR: 0x8n }],
  },
];

const BASES: readonly CheckRow[] = [
  ...REGISTERS.map((name) => ({
    id: id(name, 'base.virtual-8086'),
    title: `base of the guest ${name} in virtual-8086 mode`,
    when: VIRTUAL_8086,
    holds: `${base(name)} == ${selector(name)} << 4`,
    sentence: `${base(name)} is 16 times ${selector(name)} in virtual-8086 mode`,
    satisfy: 'shift the selector left by 4',
    failing: [{ ...VIRTUAL_8086_GUEST, [base(name)]: 0x1010n }],
    passing: [VIRTUAL_8086_GUEST],
  })),
  canonicalRow('guest.tr.base', base('TR')),
  canonicalRow('guest.fs.base', base('FS')),
  canonicalRow('guest.gs.base', base('GS')),
  canonicalRow('guest.ldtr.base', base('LDTR'), {
    when: usable('LDTR'),
    failing: [{ GUEST_LDTR_ACCESS_RIGHTS: 0x82n, GUEST_LDTR_BASE: 0x8000_0000_0000n }],
    passing: [{ GUEST_LDTR_ACCESS_RIGHTS: 0x82n }, { GUEST_LDTR_BASE: 0x8000_0000_0000n }],
  }),
  ...(['CS', 'SS', 'DS', 'ES'] as const).map((name) =>
    row(
      {
        id: id(name, 'base.high'),
        title: `high half of the guest ${name} base`,
        holds: `(${base(name)} >> 32) == 0`,
        sentence: `bits 63:32 of ${base(name)} are 0`,
        satisfy: 'a base of ES, CS, SS or DS has 32 bits; it is 0 in 64-bit mode',
        failing: [{ [base(name)]: 0x1_0000_0000n }],
        passing: [{ [base(name)]: 0xffff_ffffn }],
      },
      name === 'CS' ? undefined : usable(name),
    ),
  ),
];

const LIMITS: readonly CheckRow[] = REGISTERS.map((name) => ({
  id: id(name, 'limit.virtual-8086'),
  title: `limit of the guest ${name} in virtual-8086 mode`,
  when: VIRTUAL_8086,
  holds: `${limit(name)} == 0xffff`,
  sentence: `${limit(name)} is ffffh in virtual-8086 mode`,
  satisfy: 'write ffffh',
  failing: [{ ...VIRTUAL_8086_GUEST, [limit(name)]: 0xfffffn }],
  passing: [VIRTUAL_8086_GUEST],
}));

const RIGHTS_VIRTUAL_8086: readonly CheckRow[] = REGISTERS.map((name) => ({
  id: id(name, 'rights.virtual-8086'),
  title: `access rights of the guest ${name} in virtual-8086 mode`,
  when: VIRTUAL_8086,
  holds: `${rights(name)} == 0xf3`,
  sentence: `${rights(name)} is f3h in virtual-8086 mode: present, DPL 3, writable and accessed`,
  satisfy: 'write f3h',
  failing: [{ ...VIRTUAL_8086_GUEST, [rights(name)]: 0x93n }],
  passing: [VIRTUAL_8086_GUEST],
}));

const TYPES: readonly CheckRow[] = [
  {
    id: 'guest.cs.type',
    title: 'type of the guest CS',
    when: NOT_VIRTUAL_8086,
    holds: `(${type('CS')} & 9) == 9 || (UNRESTRICTED_GUEST && ${type('CS')} == 3)`,
    sentence:
      'bits 3:0 of GUEST_CS_ACCESS_RIGHTS are 9, 11, 13 or 15 (code, accessed), or 3 where UNRESTRICTED_GUEST is 1',
    satisfy: 'use type 11: code that can be read and has been accessed',
    failing: [{ GUEST_CS_ACCESS_RIGHTS: 0xa09an }, { GUEST_CS_ACCESS_RIGHTS: 0xa093n }],
    passing: [
      { GUEST_CS_ACCESS_RIGHTS: 0xa099n },
      { ...UNRESTRICTED, GUEST_CS_ACCESS_RIGHTS: 0xa093n },
    ],
  },
  {
    id: 'guest.ss.type',
    title: 'type of the guest SS',
    when: `${counts('SS')}`,
    holds: `${type('SS')} == 3 || ${type('SS')} == 7`,
    sentence: 'bits 3:0 of GUEST_SS_ACCESS_RIGHTS are 3 or 7 (data, writable, accessed)',
    satisfy: 'use type 3, or set bit 16 (unusable)',
    failing: [{ GUEST_SS_ACCESS_RIGHTS: 0xc092n }, { GUEST_SS_ACCESS_RIGHTS: 0xc09bn }],
    passing: [{ GUEST_SS_ACCESS_RIGHTS: 0xc097n }, { GUEST_SS_ACCESS_RIGHTS: UNUSABLE }],
  },
  ...DATA.flatMap((name): readonly CheckRow[] => [
    {
      id: id(name, 'type.accessed'),
      title: `accessed bit of the guest ${name}`,
      when: `${counts(name)}`,
      holds: `(${rights(name)} & 1) != 0`,
      sentence: `bit 0 (accessed) of ${rights(name)} is 1`,
      satisfy: 'set it: a load of the register would; or set bit 16 (unusable)',
      failing: [{ [rights(name)]: 0xc092n }],
      passing: [{ [rights(name)]: 0xc091n }, { [rights(name)]: UNUSABLE }],
    },
    {
      id: id(name, 'type.readable'),
      title: `readability of the guest ${name}`,
      when: `${counts(name)} && (${rights(name)} & 8) != 0`,
      holds: `(${rights(name)} & 2) != 0`,
      sentence: `bit 1 (readable) of ${rights(name)} is 1 where bit 3 (code) is`,
      satisfy: 'use a data segment, or code that can be read',
      failing: [{ [rights(name)]: 0xc099n }],
      passing: [{ [rights(name)]: 0xc09bn }],
    },
  ]),
];

const CODE_OR_DATA: readonly CheckRow[] = REGISTERS.map((name) => ({
  id: id(name, 's'),
  title: `S of the guest ${name}`,
  when: `${counts(name)}`,
  holds: `(${rights(name)} & 0x10) != 0`,
  sentence: `bit 4 (S) of ${rights(name)} is 1: code or data`,
  satisfy: 'set it',
  failing: [{ [rights(name)]: VALID[name] & ~0x10n }],
  passing: [{ [rights(name)]: VALID[name] }],
}));

const LEVELS: readonly CheckRow[] = [
  {
    id: 'guest.cs.dpl.data',
    title: 'DPL of a guest CS of data type',
    when: `${NOT_VIRTUAL_8086} && ${type('CS')} == 3`,
    holds: `${dpl('CS')} == 0`,
    sentence: 'the DPL in GUEST_CS_ACCESS_RIGHTS is 0 where its type is 3',
    satisfy: 'clear bits 6:5',
    failing: [{ ...UNRESTRICTED, GUEST_CS_ACCESS_RIGHTS: 0xa0f3n }],
    passing: [{ ...UNRESTRICTED, GUEST_CS_ACCESS_RIGHTS: 0xa093n }],
  },
  {
    id: 'guest.cs.dpl.non-conforming',
    title: 'DPL of a non-conforming guest CS',
    when: `${NOT_VIRTUAL_8086} && (${type('CS')} == 9 || ${type('CS')} == 11)`,
    holds: `${dpl('CS')} == ${dpl('SS')}`,
    sentence: 'the DPL in GUEST_CS_ACCESS_RIGHTS is that in GUEST_SS_ACCESS_RIGHTS',
    satisfy: 'give both the privilege level that the guest runs at, SS also where it is unusable',
    failing: [{ GUEST_CS_ACCESS_RIGHTS: 0xa0fbn }],
    passing: [{ GUEST_CS_ACCESS_RIGHTS: 0xa09bn }],
  },
  {
    id: 'guest.cs.dpl.conforming',
    title: 'DPL of a conforming guest CS',
    when: `${NOT_VIRTUAL_8086} && ${type('CS')} >= 13`,
    holds: `${dpl('CS')} <= ${dpl('SS')}`,
    sentence:
      'the DPL in GUEST_CS_ACCESS_RIGHTS is not greater than that in GUEST_SS_ACCESS_RIGHTS',
    satisfy: 'lower the DPL of CS',
    failing: [{ GUEST_CS_ACCESS_RIGHTS: 0xa0bfn }],
    passing: [{ GUEST_CS_ACCESS_RIGHTS: 0xa09fn }],
  },
  {
    id: 'guest.ss.dpl.rpl',
    title: 'DPL and RPL of the guest SS',
    when: `${NOT_VIRTUAL_8086} && !UNRESTRICTED_GUEST`,
    holds: `${dpl('SS')} == ${rpl('SS')}`,
    sentence: 'the DPL in GUEST_SS_ACCESS_RIGHTS is the RPL of GUEST_SS_SELECTOR',
    satisfy: 'give both the privilege level that the guest runs at, also where SS is unusable',
    failing: [{ GUEST_SS_ACCESS_RIGHTS: 0xc0f3n, GUEST_CS_ACCESS_RIGHTS: 0xa0fbn }],
    passing: [
      {
        GUEST_SS_SELECTOR: 0x13n,
        GUEST_CS_SELECTOR: 0xbn,
        GUEST_SS_ACCESS_RIGHTS: 0xc0f3n,
        GUEST_CS_ACCESS_RIGHTS: 0xa0fbn,
      },
    ],
  },
  {
    id: 'guest.ss.dpl.real',
    title: 'DPL of the guest SS in real-address mode',
    when: `${NOT_VIRTUAL_8086} && (${type('CS')} == 3 || (GUEST_CR0 & CR0_PE) == 0)`,
    holds: `${dpl('SS')} == 0`,
    sentence:
      'the DPL in GUEST_SS_ACCESS_RIGHTS is 0 where CS has type 3, or PE is clear in GUEST_CR0',
    satisfy: 'clear bits 6:5',
    failing: [
      { ...UNRESTRICTED, GUEST_CS_ACCESS_RIGHTS: 0xa093n, GUEST_SS_ACCESS_RIGHTS: 0xc0f3n },
    ],
    passing: [
      { ...UNRESTRICTED, GUEST_CS_ACCESS_RIGHTS: 0xa093n, GUEST_SS_ACCESS_RIGHTS: 0xc093n },
    ],
  },
  ...DATA.map(
    (name): CheckRow => ({
      id: id(name, 'dpl'),
      title: `DPL of the guest ${name}`,
      when: `${counts(name)} && !UNRESTRICTED_GUEST && ${type(name)} <= 11`,
      holds: `${dpl(name)} >= ${rpl(name)}`,
      sentence: `the DPL in ${rights(name)} is not less than the RPL of ${selector(name)}`,
      satisfy: 'lower the RPL, or raise the DPL, as a load of the register would have asked for',
      failing: [{ [selector(name)]: 0x13n }],
      passing: [
        { [selector(name)]: 0x13n, [rights(name)]: 0xc0f3n },
        { [selector(name)]: 0x13n, [rights(name)]: 0xc09fn },
      ],
    }),
  ),
];

/** Rows on P, reserved bits and G, which also TR and LDTR have. */
function presence(name: Register): CheckRow {
  return row(
    {
      id: id(name, 'p'),
      title: `P of the guest ${name}`,
      holds: `(${rights(name)} & 0x80) != 0`,
      sentence: `bit 7 (P) of ${rights(name)} is 1`,
      satisfy: 'set it',
      failing: [{ [rights(name)]: VALID[name] & ~0x80n }],
      passing: [{ [rights(name)]: VALID[name] }],
    },
    counts(name),
  );
}
function reserved(name: Register): readonly CheckRow[] {
  const bits = (what: string, mask: bigint, span: string): CheckRow =>
    row(
      {
        id: id(name, `reserved.${what}`),
        title: `reserved bits ${span} of the guest ${name}`,
        holds: `(${rights(name)} & 0x${mask.toString(16)}) == 0`,
        sentence: `bits ${span} of ${rights(name)} are 0`,
        satisfy: 'clear them: bits 19:16 of the second word of a descriptor are part of its limit',
        failing: [{ [rights(name)]: VALID[name] | (mask & -mask) }],
        passing: [{ [rights(name)]: VALID[name] }],
      },
      counts(name),
    );
  return [bits('low', 0xf00n, '11:8'), bits('high', 0xfffe_0000n, '31:17')];
}
function granularity(name: Register): readonly CheckRow[] {
  const g = `(${rights(name)} & ACCESS_G)`;
  const coarse = VALID[name] | 0x8000n;
  const fine = VALID[name] & ~0x8000n;
  const when = counts(name);
  const and = when === undefined ? '' : `${when} && `;
  return [
    {
      id: id(name, 'g.fine'),
      title: `G of the guest ${name}, counted in bytes`,
      when: `${and}(${limit(name)} & 0xfff) != 0xfff`,
      holds: `${g} == 0`,
      sentence: `bit 15 (G) of ${rights(name)} is 0 where one of bits 11:0 of ${limit(name)} is`,
      satisfy: 'the limit is in bytes whatever G says: set its low 12 bits, or clear G',
      failing: [{ [limit(name)]: 0xffen, [rights(name)]: coarse }],
      passing: [
        { [limit(name)]: 0xfffn, [rights(name)]: coarse },
        { [limit(name)]: 0xffen, [rights(name)]: fine },
      ],
    },
    {
      id: id(name, 'g.coarse'),
      title: `G of the guest ${name}, counted in pages`,
      when: `${and}(${limit(name)} >> 20) != 0`,
      holds: `${g} != 0`,
      sentence: `bit 15 (G) of ${rights(name)} is 1 where one of bits 31:20 of ${limit(name)} is`,
      satisfy: 'the limit is in bytes whatever G says: set G, or lower the limit below 100000h',
      failing: [{ [limit(name)]: 0x1f_ffffn, [rights(name)]: fine }],
      passing: [
        { [limit(name)]: 0x1f_ffffn, [rights(name)]: coarse },
        { [limit(name)]: 0xf_ffffn, [rights(name)]: fine },
      ],
    },
  ];
}

const SIZE: CheckRow = {
  id: 'guest.cs.db',
  title: 'D/B of the guest CS',
  when: `${NOT_VIRTUAL_8086} && IA_32E_MODE_GUEST && (GUEST_CS_ACCESS_RIGHTS & ACCESS_L) != 0`,
  holds: '(GUEST_CS_ACCESS_RIGHTS & ACCESS_DB) == 0',
  sentence: 'bit 14 (D/B) of GUEST_CS_ACCESS_RIGHTS is 0 in 64-bit mode',
  satisfy: 'clear it, or clear bit 13 (L) for compatibility mode',
  failing: [{ GUEST_CS_ACCESS_RIGHTS: 0xe09bn }],
  passing: [{ GUEST_CS_ACCESS_RIGHTS: 0xa09bn }, { GUEST_CS_ACCESS_RIGHTS: 0xc09bn }],
};

const system = (name: 'TR' | 'LDTR', what: string): CheckRow =>
  row(
    {
      id: id(name, 's'),
      title: `S of the guest ${name}`,
      holds: `(${rights(name)} & 0x10) == 0`,
      sentence: `bit 4 (S) of ${rights(name)} is 0: ${what} is a system segment`,
      satisfy: 'clear it',
      failing: [{ [rights(name)]: VALID[name] | 0x10n }],
      passing: [{ [rights(name)]: VALID[name] }],
    },
    counts(name),
  );

const TASK: readonly CheckRow[] = [
  {
    id: 'guest.tr.type',
    title: 'type of the guest TR',
    holds: `${type('TR')} == 11 || (!IA_32E_MODE_GUEST && ${type('TR')} == 3)`,
    sentence:
      'bits 3:0 of GUEST_TR_ACCESS_RIGHTS are 11 (busy TSS of 32 or 64 bits), or, outside IA-32e mode, 3 (busy TSS of 16 bits)',
    satisfy: 'use type 11: the TSS in TR is busy',
    failing: [{ GUEST_TR_ACCESS_RIGHTS: 0x89n }, { GUEST_TR_ACCESS_RIGHTS: 0x83n }],
    passing: [
      { GUEST_TR_ACCESS_RIGHTS: 0x8bn },
      { ...LEGACY_GUEST, GUEST_TR_ACCESS_RIGHTS: 0x83n },
    ],
  },
  system('TR', 'a TSS'),
  presence('TR'),
  ...reserved('TR'),
  ...granularity('TR'),
  {
    id: 'guest.tr.usable',
    title: 'usability of the guest TR',
    holds: usable('TR'),
    sentence: 'bit 16 (unusable) of GUEST_TR_ACCESS_RIGHTS is 0: there is always a TSS',
    satisfy: 'give the guest a TSS, if only in these fields: base 0, limit 67h, access rights 8bh',
    failing: [{ GUEST_TR_ACCESS_RIGHTS: 0x1_008bn }],
    passing: [{ GUEST_TR_ACCESS_RIGHTS: 0x8bn }],
  },
];

const LOCAL_TABLE: readonly CheckRow[] = [
  {
    id: 'guest.ldtr.type',
    title: 'type of the guest LDTR',
    when: usable('LDTR'),
    holds: `${type('LDTR')} == 2`,
    sentence: 'bits 3:0 of GUEST_LDTR_ACCESS_RIGHTS are 2 (LDT)',
    satisfy: 'use type 2, or set bit 16 (unusable)',
    failing: [{ GUEST_LDTR_ACCESS_RIGHTS: 0x83n }],
    passing: [{ GUEST_LDTR_ACCESS_RIGHTS: 0x82n }, { GUEST_LDTR_ACCESS_RIGHTS: UNUSABLE }],
  },
  system('LDTR', 'an LDT'),
  presence('LDTR'),
  ...reserved('LDTR'),
  ...granularity('LDTR'),
];

export const GUEST_SEGMENT_CHECKS: CheckSection = {
  group: 'guest',
  section: '27.3.1.2 Checks on Guest Segment Registers',
  rows: [
    ...SELECTORS,
    ...BASES,
    ...LIMITS,
    ...RIGHTS_VIRTUAL_8086,
    ...TYPES,
    ...CODE_OR_DATA,
    ...LEVELS,
    ...REGISTERS.map(presence),
    ...REGISTERS.flatMap(reserved),
    SIZE,
    ...REGISTERS.flatMap(granularity),
    ...TASK,
    ...LOCAL_TABLE,
  ],
};
