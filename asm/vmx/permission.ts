/**
 * What VMX instructions but VMXON ask for first: VMX operation, 64-bit mode or no IA-32e mode, then CPL 0 (SDM 3C 31.3).
 * Real-address and virtual-8086 mode, which raise #UD too, do not exist here.
 */

import { Event } from '../cpu/event';
import { Mode } from '../cpu/mode';
import { Why } from '../gen/why';
import { CPL } from '../layout';
import { Operation } from './operation';

export class Permission {
  /** The instruction may run in VMX root operation, or a fault was raised. */
  static inRoot(): bool {
    if (Operation.isOutside()) Event.ud(Why.VmxOutside);
    else if (Permission.isCompatibility()) Event.ud(Why.VmxCompatibility);
    else if (load<u32>(CPL) != 0) Event.gp(0, Why.Privileged);
    return !Event.raised();
  }
  static isCompatibility(): bool {
    return Mode.isLongActive() && !Mode.isLong();
  }
}
