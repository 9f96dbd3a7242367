/**
 * Memory as the processor sees it, for dumps: by linear address, through the paging structures as they are
 * in RAM. Permissions are not looked at, and nothing is changed.
 */

import type { Machine } from '../machine/machine.ts';
import type { PagingState } from '../machine/ref/paging.ts';
import { walk } from '../machine/ref/walk.ts';

/** Whose memory it is. */
export type LinearSource = Pick<Machine, 'tableMemory' | 'processor'>;

const PAGE_BYTES = 4096;

/** As many of the `length` bytes at `address` as are mapped to RAM without a gap. */
export function readLinear(machine: LinearSource, address: bigint, length: number): Uint8Array {
  const memory = machine.tableMemory;
  const state = pagingState(machine);
  const bytes = new Uint8Array(length);
  for (let n = 0; n < length; ) {
    const at = address + BigInt(n);
    const place = translate(machine, state, at);
    if (place === undefined) return bytes.subarray(0, n);
    const count = Math.min(PAGE_BYTES - Number(at & 0xfffn), length - n);
    bytes.set(memory.read(place, count), n);
    n += count;
  }
  return bytes;
}

const isInRam = ({ tableMemory }: LinearSource, hpa: bigint, size: number): boolean =>
  hpa + BigInt(size) <= BigInt(tableMemory.size);

/** The place in RAM of a linear address. */
function translate(machine: LinearSource, state: PagingState, address: bigint): number | undefined {
  const read = (hpa: bigint, size: 4 | 8): bigint => {
    if (!isInRam(machine, hpa, 8)) return 0n;
    const entry = machine.tableMemory.readU64(Number(hpa));
    return size === 4 ? entry & 0xffffffffn : entry;
  };
  const found = walk(read, state, address);
  return 'hpa' in found && isInRam(machine, found.hpa, 1) ? Number(found.hpa) : undefined;
}

function pagingState({ processor: { view, rflags } }: LinearSource): PagingState {
  const pdptes = view.layout('PDPTES');
  return {
    cr0: view.u64('CR0'),
    cr3: view.u64('CR3'),
    cr4: view.u64('CR4'),
    efer: view.u64('EFER'),
    rflags,
    pkru: view.u32('PKRU'),
    cpl: view.u32('CPL'),
    pdptes: [0, 1, 2, 3].map((n) => view.data.getBigUint64(pdptes + 8 * n, true)),
  };
}
