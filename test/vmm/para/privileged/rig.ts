/** A guest that has stopped at an instruction: its registers, and pages of memory that it sees. */

import { assemble } from '../../../../src/assembler/assemble.ts';
import type { CodeMode } from '../../../../src/isa/row.ts';
import type { SegmentName, SegmentState } from '../../../../src/machine/cpu-view.ts';
import { DEFAULT_FEATURES } from '../../../../src/machine/features.ts';
import { TrapTable } from '../../../../src/vmm/para/guest/trap-table.ts';
import { emulateGeneralProtection } from '../../../../src/vmm/para/privileged/general-protection.ts';
import type { NativeState, PrivilegedGuest } from '../../../../src/vmm/para/privileged/guest.ts';
import { emulateInvalidOpcode } from '../../../../src/vmm/para/privileged/invalid-opcode.ts';
import type { GuestEvent, Outcome } from '../../../../src/vmm/para/privileged/outcome.ts';
import { type PvCpuid, pvCpuid } from '../../../../src/vmm/para/privileged/pv-cpuid.ts';
import { isGuestRange } from '../../../../src/xen/address-space.ts';
import { ERRNO } from '../../../../src/xen/errno.ts';

export const CODE = 0x40_1000n;
export const DATA = 0x60_0000n;
const PAGE = 4096n;

export const CR0 = 0x8005_0033n;
export const CR4 = 0x0000_00e0n;
export const RF = 1n << 16n;
export const TF = 1n << 8n;
export const DF = 1n << 10n;
export const IF = 1n << 9n;

const REGISTERS = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'] as const;
type Register = (typeof REGISTERS)[number];

export const GP0: GuestEvent = { vector: 13, error: 0 };

/** Flat data that can be written to. */
const FLAT: SegmentState = { selector: 0xe02b, base: 0n, limit: 0xffff_ffff, access: 0xc0f3 };
/** What each register has that the processor has. */
const NATIVE_MSRS: Readonly<Record<number, bigint>> = {
  23: 0x5_0000_0000n,
  139: 0x1d_0000_0000n,
  416: 0x0004_0089n,
  631: 0x0005_0100_0704_06n,
  254: 0x508n,
  3221225600: 0xd01n | (1n << 12n),
};

function bytesOf(source: string, bits: 32 | 64): Uint8Array {
  return assemble(`bits ${bits}\n${source}`, { file: 'test.asm' }).bytes;
}

export class StoppedGuest implements PrivilegedGuest {
  readonly gpr = new BigUint64Array(16);
  rip = CODE;
  rflags = IF | RF | 2n;
  isKernel = true;
  readonly bits: CodeMode;
  readonly segments = new Map<SegmentName, SegmentState>();
  /** Page number to its bytes; those of `readOnly` cannot be written to. */
  readonly pages = new Map<bigint, Uint8Array>();
  readonly readOnly = new Set<bigint>();

  readonly native: NativeState = { cr0: CR0, cr4: CR4, msr: (number) => NATIVE_MSRS[number] };
  features: ReadonlySet<string>;
  ts = false;
  cr2 = 0x1234_5678n;
  cr4 = CR4 & 0x60n;
  root = 0x1_2345n;
  rootResult: 'done' | 'again' | 'refused' = 'done';
  readonly debugRegisters = [1n, 2n, 3n, 4n, undefined, undefined, 0xffff_0ff0n, 0x400n];
  tsc = 0x1_2345_6789n;
  tscAux = 7n;
  fsBase = 0x1000n;
  gsBase = 0x2000n;
  gsBaseUser = 0x3000n;
  hasCpuidFaulting = false;
  hypercallPages: bigint[] = [];
  iopl = 0;
  hasArchitecturalIopl = false;
  /** Reads and writes of ports, in order. */
  readonly log: string[] = [];
  inputs: number[] = [];
  readonly traps = new TrapTable();
  readonly cpuid: PvCpuid;

  /** `source`, or its bytes, at CODE, and a page of zeros at DATA. */
  constructor(source: string | Uint8Array, bits: 32 | 64 = 64, features = DEFAULT_FEATURES) {
    const bytes = typeof source === 'string' ? bytesOf(source, bits) : source;
    this.bits = bits;
    this.features = features;
    this.cpuid = pvCpuid({ features, version: 0x4_0011, machineFrames: 0x2_0000 });
    this.traps.set(13, CODE, 0);
    this.map(CODE).set(bytes);
    this.map(DATA);
  }

  /** A page of zeros. */
  map(va: bigint): Uint8Array {
    const page = new Uint8Array(Number(PAGE));
    this.pages.set(va / PAGE, page);
    return page;
  }

  unmap(va: bigint): void {
    this.pages.delete(va / PAGE);
  }

  /** Moves the first bytes of the code to where only `bytes` of them fit into the page, and goes there. */
  atPageEnd(bytes: number): this {
    const page = this.pages.get(CODE / PAGE)!;
    page.copyWithin(4096 - bytes, 0, bytes);
    this.rip = CODE + PAGE - BigInt(bytes);
    return this;
  }

  set(values: Partial<Record<Register, bigint>>): this {
    for (const [n, name] of REGISTERS.entries()) this.gpr[n] = values[name] ?? this.gpr[n]!;
    return this;
  }

  get(name: Register): bigint {
    return this.gpr[REGISTERS.indexOf(name)]!;
  }

  segment(name: SegmentName): SegmentState {
    return this.segments.get(name) ?? FLAT;
  }

  readonly memory = {
    read: (va: bigint, data: DataView): boolean => this.#copy(va, data, false),
    write: (va: bigint, data: DataView): boolean => this.#copy(va, data, true),
    translate: (va: bigint, isWrite: boolean): number | undefined =>
      this.#can(va, isWrite) ? Number(va) : undefined,
  };

  #can(va: bigint, isWrite: boolean): boolean {
    return this.pages.has(va / PAGE) && !(isWrite && this.readOnly.has(va / PAGE));
  }

  #copy(va: bigint, data: DataView, isWrite: boolean): boolean {
    const places = Array.from({ length: data.byteLength }, (_, n) => va + BigInt(n));
    if (!isGuestRange(va, va + BigInt(data.byteLength))) return false;
    if (!places.every((at) => this.#can(at, isWrite))) return false;
    for (const [n, at] of places.entries()) {
      const page = this.pages.get(at / PAGE)!;
      const offset = Number(at % PAGE);
      if (isWrite) page[offset] = data.getUint8(n);
      else data.setUint8(n, page[offset]!);
    }
    return true;
  }

  bytesAt(va: bigint, length: number): number[] {
    return Array.from({ length }, (_, n) => {
      const at = va + BigInt(n);
      return this.pages.get(at / PAGE)![Number(at % PAGE)]!;
    });
  }

  setRoot(frame: bigint): 'done' | 'again' | 'refused' {
    if (this.rootResult === 'done') this.root = frame;
    return this.rootResult;
  }

  readDebug(register: number): bigint | undefined {
    return this.debugRegisters[register];
  }

  writeDebug(register: number, value: bigint): number {
    if (this.debugRegisters[register] === undefined) return -ERRNO.ENODEV;
    if (value >> 47n !== 0n) return -ERRNO.EPERM;
    this.debugRegisters[register] = value;
    return 0;
  }

  writeHypercallPage(frame: bigint): boolean {
    this.hypercallPages.push(frame);
    return frame < 0x2_0000n;
  }

  isGranted(port: number, size: number): boolean {
    return (port === 0xe9 || port === 0xf4) && size === 1;
  }

  readPort(port: number, size: number): number {
    this.log.push(`in ${port.toString(16)} ${size}`);
    return this.inputs.shift() ?? 0;
  }

  writePort(port: number, size: number, value: number): void {
    this.log.push(`out ${port.toString(16)} ${size} ${value.toString(16)}`);
  }

  gp(error = 0): Outcome {
    return emulateGeneralProtection(this, error);
  }

  ud(): Outcome {
    return emulateInvalidOpcode(this);
  }
}

export const RESUME: Outcome = { kind: 'resume', retired: 1 };
export const REFUSED: Outcome = { kind: 'not-emulated' };

/** Everything of the guest that an instruction can change, to see that none has. */
export function stateOf(guest: StoppedGuest): unknown {
  const { segments, pages, readOnly, memory, native, cpuid, log, traps, ...rest } = guest;
  const contents = [...pages].map(([page, bytes]) => [page, Buffer.from(bytes).toString('hex')]);
  return structuredClone({ ...rest, log, contents });
}
