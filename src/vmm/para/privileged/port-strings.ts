/**
 * INS and OUTS (SDM 2A and 2B), an iteration at a time: RCX, RSI and RDI are right behind each. A long one is done in slices,
 * between which interrupts come; with TF set, each iteration is one.
 */

import { GP, SS } from '../../../base/vector.ts';
import { LOADABLE_SEGMENTS, type SegmentState, UNUSABLE } from '../../../machine/cpu-view.ts';
import { isGuestRange } from '../../../xen/address-space.ts';
import { PAGE_SIZE } from '../../frames.ts';
import { hasTrapFlag } from './completion.ts';
import type { Instruction } from './instruction.ts';
import { DONE, type Effect, type GuestEvent, pageFault, REFUSED, raised } from './outcome.ts';
import { mayUsePort, type PortGuest, portInDx, readPort, writePort } from './ports.ts';
import { RCX, readGpr, writeGpr } from './registers.ts';

const RSI = 6;
const RDI = 7;
const DS = 3;

const RFLAGS_DF = 1n << 10n;

/** Iterations of a slice. */
const SLICE = 1024n;

/** Access rights as in a VMCS: bits of the type, and others. */
const WRITABLE_OR_READABLE = 1 << 1;
const CODE = 1 << 3;
const NOT_SYSTEM = 1 << 4;

type SegmentRegister = (typeof LOADABLE_SEGMENTS)[number];

interface StringAccess {
  readonly isInput: boolean;
  readonly port: number;
  /** Bytes. */
  readonly size: number;
  readonly segment: SegmentRegister;
  readonly state: SegmentState;
  readonly index: typeof RSI | typeof RDI;
  readonly addressBits: number;
}

export function portString(guest: PortGuest, instruction: Instruction): Effect {
  const { addressSize, prefixes } = instruction;
  const isRepeated = prefixes.repeat !== undefined;
  const count = isRepeated ? readGpr(guest, RCX, addressSize) : 1n;
  if (count === 0n) return DONE;
  const access = accessOf(guest, instruction);
  if (!mayUsePort(guest, access.port, access.size)) return REFUSED;
  const refusal = guest.bits === 64 ? undefined : segmentRefusal(access);
  if (refusal !== undefined) return refusal;
  const slice = hasTrapFlag(guest) ? 1n : SLICE;
  const iterations = count < slice ? count : slice;
  for (let done = 0n; done < iterations; done++) {
    const event = iterate(guest, access);
    if (event !== undefined) return raised(event, Number(done));
    if (isRepeated) writeGpr(guest, RCX, addressSize, count - done - 1n);
  }
  return {
    kind: 'done',
    retired: Number(iterations),
    isWhole: iterations === count,
    isTraced: true,
  };
}

function accessOf(guest: PortGuest, instruction: Instruction): StringAccess {
  const { mnemonic, prefixes, addressSize } = instruction;
  const isInput = mnemonic.startsWith('ins');
  const segment = isInput ? 'es' : (LOADABLE_SEGMENTS[prefixes.segment ?? DS] ?? 'ds');
  return {
    isInput,
    port: portInDx(guest),
    size: sizeOf(mnemonic),
    segment,
    state: guest.segment(segment),
    index: isInput ? RDI : RSI,
    addressBits: addressSize,
  };
}

function sizeOf(mnemonic: string): number {
  if (mnemonic.endsWith('b')) return 1;
  return mnemonic.endsWith('w') ? 2 : 4;
}

/** INS needs data that can be written to, OUTS what can be read. */
function segmentRefusal({ isInput, segment, state }: StringAccess): Effect | undefined {
  const { access } = state;
  if ((access & UNUSABLE) !== 0) return REFUSED;
  const isMemory = (access & NOT_SYSTEM) !== 0;
  const isCode = (access & CODE) !== 0;
  const has = (access & WRITABLE_OR_READABLE) !== 0;
  const fits = isMemory && (isInput ? !isCode && has : !isCode || has);
  return fits ? undefined : raised(segmentFault(segment));
}

function segmentFault(segment: SegmentRegister): GuestEvent {
  return { vector: segment === 'ss' ? SS : GP, error: 0 };
}

/** One access to the port, unless that to memory faults. */
function iterate(guest: PortGuest, access: StringAccess): GuestEvent | undefined {
  const { isInput, port, size, segment, index, addressBits } = access;
  const offset = readGpr(guest, index, addressBits);
  const va = linear(guest, access, offset);
  if (va === undefined) return segmentFault(segment);
  const fault = faultAddress(guest, va, size, isInput);
  if (fault !== undefined) return pageFault(fault, isInput, guest.isKernel);
  const data = new DataView(new ArrayBuffer(4));
  const part = new DataView(data.buffer, 0, size);
  if (isInput) {
    data.setUint32(0, readPort(guest, port, size), true);
    guest.memory.write(va, part);
  } else {
    guest.memory.read(va, part);
    writePort(guest, port, size, data.getUint32(0, true));
  }
  const isDown = (guest.rflags & RFLAGS_DF) !== 0n;
  writeGpr(guest, index, addressBits, isDown ? offset - BigInt(size) : offset + BigInt(size));
  return undefined;
}

/** The linear address; undefined: beyond the limit, or not the guest's. */
function linear(guest: PortGuest, access: StringAccess, offset: bigint): bigint | undefined {
  const { state, segment, size } = access;
  if (guest.bits === 64) {
    const base = segment === 'fs' || segment === 'gs' ? state.base : 0n;
    const va = BigInt.asUintN(64, base + offset);
    return isGuestRange(va, va + BigInt(size)) ? va : undefined;
  }
  if (offset + BigInt(size) - 1n > BigInt(state.limit)) return undefined;
  return BigInt.asUintN(32, state.base + offset);
}

/** The first address of an access that faults. */
function faultAddress(
  { memory }: PortGuest,
  va: bigint,
  size: number,
  isWrite: boolean,
): bigint | undefined {
  if (memory.translate(va, isWrite) === undefined) return va;
  const last = va + BigInt(size) - 1n;
  if (memory.translate(last, isWrite) !== undefined) return undefined;
  return last - (last % BigInt(PAGE_SIZE));
}
