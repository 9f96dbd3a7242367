/**
 * Control registers in VMX non-root operation (SDM 3C 25.6.6 Guest/Host Masks and Read Shadows, 25.6.7 CR3-Target Controls;
 * 26.1.3, 26.3; table 28-3 for the exit qualification): bits that a mask gives to the host read as the shadow has them, and
 * a write that would make them differ from it exits.
 */

import { CR0_PE, CR0_TS } from '../cpu/control';
import { Address } from '../cpu/operand';
import { Rec } from '../cpu/record';
import {
  CR3_LOAD_EXITING,
  CR3_STORE_EXITING,
  CR8_LOAD_EXITING,
  CR8_STORE_EXITING,
} from '../gen/vmx-controls';
import {
  CR0_GUEST_HOST_MASK,
  CR0_READ_SHADOW,
  CR3_TARGET_COUNT,
  CR3_TARGET_VALUE_0,
  CR4_GUEST_HOST_MASK,
  CR4_READ_SHADOW,
} from '../gen/vmx-fields';
import { CR0, CR4, VM_EXIT_GLA } from '../layout';
import { Controls } from './controls';
import { Operation } from './operation';
import { Reason, VmExit } from './vm-exit';

/** Access type, bits 5:4 of the exit qualification. */
const FROM_CR: u64 = 1 << 4;
const CLTS: u64 = 2 << 4;
const LMSW: u64 = 3 << 4;
const LMSW_MEMORY: u64 = 1 << 6;
const GENERAL_SHIFT: u64 = 8;
const SOURCE_SHIFT: u64 = 16;

const LMSW_BITS: u64 = 15;

export class ControlAccess {
  /** MOV from CR`number` to operand 0: a VM exit was raised. */
  static readExits(i: usize, number: u32): bool {
    if (!Operation.isNonRoot()) return false;
    const isCaught =
      (number == 3 && Controls.primary(CR3_STORE_EXITING)) ||
      (number == 8 && Controls.primary(CR8_STORE_EXITING));
    if (isCaught) ControlAccess.raise(i, FROM_CR | <u64>number | ControlAccess.general(i, 0));
    return isCaught;
  }

  /** MOV of `value`, operand 1, to CR`number`. */
  static writeExits(i: usize, number: u32, value: u64): bool {
    if (!Operation.isNonRoot() || !ControlAccess.isWriteCaught(number, value)) return false;
    ControlAccess.raise(i, <u64>number | ControlAccess.general(i, 1));
    return true;
  }
  static isWriteCaught(number: u32, value: u64): bool {
    switch (number) {
      case 0:
        return ((value ^ load<u64>(CR0_READ_SHADOW)) & load<u64>(CR0_GUEST_HOST_MASK)) != 0;
      case 3:
        return Controls.primary(CR3_LOAD_EXITING) && !ControlAccess.isTarget(value);
      case 4:
        return ((value ^ load<u64>(CR4_READ_SHADOW)) & load<u64>(CR4_GUEST_HOST_MASK)) != 0;
      case 8:
        return Controls.primary(CR8_LOAD_EXITING);
      default:
        return false;
    }
  }
  static isTarget(value: u64): bool {
    const count = load<u32>(CR3_TARGET_COUNT);
    for (let n: u32 = 0; n < count; n++) {
      if (load<u64>(CR3_TARGET_VALUE_0 + (n << 3)) == value) return true;
    }
    return false;
  }

  /** LMSW of `value`. */
  static lmswExits(i: usize, value: u64): bool {
    if (!Operation.isNonRoot()) return false;
    const mask = load<u64>(CR0_GUEST_HOST_MASK);
    const shadow = load<u64>(CR0_READ_SHADOW);
    const setsPe = (value & mask & ~shadow & <u64>CR0_PE) != 0;
    if (!setsPe && ((value ^ shadow) & mask & LMSW_BITS & ~(<u64>CR0_PE)) == 0) return false;
    const isMemory = Rec.hasMemory(i);
    ControlAccess.raise(i, LMSW | (isMemory ? LMSW_MEMORY : 0) | (value << SOURCE_SHIFT));
    if (isMemory) store<u64>(VM_EXIT_GLA, Address.linear(i));
    return true;
  }

  /** CLTS. */
  static cltsExits(i: usize): bool {
    if (!Operation.isNonRoot()) return false;
    const owned = load<u64>(CR0_GUEST_HOST_MASK) & load<u64>(CR0_READ_SHADOW);
    if ((owned & <u64>CR0_TS) == 0) return false;
    ControlAccess.raise(i, CLTS);
    return true;
  }

  static raise(i: usize, qualification: u64): void {
    VmExit.instruction(i, Reason.CrAccess, qualification);
  }
  @inline static general(i: usize, n: u32): u64 {
    return (<u64>(Rec.number(i, n) >> 3)) << GENERAL_SHIFT;
  }

  /** CR0 as the running code reads it. */
  static cr0(): u64 {
    const cr0 = load<u64>(CR0);
    const mask = ControlAccess.mask0();
    return (cr0 & ~mask) | (load<u64>(CR0_READ_SHADOW) & mask);
  }
  static cr4(): u64 {
    const cr4 = load<u64>(CR4);
    const mask = ControlAccess.mask4();
    return (cr4 & ~mask) | (load<u64>(CR4_READ_SHADOW) & mask);
  }
  /** What a write of `value` to CR0 makes of it: bits of the host stay. */
  static mergeCr0(value: u64): u64 {
    const mask = ControlAccess.mask0();
    return (value & ~mask) | (load<u64>(CR0) & mask);
  }
  static mergeCr4(value: u64): u64 {
    const mask = ControlAccess.mask4();
    return (value & ~mask) | (load<u64>(CR4) & mask);
  }
  @inline static mask0(): u64 {
    return Operation.isNonRoot() ? load<u64>(CR0_GUEST_HOST_MASK) : 0;
  }
  @inline static mask4(): u64 {
    return Operation.isNonRoot() ? load<u64>(CR4_GUEST_HOST_MASK) : 0;
  }
}
