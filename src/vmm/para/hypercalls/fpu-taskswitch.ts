/** HYPERVISOR_fpu_taskswitch: the virtual CR0.TS. */

import { type HypercallTable, u32Of } from '../hypercall.ts';

export function fpuTaskswitchCalls(setTaskSwitched: (isSet: boolean) => void): HypercallTable {
  return {
    fpu_taskswitch: ([isSet]) => {
      setTaskSwitched(u32Of(isSet) !== 0);
      return 0;
    },
  };
}
