/** VM exits by I/O instructions (SDM 3C 25.6.4 I/O-Bitmap Addresses, table 28-5 for the exit qualification). */

import { Rec } from '../cpu/record';
import { UNCONDITIONAL_IO_EXITING, USE_IO_BITMAPS } from '../gen/vmx-controls';
import { IO_BITMAP_A_ADDRESS, IO_BITMAP_B_ADDRESS } from '../gen/vmx-fields';
import { VM_EXIT_GLA } from '../layout';
import { Physical } from '../mmu/physical';
import { Controls } from './controls';
import { InstructionInformation } from './instruction-information';
import { Operation } from './operation';
import { Reason, VmExit } from './vm-exit';

/** Bits of the exit qualification. */
export const PORT_OUT: u64 = 0;
export const PORT_IN: u64 = 1 << 3;
const STRING: u64 = 1 << 4;
const REPEATED: u64 = 1 << 5;
const IMMEDIATE: u64 = 1 << 6;
const PORT_SHIFT: u64 = 16;

const LAST_PORT: u32 = 0xffff;
/** From which on bitmap B tells. */
const B_FIRST: u32 = 0x8000;

export class PortAccess {
  /** IN or OUT of `size` bytes: a VM exit was raised. */
  static exits(i: usize, port: u32, size: u32, direction: u64, isImmediate: bool): bool {
    if (!PortAccess.isCaught(port, size)) return false;
    PortAccess.raise(i, port, size, direction | (isImmediate ? IMMEDIATE : 0));
    return true;
  }

  /** INS or OUTS, with its memory at the linear `address` in `segment`. */
  static exitsString(
    i: usize,
    port: u32,
    size: u32,
    direction: u64,
    address: u64,
    segment: u32,
  ): bool {
    if (!PortAccess.isCaught(port, size)) return false;
    PortAccess.raise(i, port, size, direction | STRING | (Rec.repeat(i) != 0 ? REPEATED : 0));
    store<u64>(VM_EXIT_GLA, address);
    InstructionInformation.tell(InstructionInformation.addressing(i, segment));
    return true;
  }

  static raise(i: usize, port: u32, size: u32, bits: u64): void {
    VmExit.instruction(i, Reason.IoInstruction, bits | (size - 1) | ((<u64>port) << PORT_SHIFT));
  }

  static isCaught(port: u32, size: u32): bool {
    if (!Operation.isNonRoot()) return false;
    if (!Controls.primary(USE_IO_BITMAPS)) return Controls.primary(UNCONDITIONAL_IO_EXITING);
    for (let at = port; at < port + size; at++) {
      if (at > LAST_PORT || PortAccess.isMarked(at)) return true;
    }
    return false;
  }
  static isMarked(port: u32): bool {
    const bitmap = load<u64>(port < B_FIRST ? IO_BITMAP_A_ADDRESS : IO_BITMAP_B_ADDRESS);
    const n = port & (B_FIRST - 1);
    return ((Physical.read(bitmap + (n >> 3), 1) >> (n & 7)) & 1) != 0;
  }
}
