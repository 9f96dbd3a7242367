/** What the expressions of the VM-entry checks are made of, besides fields and controls (src/vmx/checks.ts). */

import { CR0_NE, CR0_PE, CR0_PG, EFER_LMA, EFER_LME } from '../cpu/control';
import { ControlWrite } from '../cpu/control-write';
import { Mode } from '../cpu/mode';
import { Msr } from '../cpu/msr';
import { CURRENT_VMCS } from '../layout';
import { PHYSICAL_BITS } from '../mmu/entry';
import { Memory } from '../mmu/memory';
import { Pdptes } from '../mmu/pdptes';
import { Region } from './region';

export { CR0_PE, CR0_PG, CR4_PAE, CR4_PCIDE, EFER_LMA, EFER_LME } from '../cpu/control';
export { EFER_BITS } from '../cpu/control-write';
export { ACCESS_DB, ACCESS_G, ACCESS_L, ACCESS_UNUSABLE } from '../cpu/descriptor-fields';
export { IF as RFLAGS_IF, TF as RFLAGS_TF, VM as RFLAGS_VM } from '../cpu/flags';
export { CR0_FIXED0, CR0_FIXED1, CR3_TARGETS, CR4_FIXED0 } from '../gen/vmx-capabilities';
export { NO_ADDRESS as ALL_ONES } from './operation';

export const EFER_MODE: u32 = EFER_LMA | EFER_LME;
/** Bits 63:22, 15, 5 and 3. */
export const RFLAGS_RESERVED: u64 = ~(<u64>0x3f7fd7);
/** LBR and BTF. */
export const DEBUGCTL_BITS: u64 = 3;
export const DEBUGCTL_BTF: u64 = 2;
/** GUEST_INTERRUPTIBILITY_STATE. */
export const BLOCKED_BY_STI: u64 = 1;
export const BLOCKED_BY_MOV_SS: u64 = 2;
/** GUEST_PENDING_DEBUG_EXCEPTIONS: breakpoints, one enabled, BS, RTM. */
export const PENDING_BS: u64 = 1 << 14;
export const PENDING_DEBUG_BITS: u64 = 0x1500f;

/** Exceptions that deliver an error code: #DF, #TS, #NP, #SS, #GP, #PF, #AC. */
const WITH_ERROR_CODE: u32 = 0x27d00;
const HARDWARE_EXCEPTION: u64 = 3;

/** Within the physical-address width. */
export function isPhysical(address: u64): bool {
  return address >> PHYSICAL_BITS == 0;
}
export function isCanonical(address: u64): bool {
  return Memory.isCanonical(address);
}
/** Bits that CR4 may have. */
export function cr4Fixed1(): u64 {
  return <u64>ControlWrite.cr4Bits();
}
/** Bits that CR0 of a guest must have. */
export function guestCr0Fixed0(isUnrestricted: bool): u64 {
  return isUnrestricted ? <u64>CR0_NE : <u64>(CR0_NE | CR0_PE | CR0_PG);
}
/** A value of IA32_PAT. */
export function isPat(value: u64): bool {
  return Msr.areTypes(value, true);
}
/** The interruption information is of a hardware exception with an error code. */
export function deliversErrorCode(information: u64): bool {
  const vector = <u32>information & 0xff;
  if (((information >> 8) & 7) != HARDWARE_EXCEPTION || vector > 31) return false;
  return ((WITH_ERROR_CODE >> vector) & 1) != 0;
}
/** An event, as bits 10:0 of the interruption information: an external interrupt, an NMI, #DB, #MC, pending MTF. */
export function wakesFromHlt(event: u64): bool {
  return event < 0x100 || event == 0x202 || event == 0x301 || event == 0x312 || event == 0x700;
}
/** VM entry is executed in IA-32e mode. */
export function processorLma(): bool {
  return Mode.isLongActive();
}
export function isVmcs(address: u64): bool {
  return Region.isOurs(address);
}
export function isCurrent(address: u64): bool {
  return address == load<u64>(CURRENT_VMCS);
}
/** Entry `n` of the table that CR3 names under PAE paging. */
export function pdpteAt(cr3: u64, n: u32): u64 {
  return Pdptes.read(<u32>cr3, n);
}
export function isPdpte(entry: u64): bool {
  return Pdptes.isValid(entry);
}
