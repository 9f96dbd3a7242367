/**
 * The processor generation in which each row appeared, as NASM counts it for its `cpu` directive. Most
 * follows from the shape of the row: 64-bit operands, 32-bit operands, the opcode maps; the rest is
 * listed by name.
 */

import type { Insn } from '../row.ts';

/** Oldest first, by all the names that a source may use. */
const NAMES: readonly (readonly string[])[] = [
  ['8086'],
  ['186'],
  ['286'],
  ['386'],
  ['486'],
  ['586', 'pentium'],
  ['686', 'p6', 'ppro', 'pentiumpro', 'p2'],
  ['p3', 'katmai'],
  ['p4', 'willamette'],
  ['prescott'],
  ['x64', 'x86-64'],
  ['nehalem'],
  ['westmere'],
  ['sandybridge'],
  ['ivybridge'],
  ['any', 'all', 'default', 'ia64', 'ia-64', 'itanium', 'itanic', 'merced'],
];

const INDEX: ReadonlyMap<string, number> = new Map(
  NAMES.flatMap((names, generation) => names.map((name) => [name, generation] as const)),
);

/** Number of a generation, larger for newer ones; undefined for a name that is none. */
export function generationNamed(name: string): number | undefined {
  return INDEX.get(name);
}

const of = (name: string): number => INDEX.get(name) as number;
const I386 = of('386');
const X64 = of('x64');
/** Generations from which on there is 32-bit and 64-bit code. */
export const FIRST_32_BIT = I386;
export const FIRST_64_BIT = X64;
/** The newest, which a source begins with. */
export const NEWEST_GENERATION = of('any');

/** Instructions that neither their opcode nor their operands date. */
const SINCE: Readonly<Record<string, string>> = {
  '186': 'ud0 ud1 ud2',
  '286': 'lar lsl verr verw sgdt sidt lgdt lidt sldt str lldt ltr smsw lmsw clts arpl',
  '486': 'bswap xadd invlpg invd wbinvd',
  '586': 'cmpxchg cmpxchg8b rdmsr wrmsr rdtsc cpuid',
  '686': 'lzcnt syscall sysret sysenter sysexit rdpmc',
  katmai: 'prefetchnta prefetcht0 prefetcht1 prefetcht2 sfence',
  willamette: 'lfence mfence movnti',
  prescott: 'monitor mwait',
  x64: 'rdtscp pushfq popfq swapgs cmpxchg16b',
  nehalem: 'movbe popcnt',
  ivybridge: 'rdrand',
  any: `tzcnt clac stac rdseed endbr32 endbr64 clflush clflushopt rdpkru wrpkru prefetchw adcx adox
    invpcid rdfsbase rdgsbase wrfsbase wrgsbase`,
};

const since: ReadonlyMap<string, number> = new Map(
  Object.entries(SINCE).flatMap(([name, words]) =>
    words.split(/\s+/).map((word) => [word, of(name)] as const),
  ),
);

const known = new WeakMap<Insn, number>();

/** Generation of a row. */
export function generationOf(row: Insn): number {
  let generation = known.get(row);
  if (generation === undefined) {
    generation = Math.max(since.get(row.mnemonic) ?? ofOpcode(row), ofSize(row));
    known.set(row, generation);
  }
  return generation;
}

/** Opcodes of the first map that the 80186 brought. */
const OPCODES_186 = new Set([
  ...[0x60, 0x61, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0xc0, 0xc1, 0xc8, 0xc9],
]);
const OPCODE_INT1 = 0xf1;
/** In the second map: cmov, and nop with an operand. */
const FIRST_CMOV = 0x40;
const LAST_CMOV = 0x4f;
const OPCODE_NOP = 0x1f;

function ofOpcode({ encoding: { vex, map, opcode } }: Insn): number {
  if (vex) return NEWEST_GENERATION;
  if (map === '') {
    if (OPCODES_186.has(opcode)) return of('186');
    return opcode === OPCODE_INT1 ? I386 : of('8086');
  }
  const isLate = (opcode >= FIRST_CMOV && opcode <= LAST_CMOV) || opcode === OPCODE_NOP;
  return map === '0F' && isLate ? of('686') : I386;
}

/** Returns keep their age whatever size they have. */
const RETURNS = new Set(['ret', 'retFar']);

function ofSize({ operands, encoding, uop }: Insn): number {
  const { sizeToken, addressSize } = encoding;
  const has = (bits: number): boolean =>
    operands.some((operand) => operand.kind === 'gpr' && operand.bits === bits);
  if (sizeToken === 64 || addressSize === 64 || has(64)) return X64;
  if (addressSize === 32 || has(32)) return I386;
  const [first] = operands;
  // fs and gs, which are the last of the segment registers.
  if (first?.kind === 'sreg' && first.slot === 'fixed' && first.fixed >= 4) return I386;
  const isPlain = first ? first.kind === 'far' && first.slot === 'imm' : !RETURNS.has(uop);
  return sizeToken === 32 && isPlain ? I386 : of('8086');
}
