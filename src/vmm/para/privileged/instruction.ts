/** The instruction at an address of the guest's code. */

import { type Decoded, decode } from '../../../isa/decode.ts';
import { buildDecodeTables } from '../../../isa/decode-table.ts';
import { MAX_LENGTH } from '../../../isa/decoding.ts';
import { ROWS } from '../../../isa/table.ts';
import { PAGE_SIZE } from '../../frames.ts';
import type { GuestCode } from './guest.ts';
import { type GuestEvent, pageFault } from './outcome.ts';

const TABLES = buildDecodeTables(ROWS);

/** What it takes to read code. */
export type CodeSource = Pick<GuestCode, 'bits' | 'isKernel' | 'memory' | 'segment'>;

export interface Instruction extends Decoded {
  readonly mnemonic: string;
}

export type Fetched =
  | { readonly kind: 'instruction'; readonly instruction: Instruction }
  | { readonly kind: 'fault'; readonly event: GuestEvent }
  /** It is none. */
  | { readonly kind: 'none' };

const NONE: Fetched = { kind: 'none' };

/** The instruction at `rip`, an offset in CS. */
export function fetchInstruction(guest: CodeSource, rip: bigint): Fetched {
  const bytes = readCode(guest, rip, MAX_LENGTH);
  const decoded = decode(bytes, 0, guest.bits, TABLES);
  if (decoded.ok) {
    const mnemonic = ROWS[decoded.row]?.mnemonic ?? '';
    return { kind: 'instruction', instruction: { ...decoded, mnemonic } };
  }
  if (decoded.reason !== 'truncated') return NONE;
  return { kind: 'fault', event: fetchFault(guest, rip, bytes.length) };
}

/** The bytes at `rip`, `length` or as many as can be read. */
export function readCode(guest: CodeSource, rip: bigint, length: number): Uint8Array {
  const at = linear(guest, rip);
  const all = new DataView(new ArrayBuffer(length));
  if (guest.memory.read(at, all)) return new Uint8Array(all.buffer);
  const inPage = PAGE_SIZE - Number(at % BigInt(PAGE_SIZE));
  if (inPage >= length) return new Uint8Array(0);
  const first = new DataView(new ArrayBuffer(inPage));
  return guest.memory.read(at, first) ? new Uint8Array(first.buffer) : new Uint8Array(0);
}

/** The page fault of code at `rip` of which `readable` bytes can be read. */
export function fetchFault(guest: CodeSource, rip: bigint, readable: number): GuestEvent {
  return pageFault(linear(guest, rip + BigInt(readable)), false, guest.isKernel);
}

function linear(guest: CodeSource, rip: bigint): bigint {
  if (guest.bits === 64) return BigInt.asUintN(64, rip);
  return BigInt.asUintN(32, guest.segment('cs').base + rip);
}
