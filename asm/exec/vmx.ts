/** vmxon, vmxoff, vmclear, vmptrld, vmptrst, vmread, vmwrite, vmcall (SDM 3C 31.3 VMX Instructions). */

import { CR4_VMXE } from '../cpu/control';
import { Event } from '../cpu/event';
import { Address, Operand } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { InstructionError } from '../gen/vmx-instruction-errors';
import { Why } from '../gen/why';
import {
  CPL,
  CR0,
  CR4,
  CURRENT_VMCS,
  FEATURE_CONTROL,
  MONITOR_ARMED,
  VMXON_POINTER,
} from '../layout';
import { Memory } from '../mmu/memory';
import { Field } from '../vmx/field';
import { FixedBits } from '../vmx/fixed-bits';
import {
  FEATURE_CONTROL_LOCKED,
  FEATURE_CONTROL_VMXON,
  NO_ADDRESS,
  Operation,
} from '../vmx/operation';
import { Permission } from '../vmx/permission';
import { Region } from '../vmx/region';
import { Result } from '../vmx/result';

const MAY_VMXON: u64 = FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMXON;

/** VMXON. */
export function vmxon(i: usize): void {
  if (!(load<u32>(CR4) & CR4_VMXE)) Event.ud(Why.VmxDisabled);
  else if (!Operation.isOutside()) {
    if (Permission.inRoot()) Result.fail(InstructionError.VmxonInRoot);
  } else if (mayEnter()) enter(i);
}

/** VMXON is allowed outside VMX operation, or a fault was raised. */
function mayEnter(): bool {
  if (Permission.isCompatibility()) Event.ud(Why.VmxCompatibility);
  else if (load<u32>(CPL) != 0) Event.gp(0, Why.Privileged);
  else if (!FixedBits.allowCr0(load<u32>(CR0)) || !FixedBits.allowCr4(load<u32>(CR4))) {
    Event.gp(0, Why.VmxFixedBits);
  } else if ((load<u64>(FEATURE_CONTROL) & MAY_VMXON) != MAY_VMXON) Event.gp(0, Why.VmxLocked);
  return !Event.raised();
}

function enter(i: usize): void {
  const pointer = readPointer(i);
  if (Event.raised()) return;
  if (!Region.isAddress(pointer) || !Region.isOurs(pointer)) {
    Result.failInvalid();
    return;
  }
  Operation.enter(pointer);
  store<u32>(MONITOR_ARMED, 0);
  Result.succeed();
}

/** The 64 bits of the memory operand. */
function readPointer(i: usize): u64 {
  return Memory.read(Address.linear(i), 8, Rec.segment(i));
}

/** VMXOFF. */
export function vmxoff(i: usize): void {
  if (!Permission.inRoot()) return;
  Region.writeBack();
  Operation.leave();
  Result.succeed();
}

/** VMCLEAR. */
export function vmclear(i: usize): void {
  if (!Permission.inRoot()) return;
  const address = readPointer(i);
  if (Event.raised()) return;
  if (!Region.isAddress(address)) Result.fail(InstructionError.VmclearAddress);
  else if (address == load<u64>(VMXON_POINTER)) Result.fail(InstructionError.VmclearVmxonPointer);
  else {
    Region.clear(address);
    Result.succeed();
  }
}

/** VMPTRLD. */
export function vmptrld(i: usize): void {
  if (!Permission.inRoot()) return;
  const address = readPointer(i);
  if (Event.raised()) return;
  if (!Region.isAddress(address)) Result.fail(InstructionError.VmptrldAddress);
  else if (address == load<u64>(VMXON_POINTER)) Result.fail(InstructionError.VmptrldVmxonPointer);
  else if (!Region.isOurs(address)) Result.fail(InstructionError.VmptrldRevision);
  else {
    Region.load(address);
    Result.succeed();
  }
}

/** VMPTRST. */
export function vmptrst(i: usize): void {
  if (!Permission.inRoot()) return;
  Memory.write(Address.linear(i), 8, load<u64>(CURRENT_VMCS), Rec.segment(i));
  if (!Event.raised()) Result.succeed();
}

/** VMREAD. */
export function vmread(i: usize): void {
  const encoding = Operand.read(i, 1);
  const place = findField(encoding);
  if (place == 0) return;
  Operand.write(i, 0, Field.read(<u32>encoding, place));
  if (!Event.raised()) Result.succeed();
}

/** VMWRITE. */
export function vmwrite(i: usize): void {
  const encoding = Operand.read(i, 0);
  const place = findField(encoding);
  if (place == 0) return;
  if (Field.isReadOnly(<u32>encoding)) {
    Result.failValid(InstructionError.ReadOnlyField);
    return;
  }
  const value = Operand.read(i, 1);
  if (Event.raised()) return;
  Field.write(<u32>encoding, place, value);
  Result.succeed();
}

/** Place of the field of the current VMCS that `encoding` names; 0 if the instruction faults or fails. */
function findField(encoding: u64): usize {
  if (!Permission.inRoot()) return 0;
  if (load<u64>(CURRENT_VMCS) == NO_ADDRESS) {
    Result.failInvalid();
    return 0;
  }
  const place = Field.place(encoding);
  if (place == 0) Result.failValid(InstructionError.UnsupportedField);
  return place;
}

/** VMCALL: there is no dual-monitor treatment that it could activate. */
export function vmcall(i: usize): void {
  if (Permission.inRoot()) Result.fail(InstructionError.VmcallInRoot);
}
