/**
 * Bit test, scan and count, BMI1, BMI2 and crc32 (SDM 2A-2D). Without their feature tzcnt and lzcnt are
 * bsf and bsr with an ignored F3: a variant that leaves the rows out decodes them so.
 */

import { type Insn, insn } from '../row.ts';
import { sized } from './sized.ts';

function bitTestRows(mnemonic: string, opcode: string, digit: number, lock: boolean): Insn[] {
  const sdm = `2A ${mnemonic.toUpperCase()}`;
  const plain = { uop: mnemonic, flags: 'w:c u:osap', sdm };
  const attributes = lock ? { ...plain, lock: true as const } : plain;
  return [
    ...sized(mnemonic, 'rm*, r*', `o* 0F ${opcode} /r`, attributes),
    ...sized(mnemonic, 'rm*, imm8', `o* 0F BA /${digit} ib`, attributes),
  ];
}

/** The 32- and 64-bit rows of a VEX line: W0 and W1, every star the size. */
function vexRows(mnemonic: string, operands: string, opcode: string, flags: string): Insn[] {
  const feature = BMI1.has(mnemonic) ? 'bmi1' : 'bmi2';
  const shared = { uop: mnemonic, feature, sdm: `2A-2D ${mnemonic.toUpperCase()}` };
  const attributes = flags === '' ? shared : { ...shared, flags };
  return [32, 64].map((size) =>
    insn(
      mnemonic,
      operands.replaceAll('*', String(size)),
      opcode.replace('W*', size === 64 ? 'W1' : 'W0'),
      attributes,
    ),
  );
}

const BMI1 = new Set(['andn', 'bextr', 'blsi', 'blsmsk', 'blsr']);
const popcnt = {
  uop: 'popcnt',
  flags: 'w:z 0:osapc',
  feature: 'popcnt',
  sdm: '2B POPCNT',
} as const;
const lzcnt = { uop: 'lzcnt', flags: 'w:zc u:osap', feature: 'abm', sdm: '2A LZCNT' } as const;
const tzcnt = { uop: 'tzcnt', flags: 'w:zc u:osap', feature: 'bmi1', sdm: '2D TZCNT' } as const;
const crc32 = { uop: 'crc32', feature: 'sse4_2', sdm: '2A CRC32' } as const;

// biome-ignore format: one row per line, columns as in the SDM opcode tables.
export const BIT: readonly Insn[] = [
  ...bitTestRows('bt',  'A3', 4, false),
  ...bitTestRows('bts', 'AB', 5, true),
  ...bitTestRows('btr', 'B3', 6, true),
  ...bitTestRows('btc', 'BB', 7, true),
  ...sized('bsf',    'r*, rm*',      'o* 0F BC /r',      { uop: 'bsf', flags: 'w:z u:osapc', sdm: '2A BSF' }),
  ...sized('bsr',    'r*, rm*',      'o* 0F BD /r',      { uop: 'bsr', flags: 'w:z u:osapc', sdm: '2A BSR' }),
  ...sized('popcnt', 'r*, rm*',      'F3 o* 0F B8 /r',   popcnt),
  ...sized('tzcnt',  'r*, rm*',      'F3 o* 0F BC /r',   tzcnt),
  ...sized('lzcnt',  'r*, rm*',      'F3 o* 0F BD /r',   lzcnt),

  insn ('crc32',     'r32, rm8',     'F2 0F38 F0 /r',       crc32),
  insn ('crc32',     'r64, rm8',     'F2 REX.W 0F38 F0 /r', crc32),
  insn ('crc32',     'r32, rm16',    'F2 o16 0F38 F1 /r',   crc32),
  insn ('crc32',     'r32, rm32',    'F2 o32 0F38 F1 /r',   crc32),
  insn ('crc32',     'r64, rm64',    'F2 REX.W 0F38 F1 /r', crc32),

  ...vexRows('andn',   'r*, v*, rm*',   'VEX.LZ.0F38.W* F2 /r',      'w:sz 0:oc u:ap'),
  ...vexRows('bextr',  'r*, rm*, v*',   'VEX.LZ.0F38.W* F7 /r',      'w:z 0:oc u:sap'),
  ...vexRows('blsi',   'v*, rm*',       'VEX.LZ.0F38.W* F3 /3',      'w:szc 0:o u:ap'),
  ...vexRows('blsmsk', 'v*, rm*',       'VEX.LZ.0F38.W* F3 /2',      'w:sc 0:oz u:ap'),
  ...vexRows('blsr',   'v*, rm*',       'VEX.LZ.0F38.W* F3 /1',      'w:szc 0:o u:ap'),
  ...vexRows('bzhi',   'r*, rm*, v*',   'VEX.LZ.0F38.W* F5 /r',      'w:szc 0:o u:ap'),
  ...vexRows('mulx',   'r*, v*, rm*',   'VEX.LZ.F2.0F38.W* F6 /r',   ''),
  ...vexRows('pdep',   'r*, v*, rm*',   'VEX.LZ.F2.0F38.W* F5 /r',   ''),
  ...vexRows('pext',   'r*, v*, rm*',   'VEX.LZ.F3.0F38.W* F5 /r',   ''),
  ...vexRows('rorx',   'r*, rm*, imm8', 'VEX.LZ.F2.0F3A.W* F0 /r ib', ''),
  ...vexRows('sarx',   'r*, rm*, v*',   'VEX.LZ.F3.0F38.W* F7 /r',   ''),
  ...vexRows('shlx',   'r*, rm*, v*',   'VEX.LZ.66.0F38.W* F7 /r',   ''),
  ...vexRows('shrx',   'r*, rm*, v*',   'VEX.LZ.F2.0F38.W* F7 /r',   ''),
];
