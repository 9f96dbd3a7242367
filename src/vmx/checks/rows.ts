/** Rows that several sections of the entry checks have alike. */

import type { CheckRow, FieldChange } from '../check.ts';

/** VM entry injects an event. */
export const INJECTS = '(VM_ENTRY_INTERRUPTION_INFORMATION >> 31) != 0';

const BEYOND_PHYSICAL = 1n << 40n;
const LAST_PHYSICAL = BEYOND_PHYSICAL - 1n;
const NOT_CANONICAL = 0x8000_0000_0000n;
const CANONICAL = 0xffff_8000_0000_0000n;

/** A physical address with its low `alignment` bits 0, that counts while the control `control` is 1 (the last of `on`). */
export function addressRows(
  id: string,
  what: string,
  field: string,
  alignment: number,
  on: FieldChange,
  control = Object.keys(on).at(-1) ?? '',
): readonly CheckRow[] {
  const low = (1n << BigInt(alignment)) - 1n;
  return [
    {
      id: `${id}.aligned`,
      title: `alignment of the ${what}`,
      when: control,
      holds: `(${field} & ${low}) == 0`,
      sentence: `bits ${alignment - 1}:0 of ${field} are 0`,
      satisfy: `put it at an address that is a multiple of ${low + 1n}`,
      failing: [{ ...on, [field]: 0x8n }],
      passing: [{ ...on, [field]: low + 1n }],
    },
    {
      id: `${id}.width`,
      title: `address of the ${what}`,
      when: control,
      holds: `isPhysical(${field})`,
      sentence: `${field} has no bit beyond the physical-address width of 40`,
      satisfy: 'put it into machine memory; the address is a physical one',
      failing: [{ ...on, [field]: BEYOND_PHYSICAL }],
      passing: [{ ...on, [field]: LAST_PHYSICAL & ~low }],
    },
  ];
}

/** An area of MSRs with the fields `prefix`_COUNT and `prefix`_ADDRESS. */
export function msrAreaRows(id: string, what: string, prefix: string): readonly CheckRow[] {
  const [count, address] = [`${prefix}_COUNT`, `${prefix}_ADDRESS`];
  const when = `${count} != 0`;
  return [
    {
      id: `${id}.aligned`,
      title: `alignment of the ${what}`,
      when,
      holds: `(${address} & 0xf) == 0`,
      sentence: `bits 3:0 of ${address} are 0`,
      satisfy: 'put the area at a multiple of 16, or clear the count',
      failing: [{ [count]: 1n, [address]: 0x8n }],
      passing: [
        { [count]: 1n, [address]: 0x10n },
        { [count]: 0n, [address]: 0x8n },
      ],
    },
    {
      id: `${id}.width`,
      title: `address of the ${what}`,
      when,
      holds: `isPhysical(${address})`,
      sentence: `${address} has no bit beyond the physical-address width of 40`,
      satisfy: 'put the area into machine memory, or clear the count',
      failing: [{ [count]: 1n, [address]: BEYOND_PHYSICAL }],
      passing: [{ [count]: 1n, [address]: LAST_PHYSICAL & ~0xfn }],
    },
    {
      id: `${id}.end`,
      title: `end of the ${what}`,
      when,
      holds: `isPhysical(${address} + (${count} << 4) - 1)`,
      sentence: `the last byte of the area, ${address} + 16 * ${count} - 1, lies within the physical-address width of 40`,
      satisfy: 'put the area lower, or make it shorter',
      failing: [{ [count]: 2n, [address]: LAST_PHYSICAL & ~0xfn }],
      passing: [{ [count]: 2n, [address]: (LAST_PHYSICAL & ~0xfn) - 16n }],
    },
  ];
}

/** A field that holds a canonical address, while `when` holds. */
export function canonicalRow(id: string, field: string, more: Partial<CheckRow> = {}): CheckRow {
  return {
    id,
    title: `${field} is canonical`,
    holds: `isCanonical(${field})`,
    sentence: `${field} is a canonical address: bits 63:47 are all alike`,
    satisfy: 'sign-extend the address from bit 47',
    failing: [{ [field]: NOT_CANONICAL }],
    passing: [{ [field]: CANONICAL }],
    ...more,
  };
}

/** A value of IA32_PAT that is loaded while `control` is 1. */
export function patRow(id: string, field: string, control: string): CheckRow {
  return {
    id,
    title: `memory types in ${field}`,
    when: control,
    holds: `isPat(${field})`,
    sentence: `each byte of ${field} is a memory type: 0 (UC), 1 (WC), 4 (WT), 5 (WP), 6 (WB) or 7 (UC-)`,
    satisfy: 'copy IA32_PAT as RDMSR reads it; after power-up it is 0007040600070406h',
    failing: [{ [control]: 1n, [field]: 0x0200_0000_0000_0000n }],
    passing: [{ [control]: 1n, [field]: 0x0706_0504_0100_0606n }],
  };
}
