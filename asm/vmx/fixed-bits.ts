/** Bits of CR0 and CR4 that VMX operation fixes (SDM 3C 24.8 Restrictions on VMX Operation). */

import { CR0_FIXED0, CR4_FIXED0 } from '../gen/vmx-capabilities';

export class FixedBits {
  /** VMX operation allows CR0 to be `value`, in which no reserved bit is set. */
  @inline static allowCr0(value: u32): bool {
    return (value & CR0_FIXED0) == CR0_FIXED0;
  }
  /** The same for CR4. */
  @inline static allowCr4(value: u32): bool {
    return (value & CR4_FIXED0) == CR4_FIXED0;
  }
}
