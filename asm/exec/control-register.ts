/** mov to and from control registers, smsw, lmsw, clts (SDM 2A-2B). */

import { CR0_PE, CR0_TS } from '../cpu/control';
import { ControlWrite } from '../cpu/control-write';
import { Event } from '../cpu/event';
import { Operand } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { Why } from '../gen/why';
import { taskPriorityWritten } from '../host';
import { CR0, CR2, CR3, CR4, CR8 } from '../layout';
import { ControlAccess } from '../vmx/control-access';

/** Bits of CR0 that LMSW loads: PE MP EM TS. */
const LMSW_BITS: u64 = 15;
const TPR_BITS: u64 = 15;

/** MOV from CR0, CR2, CR3, CR4, CR8. */
export function movFromCr(i: usize): void {
  const number = Rec.number(i, 1);
  const place = placeOf(number);
  if (place == 0) Event.ud(Why.ControlRegister);
  else if (!ControlAccess.readExits(i, number)) Operand.write(i, 0, read(number, place));
}

/** A control register as the running code sees it. */
function read(number: u32, place: usize): u64 {
  if (number == 0) return ControlAccess.cr0();
  return number == 4 ? ControlAccess.cr4() : load<u64>(place);
}

/** MOV to CR0, CR2, CR3, CR4, CR8. */
export function movToCr(i: usize): void {
  const value = Operand.read(i, 1);
  if (ControlAccess.writeExits(i, Rec.number(i, 0), value)) return;
  switch (Rec.number(i, 0)) {
    case 0:
      ControlWrite.cr0(ControlAccess.mergeCr0(value));
      break;
    case 2:
      store<u64>(CR2, value);
      break;
    case 3:
      ControlWrite.cr3(value);
      break;
    case 4:
      ControlWrite.cr4(ControlAccess.mergeCr4(value));
      break;
    case 8:
      if (value & ~TPR_BITS) Event.gp(0, Why.ControlReserved);
      else taskPriority(value);
      break;
    default:
      Event.ud(Why.ControlRegister);
  }
}

/** CR8 is bits 7:4 of the local APIC's task priority. */
function taskPriority(value: u64): void {
  store<u64>(CR8, value);
  taskPriorityWritten();
}

/** Where a control register is held, 0 for one that does not exist. */
function placeOf(number: u32): usize {
  if (number == 0) return CR0;
  if (number == 2) return CR2;
  if (number == 3) return CR3;
  if (number == 4) return CR4;
  return number == 8 ? CR8 : 0;
}

/** SMSW: all of CR0 that fits a register, 16 bits of it to memory. */
export function smsw(i: usize): void {
  Operand.write(i, 0, ControlAccess.cr0());
}

/** LMSW: cannot clear PE. */
export function lmsw(i: usize): void {
  const value = Operand.read(i, 0);
  if (Event.raised() || ControlAccess.lmswExits(i, value)) return;
  const cr0 = load<u64>(CR0);
  const next = (cr0 & ~LMSW_BITS) | (value & LMSW_BITS) | (cr0 & <u64>CR0_PE);
  ControlWrite.cr0(ControlAccess.mergeCr0(next));
}

/** CLTS. */
export function clts(i: usize): void {
  if (ControlAccess.cltsExits(i)) return;
  const cr0 = load<u64>(CR0);
  store<u64>(CR0, ControlAccess.mergeCr0(cr0 & ~(<u64>CR0_TS)));
}
