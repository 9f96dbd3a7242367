/** mov to and from debug registers (SDM 2B MOV Debug Registers; SDM 3B 17.2 Debug Registers). */

import { CR4_DE } from '../cpu/control';
import { Debug, DR7_GD } from '../cpu/debug';
import { Event } from '../cpu/event';
import { Operand } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { Why } from '../gen/why';
import { CR4, DR, DR6, DR7 } from '../layout';
import { Context } from '../mmu/context';

/** Bits of DR6 and DR7 that are held, and those that read as 1. */
const DR6_BITS: u64 = 0x0000e00f;
const DR6_ONES: u64 = 0xffff0ff0;
const DR7_BITS: u64 = 0xffff23ff;
const DR7_ONES: u64 = 0x400;

/** MOV from a debug register. */
export function movFromDr(i: usize): void {
  const place = placeOf(Rec.number(i, 1));
  if (place != 0) Operand.write(i, 0, load<u64>(place));
}

/** MOV to a debug register. */
export function movToDr(i: usize): void {
  const place = placeOf(Rec.number(i, 0));
  if (place == 0) return;
  const value = Operand.read(i, 1);
  if (place != DR6 && place != DR7) store<u64>(place, value);
  else if (value >> 32 != 0) Event.gp(0, Why.DebugReserved);
  else if (place == DR6) store<u64>(DR6, (value & DR6_BITS) | DR6_ONES);
  else store<u64>(DR7, (value & DR7_BITS) | DR7_ONES);
  Context.refresh();
}

/** Where a debug register is held; raises and gives 0 if it may not be accessed. DR4 and DR5 are DR6 and DR7. */
function placeOf(number: u32): usize {
  const alias = number == 4 || number == 5;
  if (number > 7 || (alias && (load<u32>(CR4) & CR4_DE) != 0)) {
    Event.ud(Why.DebugRegister);
    return 0;
  }
  if (load<u32>(DR7) & DR7_GD) {
    Debug.generalDetect();
    return 0;
  }
  if (number < 4) return DR + ((<usize>number) << 3);
  return (number & 1) != 0 ? DR7 : DR6;
}
