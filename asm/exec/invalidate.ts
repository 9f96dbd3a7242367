/** invept, invvpid (SDM 3C 31.3). */

import { Event } from '../cpu/event';
import { Address, Operand } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { acceptsEptPointer } from '../gen/vmx-checks';
import { InstructionError } from '../gen/vmx-instruction-errors';
import { Memory } from '../mmu/memory';
import { Nested } from '../mmu/nested';
import { Permission } from '../vmx/permission';
import { Result } from '../vmx/result';

/** INVEPT_TYPE. */
enum EptType {
  SingleContext = 1,
  Global = 2,
}
/** INVVPID_TYPE. */
enum VpidType {
  Address = 0,
  SingleContext = 1,
  AllContexts = 2,
  RetainingGlobals = 3,
}
const VPID: u64 = 0xffff;

/** INVEPT. */
export function invept(i: usize): void {
  if (!Permission.inRoot()) return;
  const type = Operand.read(i, 0);
  if (type != <u64>EptType.SingleContext && type != <u64>EptType.Global) {
    Result.fail(InstructionError.InvalidateOperand);
    return;
  }
  const pointer = Memory.read(Address.linear(i), 8, Rec.segment(i));
  if (Event.raised() || !Memory.probeRead(Address.linear(i) + 8, 8, Rec.segment(i))) return;
  if (type == <u64>EptType.SingleContext && !acceptsEptPointer(pointer)) {
    Result.fail(InstructionError.InvalidateOperand);
    return;
  }
  if (type == <u64>EptType.SingleContext) Nested.dropEpt(pointer);
  else Nested.dropAllEpt();
  Result.succeed();
}

/** INVVPID. */
export function invvpid(i: usize): void {
  if (!Permission.inRoot()) return;
  const type = Operand.read(i, 0);
  if (type > <u64>VpidType.RetainingGlobals) {
    Result.fail(InstructionError.InvalidateOperand);
    return;
  }
  const place = Address.linear(i);
  const tag = Memory.read(place, 8, Rec.segment(i));
  if (Event.raised()) return;
  const address = Memory.read(place + 8, 8, Rec.segment(i));
  if (Event.raised()) return;
  if (!isValid(<u32>type, tag, address)) {
    Result.fail(InstructionError.InvalidateOperand);
    return;
  }
  if (type == <u64>VpidType.Address) Nested.dropPage(address, <u32>tag);
  else if (type == <u64>VpidType.AllContexts) Nested.dropAllVpids();
  else Nested.dropVpid(<u32>tag);
  Result.succeed();
}

function isValid(type: u32, tag: u64, address: u64): bool {
  if ((tag & ~VPID) != 0) return false;
  if (type == VpidType.AllContexts) return true;
  return tag != 0 && (type != VpidType.Address || Memory.isCanonical(address));
}
