/**
 * Descriptors and gates with their fields in words (SDM 3A 3.4.5 Segment Descriptors; 3.5 System Descriptor
 * Types; 6.11 IDT Descriptors; 6.14.1 64-Bit Mode IDT).
 */

import { digits, hex } from './hex.ts';

const bit = (value: bigint, n: bigint): bigint => (value >> n) & 1n;

// biome-ignore format: SDM 3A table 3-2 in the order of the type field.
const SYSTEM_TYPES = [
  'reserved', '16-bit TSS', 'LDT', 'busy 16-bit TSS', '16-bit call gate', 'task gate', '16-bit interrupt gate',
  '16-bit trap gate', 'reserved', 'TSS', 'reserved', 'busy TSS', 'call gate', 'reserved', 'interrupt gate', 'trap gate',
];

/** The two 32-bit halves of an entry decoded alike: P, DPL and type. */
function access(low: bigint): { type: number; isSystem: boolean; dpl: bigint; present: bigint } {
  return {
    type: Number((low >> 40n) & 15n),
    isSystem: bit(low, 44n) === 0n,
    dpl: (low >> 45n) & 3n,
    present: bit(low, 47n),
  };
}

/** A segment or system descriptor at linear `address`. */
export function describeDescriptor(address: bigint, low: bigint, high: bigint): string {
  const { type, isSystem, dpl, present } = access(low);
  const base = ((low >> 16n) & 0xffffffn) | ((low >> 32n) & 0xff000000n);
  const limit = (low & 0xffffn) | ((low >> 32n) & 0xf0000n);
  const kind = isSystem ? (SYSTEM_TYPES[type] ?? 'reserved') : segmentKind(type);
  const fullBase = isSystem ? base | (high << 32n) : base;
  const flags = `L=${bit(low, 53n)} D=${bit(low, 54n)} G=${bit(low, 55n)}`;
  const fields = `P=${present} DPL=${dpl} base=${hex(fullBase)} limit=${hex(limit)} ${flags}`;
  return `descriptor at ${hex(address)} = ${digits(low, 16)}: ${kind}, ${fields}`;
}

function segmentKind(type: number): string {
  const accessed = type & 1 ? ', accessed' : '';
  if (type & 8) {
    const conforming = type & 4 ? 'conforming ' : '';
    return `${conforming}code, execute${type & 2 ? '/read' : '-only'}${accessed}`;
  }
  return `data, read${type & 2 ? '/write' : '-only'}${type & 4 ? ', expand-down' : ''}${accessed}`;
}

/** An IDT entry or call gate of 16 bytes at linear `address`. */
export function describeGate(address: bigint, low: bigint, high: bigint): string {
  const { kind, rights, selector, offset } = gateFields(low);
  const target = digits(offset | ((high & 0xffffffffn) << 32n), 16);
  const fields = `${rights} IST=${(low >> 32n) & 7n} target=${selector}:${target}`;
  return `gate at ${hex(address)} = ${digits(high, 16)} ${digits(low, 16)}: ${kind}, ${fields}`;
}

/** As `describeGate`, outside long mode: 8 bytes. */
export function describeLegacyGate(address: bigint, low: bigint): string {
  const { kind, rights, selector, offset } = gateFields(low);
  const fields = `${rights} target=${selector}:${digits(offset, 8)}`;
  return `gate at ${hex(address)} = ${digits(low, 16)}: ${kind}, ${fields}`;
}

function gateFields(low: bigint): {
  kind: string;
  rights: string;
  selector: string;
  offset: bigint;
} {
  const { type, isSystem, dpl, present } = access(low);
  return {
    kind: isSystem ? (SYSTEM_TYPES[type] ?? 'reserved') : 'no gate (S=1)',
    rights: `P=${present} DPL=${dpl}`,
    selector: digits((low >> 16n) & 0xffffn, 4),
    offset: (low & 0xffffn) | ((low >> 32n) & 0xffff0000n),
  };
}
