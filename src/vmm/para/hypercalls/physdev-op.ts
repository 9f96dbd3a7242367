/** HYPERVISOR_physdev_op of a domain without devices: the I/O privilege level of its kernel, and nothing else. */

import { ERRNO } from '../../../xen/errno.ts';
import { PHYSDEV_SET_IOPL, PHYSDEVOP } from '../../../xen/physdev.ts';
import { type HypercallTable, u32Of } from '../hypercall.ts';
import { type GuestSpace, readAt } from '../memory/guest-space.ts';

const MAX_IOPL = 3;

export function physdevCalls(space: GuestSpace, setIopl: (iopl: number) => void): HypercallTable {
  return {
    physdev_op: ([command, argument]) => {
      if (u32Of(command) !== PHYSDEVOP.set_iopl) return -ERRNO.ENOSYS;
      const request = readAt(space, PHYSDEV_SET_IOPL, argument);
      if (request === undefined) return -ERRNO.EFAULT;
      if (request.iopl > MAX_IOPL) return -ERRNO.EINVAL;
      setIopl(request.iopl);
      return 0;
    },
  };
}
