/** HYPERVISOR_vm_assist. */

import { ERRNO } from '../../../xen/errno.ts';
import { VMASST_CMD } from '../../../xen/vm-assist.ts';
import type { VmAssists } from '../guest/vm-assists.ts';
import { type HypercallTable, u32Of } from '../hypercall.ts';

export function vmAssistCalls(assists: VmAssists): HypercallTable {
  return { vm_assist: ([command, type]) => vmAssist(assists, u32Of(command), u32Of(type)) };
}

function vmAssist(assists: VmAssists, command: number, type: number): number {
  if (!assists.isKnown(type)) return -ERRNO.EINVAL;
  if (command !== VMASST_CMD.enable && command !== VMASST_CMD.disable) return -ERRNO.ENOSYS;
  assists.set(type, command === VMASST_CMD.enable);
  return 0;
}
