/** All hypercalls of a domain by number, as SYSCALL and multicall make them. */

import { ERRNO } from '../../xen/errno.ts';
import { HYPERVISOR, type HypercallName } from '../../xen/hypercalls.ts';
import type {
  Hypercall,
  HypercallArguments,
  HypercallResult,
  HypercallTable,
} from './hypercall.ts';

export class Hypercalls {
  readonly #calls: (Hypercall | undefined)[] = [];

  add(table: HypercallTable): void {
    for (const [name, call] of Object.entries(table)) {
      this.#calls[HYPERVISOR[name as HypercallName]] = call;
    }
  }

  call(number: number, args: HypercallArguments): HypercallResult {
    return this.#calls[number]?.(args) ?? -ERRNO.ENOSYS;
  }
}
