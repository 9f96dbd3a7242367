/** HYPERVISOR_set_debugreg and get_debugreg. */

import { ERRNO } from '../../../xen/errno.ts';
import type { DebugRegisters } from '../guest/debug-registers.ts';
import { type HypercallTable, u32Of } from '../hypercall.ts';

export function debugregCalls(registers: DebugRegisters): HypercallTable {
  return {
    set_debugreg: ([register, value]) => registers.set(u32Of(register), value),
    get_debugreg: ([register]) => registers.get(u32Of(register)) ?? -ERRNO.ENODEV,
  };
}
