/** The time-stamp counter, which runs at 1 GHz of virtual time (SDM 3B 18.17; 3C 26.3 for VMX non-root operation). */

import { USE_TSC_OFFSETTING } from '../gen/vmx-controls';
import { TSC_OFFSET as VMCS_TSC_OFFSET } from '../gen/vmx-fields';
import { TSC_OFFSET } from '../layout';
import { Controls } from '../vmx/controls';
import { Operation } from '../vmx/operation';

export class Tsc {
  /** As RDTSC and RDMSR read it at virtual time `now`. */
  static read(now: u64): u64 {
    const tsc = now + load<u64>(TSC_OFFSET);
    const isOffset = Operation.isNonRoot() && Controls.primary(USE_TSC_OFFSETTING);
    return isOffset ? tsc + load<u64>(VMCS_TSC_OFFSET) : tsc;
  }
}
