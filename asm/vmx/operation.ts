/** VMX operation: whether the processor is in it, and in root or in non-root operation (SDM 3C 24.3, 24.7, 24.11.5). */

import { Cpuid, CpuidRegister } from '../cpu/cpuid';
import {
  CURRENT_VMCS,
  FEATURE_CONTROL,
  VMCS,
  VMCS_BYTES,
  VMX,
  VMX_BYTES,
  VMX_MODE,
  VMXON_POINTER,
} from '../layout';

/** Values of VMX_MODE. */
export enum VmxMode {
  Outside = 0,
  Root = 1,
  NonRoot = 2,
}

/** Of VMXON_POINTER and CURRENT_VMCS. */
export const NO_ADDRESS: u64 = ~(<u64>0);

/** IA32_FEATURE_CONTROL: it cannot be written any more; VMXON is allowed outside SMX operation. */
export const FEATURE_CONTROL_LOCKED: u64 = 1;
export const FEATURE_CONTROL_VMXON: u64 = 4;

const ECX_VMX: u32 = 5; // leaf 1

export class Operation {
  /** The processor has VMX. */
  static exists(): bool {
    return Cpuid.has(1, CpuidRegister.Ecx, ECX_VMX);
  }

  /** Power-up, as firmware leaves it: VMXON allowed, IA32_FEATURE_CONTROL locked. */
  static reset(): void {
    memory.fill(VMX, 0, VMX_BYTES);
    memory.fill(VMCS, 0, VMCS_BYTES);
    if (Operation.exists()) {
      store<u64>(FEATURE_CONTROL, FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMXON);
    }
    Operation.leave();
  }

  @inline static isOutside(): bool {
    return load<u32>(VMX_MODE) == VmxMode.Outside;
  }
  @inline static isNonRoot(): bool {
    return load<u32>(VMX_MODE) == VmxMode.NonRoot;
  }

  /** VMX root operation, with the VMXON region at `pointer` and no current VMCS. */
  static enter(pointer: u64): void {
    store<u64>(VMXON_POINTER, pointer);
    store<u64>(CURRENT_VMCS, NO_ADDRESS);
    store<u32>(VMX_MODE, VmxMode.Root);
  }

  /** No VMX operation. */
  static leave(): void {
    store<u64>(VMXON_POINTER, NO_ADDRESS);
    store<u64>(CURRENT_VMCS, NO_ADDRESS);
    store<u32>(VMX_MODE, VmxMode.Outside);
  }
}
