/**
 * Why a check failed: one entry per reason that the processor can note when it raises a fault. asm/
 * gets the names as an enum (asm/gen/why.ts), the explanation of a triple fault gets the sentences.
 * `entry` says what the note's address and value are: a page-table entry, a descriptor, a gate, or none.
 */

export interface WhyEntry {
  readonly name: string;
  readonly text: string;
  readonly entry: 'none' | 'page' | 'descriptor' | 'gate' | 'tss';
}

const row = (name: string, entry: WhyEntry['entry'], text: string): WhyEntry => ({
  name,
  entry,
  text,
});

// biome-ignore format: one reason per line.
export const WHY: readonly WhyEntry[] = [
  row('None', 'none', 'no reason was noted'),
  // Memory
  row('NonCanonical', 'none', 'the linear address is not canonical'),
  row('Misaligned', 'none', 'the address is not aligned to the operand'),
  row('PageNotPresent', 'page', 'the paging-structure entry is not present'),
  row('PageReservedBit', 'page', 'the paging-structure entry has a reserved bit set'),
  row('PageReadOnly', 'page', 'the page is read-only'),
  row('PageSupervisor', 'page', 'the page belongs to the supervisor'),
  row('PageNoExecute', 'page', 'the page is not executable (XD)'),
  row('PageSmep', 'page', 'SMEP: supervisor code may not run from a user page'),
  row('PageSmap', 'page', 'SMAP: supervisor may not access a user page'),
  row('PageProtectionKey', 'page', 'the protection key of the page forbids the access'),
  // Instructions
  row('Undefined', 'none', 'the bytes are no instruction'),
  row('TooLong', 'none', 'the instruction is longer than 15 bytes'),
  row('LockMisused', 'none', 'LOCK on an instruction that does not take it'),
  row('FeatureAbsent', 'none', 'this processor lacks the instruction, or a control bit switches it off'),
  row('Privileged', 'none', 'the instruction is privileged'),
  row('IoPrivilege', 'none', 'CPL is greater than IOPL'),
  row('PortRefused', 'tss', 'the I/O permission bitmap of the TSS refuses the port'),
  row('DivideByZero', 'none', 'the divisor is 0'),
  row('QuotientTooLarge', 'none', 'the quotient does not fit its register'),
];

/** Text of asm/gen/why.ts. */
export function whyEnum(): string {
  const names = WHY.map(({ name }, value) => `  ${name} = ${value},`).join('\n');
  return `// Written by src/isa/gen.ts from src/base/why.ts.\nexport enum Why {\n${names}\n}\n`;
}
