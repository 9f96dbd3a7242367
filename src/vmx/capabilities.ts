/**
 * The VMX capability MSRs (SDM 3D Appendix A, VMX Capability Reporting Facility), as the tables of fields and controls
 * make them. IA32_VMX_CR4_FIXED1 alone depends on the rest of the processor: what CR4 may hold.
 */

import { allowedSettings, type ControlKind, trueSettings } from './controls.ts';
import { fieldIndex, VMCS_FIELDS } from './fields.ts';

/** In the first word of every VMXON and VMCS region. */
export const VMCS_REVISION_IDENTIFIER = 0x0054_4c31;
/** Bytes that software reserves for a region. */
const REGION_BYTES = 4096;
const MEMORY_TYPE_WB = 6n;
/** Bits of CR0 and CR4 that must be 1 in VMX operation: PE, NE, PG; VMXE. */
export const CR0_FIXED0 = 0x8000_0021;
export const CR0_FIXED1 = 0xffff_ffff;
export const CR4_FIXED0 = 0x2000;
/** The VMX-preemption timer counts down by 1 each time bit n of the TSC changes. */
export const PREEMPTION_TIMER_SHIFT = 0;
export const CR3_TARGETS = 4;
/** Activity states besides the active one, by their numbers: HLT and shutdown. */
export const ACTIVITY_STATES = [1, 2] as const;

const bits = (...numbers: number[]): bigint =>
  numbers.reduce((value, bit) => value | (1n << BigInt(bit)), 0n);

/** Revision, region size, memory type; INS and OUTS are reported (54); there are TRUE_ MSRs (55). */
const basic =
  BigInt(VMCS_REVISION_IDENTIFIER) |
  (BigInt(REGION_BYTES) << 32n) |
  (MEMORY_TYPE_WB << 50n) |
  bits(54, 55);

/** Timer rate, VM exits save EFER.LMA (5), activity states (8:6), CR3 targets (24:16). */
const misc =
  BigInt(PREEMPTION_TIMER_SHIFT) |
  bits(5, ...ACTIVITY_STATES.map((state) => 5 + state)) |
  (BigInt(CR3_TARGETS) << 16n);

/** Pages that can be executed only (0), page-walk length 4 (6), UC (8), WB (14), pages of 2 MiB (16) and 1 GiB (17),
 *  INVEPT (20), accessed and dirty flags (21), its types 1 and 2 (25, 26), INVVPID (32) and its types 0 to 3. */
const eptVpid = bits(0, 6, 8, 14, 16, 17, 20, 21, 25, 26, 32, 40, 41, 42, 43);

/** Bits 9:1 hold the highest index of a field. */
const vmcsEnum = BigInt(Math.max(...VMCS_FIELDS.map(({ encoding }) => fieldIndex(encoding))) << 1);

/** Low half: bits that must be 1; high half: bits that may be. */
function controls(kind: ControlKind, settings = trueSettings): bigint {
  const { allowed1, required1 } = settings(kind);
  return (BigInt(allowed1) << 32n) | BigInt(required1);
}

export interface CapabilityMsr {
  readonly index: number;
  readonly name: string;
  /** Undefined: the bits that CR4 may have. */
  readonly value: bigint | undefined;
}

// biome-ignore format: one register per line.
export const CAPABILITY_MSRS: readonly CapabilityMsr[] = [
  { index: 0x480, name: 'IA32_VMX_BASIC', value: basic },
  { index: 0x481, name: 'IA32_VMX_PINBASED_CTLS', value: controls('pin', allowedSettings) },
  { index: 0x482, name: 'IA32_VMX_PROCBASED_CTLS', value: controls('primary', allowedSettings) },
  { index: 0x483, name: 'IA32_VMX_EXIT_CTLS', value: controls('exit', allowedSettings) },
  { index: 0x484, name: 'IA32_VMX_ENTRY_CTLS', value: controls('entry', allowedSettings) },
  { index: 0x485, name: 'IA32_VMX_MISC', value: misc },
  { index: 0x486, name: 'IA32_VMX_CR0_FIXED0', value: BigInt(CR0_FIXED0) },
  { index: 0x487, name: 'IA32_VMX_CR0_FIXED1', value: BigInt(CR0_FIXED1) },
  { index: 0x488, name: 'IA32_VMX_CR4_FIXED0', value: BigInt(CR4_FIXED0) },
  { index: 0x489, name: 'IA32_VMX_CR4_FIXED1', value: undefined },
  { index: 0x48a, name: 'IA32_VMX_VMCS_ENUM', value: vmcsEnum },
  { index: 0x48b, name: 'IA32_VMX_PROCBASED_CTLS2', value: controls('secondary') },
  { index: 0x48c, name: 'IA32_VMX_EPT_VPID_CAP', value: eptVpid },
  { index: 0x48d, name: 'IA32_VMX_TRUE_PINBASED_CTLS', value: controls('pin') },
  { index: 0x48e, name: 'IA32_VMX_TRUE_PROCBASED_CTLS', value: controls('primary') },
  { index: 0x48f, name: 'IA32_VMX_TRUE_EXIT_CTLS', value: controls('exit') },
  { index: 0x490, name: 'IA32_VMX_TRUE_ENTRY_CTLS', value: controls('entry') },
];
