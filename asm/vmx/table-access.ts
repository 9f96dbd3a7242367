/** VM exits by accesses to GDTR, IDTR, LDTR and TR (SDM 3C 25.6.2; tables 28-10 and 28-11 for what they tell). */

import { Mode } from '../cpu/mode';
import { Rec } from '../cpu/record';
import { DESCRIPTOR_TABLE_EXITING } from '../gen/vmx-controls';
import { Controls } from './controls';
import { InstructionInformation } from './instruction-information';
import { Operation } from './operation';
import { Reason, VmExit } from './vm-exit';

/** Bits 29:28 of the instruction information. */
export enum TableInstruction {
  Sgdt = 0,
  Sidt = 1,
  Lgdt = 2,
  Lidt = 3,
}
export enum SystemTableInstruction {
  Sldt = 0,
  Str = 1,
  Lldt = 2,
  Ltr = 3,
}

/** Of SGDT and its like outside 64-bit mode: the operand size is 32 bits. */
const OPERAND32: u32 = 1 << 11;

export class TableAccess {
  /** SGDT, SIDT, LGDT, LIDT: a VM exit was raised. */
  static exits(i: usize, which: TableInstruction): bool {
    if (!TableAccess.isCaught()) return false;
    const size: u32 = !Mode.isLong() && Rec.size(i) == 4 ? OPERAND32 : 0;
    TableAccess.raise(i, Reason.GdtrIdtr, which, size);
    return true;
  }
  /** SLDT, STR, LLDT, LTR. */
  static exitsSystem(i: usize, which: SystemTableInstruction): bool {
    if (!TableAccess.isCaught()) return false;
    TableAccess.raise(i, Reason.LdtrTr, which, 0);
    return true;
  }

  static isCaught(): bool {
    return Operation.isNonRoot() && Controls.secondary(DESCRIPTOR_TABLE_EXITING);
  }
  static raise(i: usize, reason: Reason, which: u32, bits: u32): void {
    VmExit.instruction(i, reason, InstructionInformation.displacement(i));
    const operand = InstructionInformation.operand(i, 0);
    InstructionInformation.tell(operand | bits | (which << 28));
  }
}
