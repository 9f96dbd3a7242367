/** A guest's memory without tables: bytes at one address, the last ones for reading only; all else faults. */

import type { Hypercall, HypercallArguments } from '../../../src/vmm/para/hypercall.ts';
import type { GuestSpace } from '../../../src/vmm/para/memory/guest-space.ts';
import type { Field } from '../../../src/xen/structure.ts';

export const BASE = 0x4_0000n;
const BYTES = 0x2_0000;
/** From here on nothing can be written to. */
export const READ_ONLY = BASE + 0x1_f000n;
/** Nothing is here. */
export const NOWHERE = 0x1000n;
/** The hypervisor's, be there something or not. */
export const XEN = 0xffff_8000_0000_0000n;

export class FlatSpace implements GuestSpace {
  readonly view = new DataView(new ArrayBuffer(BYTES));

  read(va: bigint, data: DataView): boolean {
    const at = this.#offset(va, data.byteLength, BYTES);
    if (at === undefined) return false;
    bytesOf(data).set(new Uint8Array(this.view.buffer, at, data.byteLength));
    return true;
  }

  write(va: bigint, data: DataView): boolean {
    const at = this.#offset(va, data.byteLength, Number(READ_ONLY - BASE));
    if (at === undefined) return false;
    new Uint8Array(this.view.buffer, at, data.byteLength).set(bytesOf(data));
    return true;
  }

  writeU32(va: bigint, value: number): boolean {
    const data = new DataView(new ArrayBuffer(4));
    data.setUint32(0, value, true);
    return this.write(va, data);
  }

  translate(): number | undefined {
    return undefined;
  }

  /** The test's own view: a structure at `va`, as the guest's code writes and reads it. */
  set<W>(type: Field<unknown, W>, va: bigint, value: W): void {
    type.write(this.view, Number(va - BASE), value);
  }

  get<R>(type: Field<R, never>, va: bigint): R {
    return type.read(this.view, Number(va - BASE));
  }

  /** Text up to the first zero. */
  text(va: bigint): string {
    const bytes = new Uint8Array(this.view.buffer).subarray(Number(va - BASE));
    return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString('latin1');
  }

  #offset(va: bigint, length: number, end: number): number | undefined {
    const at = va - BASE;
    return at < 0n || at + BigInt(length) > end ? undefined : Number(at);
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: DataView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Makes a call until it has a result, and tells in how many steps. */
export function finish(
  call: Hypercall | undefined,
  ...given: readonly (bigint | number)[]
): { result: number; steps: number } {
  let args = Array.from({ length: 6 }, (_, n) => BigInt(given[n] ?? 0)) as unknown;
  for (let steps = 1; steps < 10_000; steps++) {
    const outcome = call?.(args as HypercallArguments);
    if (typeof outcome !== 'object') return { result: Number(outcome), steps };
    args = outcome.again;
  }
  throw new Error('the call does not end');
}
