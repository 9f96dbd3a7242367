/**
 * Repetition of string instructions (SDM 2B REP/REPE/REPZ/REPNE/REPNZ). Each iteration counts as one
 * instruction for fuel and time: the block has paid for one, the rest pays here, one more each time that
 * another iteration is about to begin. Between iterations the instruction stops, with its registers
 * showing what is done, when the fuel is gone, an interrupt can be taken or a debug trap is due, and always
 * when it runs alone, since it may have written its own code; the run loop then finds Raised.Repeat and leaves
 * RIP at the instruction.
 */

import { Raised } from '../cpu/event';
import { DF, IF, TF } from '../cpu/flags';
import { Register } from '../cpu/operand';
import { Rec } from '../cpu/record';
import {
  DEBUG_PENDING,
  FUEL,
  INTR,
  NMI_BLOCKED,
  NMI_PENDING,
  RAISED,
  REGS,
  RFLAGS,
  STEPPING,
  STOP_REQUEST,
  VMX_MODE,
} from '../layout';
import { VmxMode } from '../vmx/operation';

const RCX: usize = REGS + 8;

/** Operand sizes of a decode-table entry: the byte form of a string instruction is that of all sizes. */
const ENTRY_SIZES: usize = 3;
const ALL_SIZES: u8 = 7;

export class Text {
  /** Bytes of an element. */
  static width(i: usize): u32 {
    return load<u8>(Rec.entry(i), ENTRY_SIZES) == ALL_SIZES ? 1 : Rec.size(i);
  }
  /** Bytes from one element to the next: negative when DF is set. */
  static step(width: u32): u64 {
    return load<u32>(RFLAGS) & DF ? -(<u64>width) : <u64>width;
  }
  /** Index register at `place`, as wide as addresses are. */
  @inline static index(i: usize, place: usize): u64 {
    return Register.read(place, Rec.addressSize(i));
  }
  /** Moves the index register at `place` on by `bytes`. */
  @inline static advance(i: usize, place: usize, bytes: u64): void {
    Register.write(place, Rec.addressSize(i), load<u64>(place) + bytes);
  }
}

export class Repeat {
  /** Iterations asked for. A 32-bit count register loses its upper half in any case. */
  static begin(i: usize): u64 {
    const count = Text.index(i, RCX);
    Register.write(RCX, Rec.addressSize(i), count);
    return count;
  }

  /**
   * Iterations that may run before Repeat.next must be asked, at least 1. What is decoded to run alone may overwrite its own
   * bytes unnoticed, so that it is looked at again after each.
   */
  static allowance(): u64 {
    if (Repeat.isInterrupted() || load<u32>(STEPPING) != 0) return 1;
    return <u64>max<i64>(0, load<i64>(FUEL) >> 32) + 1;
  }

  /**
   * `done` iterations of `accesses` memory accesses each have been completed. True if another is to begin:
   * the count is not used up, `again` holds, and nothing demands a stop.
   */
  static next(i: usize, done: u64, accesses: u32, again: bool): bool {
    const count = Text.index(i, RCX) - done;
    Register.write(RCX, Rec.addressSize(i), count);
    Repeat.pay(done - 1, accesses);
    if (count == 0 || !again) return false;
    if (Repeat.isInterrupted() || load<u32>(STEPPING) != 0 || load<i64>(FUEL) >> 32 <= 0) {
      store<u32>(RAISED, Raised.Repeat);
      return false;
    }
    Repeat.pay(1, accesses);
    return true;
  }

  @inline static pay(iterations: u64, accesses: u32): void {
    const cost = ((<u64>1) << 32) - accesses;
    store<u64>(FUEL, load<u64>(FUEL) - iterations * cost);
  }

  static isInterrupted(): bool {
    const flags = load<u32>(RFLAGS);
    if ((flags & TF) != 0 || load<u32>(STOP_REQUEST) != 0 || load<u32>(DEBUG_PENDING) != 0)
      return true;
    const isOpen = (flags & IF) != 0 || load<u32>(VMX_MODE) == VmxMode.NonRoot;
    if (isOpen && load<u32>(INTR) != 0) return true;
    return load<u32>(NMI_PENDING) != 0 && load<u32>(NMI_BLOCKED) == 0;
  }
}
