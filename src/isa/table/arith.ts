/**
 * Integer arithmetic and logic: the eight two-operand operations of opcodes 00-3F and 80-83, inc, dec,
 * neg, not, test, mul, imul, div, idiv, cmpxchg, xadd, adcx, adox, and the accumulator widenings (SDM
 * 2A-2D). A decoded 82 (legacy) is 80.
 */

import { type Attributes, type Insn, insn } from '../row.ts';
import { hex, sized } from './sized.ts';

const ARITHMETIC_FLAGS = 'w:oszapc';
const LOGIC_FLAGS = 'w:szp 0:oc u:a';

type Binary = readonly [mnemonic: string, flags: string, writes: boolean];

/** In the order of the opcode digit: opcode bytes start at 8 * digit. */
const BINARY: readonly Binary[] = [
  ['add', ARITHMETIC_FLAGS, true],
  ['or', LOGIC_FLAGS, true],
  ['adc', `${ARITHMETIC_FLAGS} r:c`, true],
  ['sbb', `${ARITHMETIC_FLAGS} r:c`, true],
  ['and', LOGIC_FLAGS, true],
  ['sub', ARITHMETIC_FLAGS, true],
  ['xor', LOGIC_FLAGS, true],
  ['cmp', ARITHMETIC_FLAGS, false],
];

function binaryRows([mnemonic, flags, writes]: Binary, digit: number): Insn[] {
  const base = 8 * digit;
  const plain: Attributes = { uop: mnemonic, flags, sdm: `2A-2D ${mnemonic.toUpperCase()}` };
  const locked: Attributes = writes ? { ...plain, lock: true } : plain;
  // biome-ignore format: one row per line, columns as in the SDM opcode tables.
  return [
    insn ( mnemonic, 'rm8, r8',    `${hex(base)} /r`,          locked),
    ...sized(mnemonic, 'rm*, r*',  `o* ${hex(base + 1)} /r`,   locked),
    insn ( mnemonic, 'r8, rm8',    `${hex(base + 2)} /r`,      plain),
    ...sized(mnemonic, 'r*, rm*',  `o* ${hex(base + 3)} /r`,   plain),
    ...sized(mnemonic, 'rm*, simm8', `o* 83 /${digit} ib`,     locked),
    insn ( mnemonic, 'al, imm8',   `${hex(base + 4)} ib`,      plain),
    ...sized(mnemonic, 'a*, imm*', `o* ${hex(base + 5)} i*`,   plain),
    insn ( mnemonic, 'rm8, imm8',  `80 /${digit} ib`,          locked),
    ...sized(mnemonic, 'rm*, imm*', `o* 81 /${digit} i*`,      locked),
    insn ( mnemonic, 'rm8, imm8',  `82 /${digit} ib`,          { ...locked, modes: 'legacy', decodeOnly: true }),
  ];
}

const inc = { uop: 'inc', flags: 'w:oszap', sdm: '2A INC' } as const;
const dec = { uop: 'dec', flags: 'w:oszap', sdm: '2A DEC' } as const;
const neg = { uop: 'neg', flags: ARITHMETIC_FLAGS, lock: true, sdm: '2B NEG' } as const;
const not = { uop: 'not', lock: true, sdm: '2B NOT' } as const;
const test = { uop: 'test', flags: LOGIC_FLAGS, sdm: '2B TEST' } as const;
const mul = { uop: 'mul', flags: 'w:oc u:szap', sdm: '2B MUL' } as const;
const imul = { flags: 'w:oc u:szap', sdm: '2A IMUL' } as const;
const div = { uop: 'div', flags: 'u:oszapc', sdm: '2A DIV' } as const;
const idiv = { uop: 'idiv', flags: 'u:oszapc', sdm: '2A IDIV' } as const;
const cmpxchg = { uop: 'cmpxchg', flags: ARITHMETIC_FLAGS, lock: true, sdm: '2A CMPXCHG' } as const;
const xadd = { uop: 'xadd', flags: ARITHMETIC_FLAGS, lock: true, sdm: '2D XADD' } as const;
const adcx = { uop: 'adcx', flags: 'w:c r:c', feature: 'adx', sdm: '2A ADCX' } as const;
const adox = { uop: 'adox', flags: 'w:o r:o', feature: 'adx', sdm: '2A ADOX' } as const;
const cbw = { uop: 'cbw', sdm: '2A CBW/CWDE/CDQE' } as const;
const cwd = { uop: 'cwd', sdm: '2A CWD/CDQ/CQO' } as const;

// biome-ignore format: one row per line, columns as in the SDM opcode tables.
export const ARITH: readonly Insn[] = [
  ...BINARY.flatMap(binaryRows),

  insn ('inc',  'r16',               'o16 40+r',          { ...inc, modes: 'legacy' }),
  insn ('inc',  'r32',               'o32 40+r',          { ...inc, modes: 'legacy' }),
  insn ('inc',  'rm8',               'FE /0',             { ...inc, lock: true }),
  ...sized('inc', 'rm*',             'o* FF /0',          { ...inc, lock: true }),
  insn ('dec',  'r16',               'o16 48+r',          { ...dec, modes: 'legacy' }),
  insn ('dec',  'r32',               'o32 48+r',          { ...dec, modes: 'legacy' }),
  insn ('dec',  'rm8',               'FE /1',             { ...dec, lock: true }),
  ...sized('dec', 'rm*',             'o* FF /1',          { ...dec, lock: true }),
  insn ('not',  'rm8',               'F6 /2',             not),
  ...sized('not', 'rm*',             'o* F7 /2',          not),
  insn ('neg',  'rm8',               'F6 /3',             neg),
  ...sized('neg', 'rm*',             'o* F7 /3',          neg),

  insn ('test', 'rm8, r8',           '84 /r',             test),
  ...sized('test', 'rm*, r*',        'o* 85 /r',          test),
  insn ('test', 'r8, rm8',           '84 /r',             { ...test, alias: true }),
  ...sized('test', 'r*, rm*',        'o* 85 /r',          { ...test, alias: true }),
  insn ('test', 'al, imm8',          'A8 ib',             test),
  ...sized('test', 'a*, imm*',       'o* A9 i*',          test),
  insn ('test', 'rm8, imm8',         'F6 /0 ib',          test),
  ...sized('test', 'rm*, imm*',      'o* F7 /0 i*',       test),
  insn ('test', 'rm8, imm8',         'F6 /1 ib',          { ...test, decodeOnly: true }),
  ...sized('test', 'rm*, imm*',      'o* F7 /1 i*',       { ...test, decodeOnly: true }),

  insn ('mul',  'rm8',               'F6 /4',             mul),
  ...sized('mul', 'rm*',             'o* F7 /4',          mul),
  insn ('imul', 'rm8',               'F6 /5',             { ...imul, uop: 'imul1' }),
  ...sized('imul', 'rm*',            'o* F7 /5',          { ...imul, uop: 'imul1' }),
  ...sized('imul', 'r*, rm*',        'o* 0F AF /r',       { ...imul, uop: 'imul2' }),
  ...sized('imul', 'r*, rm*, simm8', 'o* 6B /r ib',       { ...imul, uop: 'imul3' }),
  ...sized('imul', 'r*, rm*, imm*',  'o* 69 /r i*',       { ...imul, uop: 'imul3' }),
  ...sized('imul', 'r*, simm8',      'o* 6B /r ib',       { ...imul, uop: 'imul3', alias: true }),
  ...sized('imul', 'r*, imm*',       'o* 69 /r i*',       { ...imul, uop: 'imul3', alias: true }),
  insn ('div',  'rm8',               'F6 /6',             div),
  ...sized('div', 'rm*',             'o* F7 /6',          div),
  insn ('idiv', 'rm8',               'F6 /7',             idiv),
  ...sized('idiv', 'rm*',            'o* F7 /7',          idiv),

  insn ('cmpxchg', 'rm8, r8',        '0F B0 /r',          cmpxchg),
  ...sized('cmpxchg', 'rm*, r*',     'o* 0F B1 /r',       cmpxchg),
  insn ('cmpxchg8b',  'm64',         '0F C7 /1',          { uop: 'cmpxchg8b', flags: 'w:z', lock: true, sdm: '2A CMPXCHG8B/CMPXCHG16B' }),
  insn ('cmpxchg16b', 'm128',        'REX.W 0F C7 /1',    { uop: 'cmpxchg16b', flags: 'w:z', lock: true, feature: 'cx16', sdm: '2A CMPXCHG8B/CMPXCHG16B' }),
  insn ('xadd', 'rm8, r8',           '0F C0 /r',          xadd),
  ...sized('xadd', 'rm*, r*',        'o* 0F C1 /r',       xadd),
  insn ('adcx', 'r32, rm32',         '66 0F38 F6 /r',     adcx),
  insn ('adcx', 'r64, rm64',         '66 REX.W 0F38 F6 /r', adcx),
  insn ('adox', 'r32, rm32',         'F3 0F38 F6 /r',     adox),
  insn ('adox', 'r64, rm64',         'F3 REX.W 0F38 F6 /r', adox),

  insn ('cbw',  '',                  'o16 98',            cbw),
  insn ('cwde', '',                  'o32 98',            cbw),
  insn ('cdqe', '',                  'REX.W 98',          cbw),
  insn ('cwd',  '',                  'o16 99',            cwd),
  insn ('cdq',  '',                  'o32 99',            cwd),
  insn ('cqo',  '',                  'REX.W 99',          cwd),
];
