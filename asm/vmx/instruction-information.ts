/**
 * VM-exit instruction information and the displacement that goes into the exit qualification (SDM 3C 28.2.1, 28.2.5, tables
 * 28-8 to 28-14). What they leave undefined is 0.
 *
 *    1:0 scale   6:3 register operand in place of memory   9:7 address size   10 there is no memory operand
 *    17:15 segment   21:18 index   22 no index   26:23 base   27 no base   31:28 the other register operand
 */

import { Address } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { VM_EXIT_INSTRUCTION_INFORMATION } from '../gen/vmx-fields';
import { REG_PAGE, REG_ZERO } from '../layout';
import { Reason } from './vm-exit';

const IS_REGISTER: u32 = 1 << 10;
const NO_INDEX: u32 = 1 << 22;
const NO_BASE: u32 = 1 << 27;

export class InstructionInformation {
  /** The displacement of the memory operand, with RIP where it is relative to it; 0 if there is none. */
  static displacement(i: usize): u64 {
    if (!Rec.hasMemory(i)) return 0;
    if (Rec.base(i) == REG_PAGE) return Address.effective(i, Address.sum(i));
    return <u64>(<i64>load<i32>(i, 8));
  }

  /** The memory operand, or the register that is operand `n`. */
  static operand(i: usize, n: u32): u32 {
    if (!Rec.hasMemory(i)) return IS_REGISTER | ((Rec.number(i, n) >> 3) << 3);
    const base = Rec.base(i);
    const index = Rec.index(i);
    let info = InstructionInformation.addressing(i, Rec.segment(i));
    if (index == REG_ZERO) info |= NO_INDEX;
    else info |= Rec.scale(i) | ((index >> 3) << 18);
    return info | (base == REG_ZERO || base == REG_PAGE ? NO_BASE : (base >> 3) << 23);
  }

  /** Address size and segment. */
  static addressing(i: usize, segment: u32): u32 {
    return ((Rec.addressSize(i) >> 2) << 7) | (segment << 15);
  }

  /** A VMX instruction that has an operand. */
  static hasVmx(reason: u32): bool {
    return (
      reason != Reason.Vmcall &&
      reason != Reason.Vmlaunch &&
      reason != Reason.Vmresume &&
      reason != Reason.Vmxoff
    );
  }
  /** Of VMX instructions and INVPCID. */
  static tellVmx(i: usize, reason: u32): void {
    const memory: u32 = reason == Reason.Vmread || InstructionInformation.isPointer(reason) ? 0 : 1;
    let info = InstructionInformation.operand(i, memory);
    if (!InstructionInformation.isPointer(reason)) info |= (Rec.number(i, memory ^ 1) >> 3) << 28;
    InstructionInformation.tell(info);
  }
  /** Memory is all that it has: VMCLEAR, VMPTRLD, VMPTRST, VMXON. */
  static isPointer(reason: u32): bool {
    return (
      reason == Reason.Vmclear ||
      reason == Reason.Vmptrld ||
      reason == Reason.Vmptrst ||
      reason == Reason.Vmxon
    );
  }

  static tell(info: u32): void {
    store<u64>(VM_EXIT_INSTRUCTION_INFORMATION, info);
  }
}
