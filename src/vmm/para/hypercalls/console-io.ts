/**
 * HYPERVISOR_console_io: output on the hypervisor's own console. As a Xen built for debugging does, it lets every domain
 * write; reading, and all else, is for privileged ones. Bytes are written as they are, as Xen writes those of the domain
 * that has the console.
 */

import { isGuestRange } from '../../../xen/address-space.ts';
import { CONSOLEIO } from '../../../xen/console.ts';
import { ERRNO } from '../../../xen/errno.ts';
import type { GuestArguments } from '../../direct/guest-arguments.ts';
import type { Slice } from '../../direct/slice.ts';
import {
  type HypercallArguments,
  type HypercallResult,
  type HypercallTable,
  u32Of,
} from '../hypercall.ts';

export interface ConsoleIoDeps {
  readonly space: GuestArguments;
  readonly write: (byte: number) => void;
  readonly slice: Slice;
}

/** What is read at once: if a part of it faults, nothing of it is written. */
const CHUNK_BYTES = 127;

export function consoleIoCalls(deps: ConsoleIoDeps): HypercallTable {
  return { console_io: (args) => consoleIo(deps, args) };
}

function consoleIo(deps: ConsoleIoDeps, [command, size, buffer]: HypercallArguments) {
  if (u32Of(command) !== CONSOLEIO.write) return -ERRNO.EPERM;
  return write(deps, u32Of(size), buffer);
}

function write(
  { space, write: put, slice }: ConsoleIoDeps,
  size: number,
  buffer: bigint,
): HypercallResult {
  let at = 0;
  slice.begin();
  while (at < size && !slice.isSpent) {
    const chunk = new Uint8Array(Math.min(size - at, CHUNK_BYTES));
    const va = buffer + BigInt(at);
    const isRange = isGuestRange(va, va + BigInt(chunk.length));
    if (!isRange || !space.read(va, new DataView(chunk.buffer))) return -ERRNO.EFAULT;
    for (const byte of chunk) put(byte);
    at += chunk.length;
    slice.spend(chunk.length);
  }
  if (at === size) return 0;
  const rest = [BigInt(CONSOLEIO.write), BigInt(size - at), buffer + BigInt(at)] as const;
  return { again: [...rest, 0n, 0n, 0n] };
}
