/** Bits of CR0 and CR4 that VMX operation fixes (SDM 3C 24.8 Restrictions on VMX Operation). */

import { CR0_PE, CR0_PG } from '../cpu/control';
import { CR0_FIXED0, CR4_FIXED0 } from '../gen/vmx-capabilities';
import { UNRESTRICTED_GUEST } from '../gen/vmx-controls';
import { Controls } from './controls';
import { Operation } from './operation';

export class FixedBits {
  /** VMX operation allows CR0 to be `value`, in which no reserved bit is set. */
  @inline static allowCr0(value: u32): bool {
    const isFree = Operation.isNonRoot() && Controls.secondary(UNRESTRICTED_GUEST);
    const fixed = isFree ? CR0_FIXED0 & ~(CR0_PE | CR0_PG) : CR0_FIXED0;
    return (value & fixed) == fixed;
  }
  /** The same for CR4. */
  @inline static allowCr4(value: u32): bool {
    return (value & CR4_FIXED0) == CR4_FIXED0;
  }
}
