/** MSRs that tell of VMX: IA32_FEATURE_CONTROL and the capability MSRs (src/vmx/capabilities.ts). None can be written. */

import { ControlWrite } from '../cpu/control-write';
import { CAPABILITY_COUNT, CAPABILITY_FIRST, CAPABILITY_VALUES } from '../gen/vmx-capabilities';
import { FEATURE_CONTROL } from '../layout';
import { Operation } from './operation';

const IA32_FEATURE_CONTROL: u32 = 0x3a;
const IA32_VMX_CR4_FIXED1: u32 = 0x489;

export class Capabilities {
  static has(msr: u32): bool {
    const isCapability = msr >= CAPABILITY_FIRST && msr < CAPABILITY_FIRST + CAPABILITY_COUNT;
    return (isCapability || msr == IA32_FEATURE_CONTROL) && Operation.exists();
  }
  /** Value of one that exists. */
  static read(msr: u32): u64 {
    if (msr == IA32_FEATURE_CONTROL) return load<u64>(FEATURE_CONTROL);
    if (msr == IA32_VMX_CR4_FIXED1) return <u64>ControlWrite.cr4Bits();
    return load<u64>(CAPABILITY_VALUES + ((<usize>(msr - CAPABILITY_FIRST)) << 3));
  }
}
