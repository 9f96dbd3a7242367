/** Several hypercalls in one (xen.h). */

import { array, struct, u64 } from './structure.ts';

export const MULTICALL_ENTRY = struct('multicall_entry', {
  op: u64,
  result: u64,
  args: array(u64, 6),
});
