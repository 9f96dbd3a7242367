/**
 * What the emulation of privileged instructions needs of the guest and may change in it: all that an engine has to
 * provide. Each file of this folder takes the part that it uses.
 */

import type { CodeMode } from '../../../isa/row.ts';
import type { SegmentName, SegmentState } from '../../../machine/cpu-view.ts';
import type { TrapTable } from '../guest/trap-table.ts';
import type { GuestSpace } from '../memory/guest-space.ts';
import type { PvCpuid } from './pv-cpuid.ts';

/** Registers of the code that runs, and its memory. */
export interface GuestCode {
  /** gpr[16]: u64, in encoding order. */
  readonly gpr: BigUint64Array;
  rip: bigint;
  /** As the processor has it: IF and IOPL are the host's. */
  rflags: bigint;
  readonly bits: CodeMode;
  /** The guest's kernel runs, not its user code: both do at CPL 3. */
  readonly isKernel: boolean;
  /** A segment register with its hidden part. */
  segment(name: SegmentName): SegmentState;
  /** What the code sees under the root that is in use. */
  readonly memory: Pick<GuestSpace, 'read' | 'write' | 'translate'>;
}

/** What the processor has while the guest runs. */
export interface NativeState {
  readonly cr0: bigint;
  readonly cr4: bigint;
  /** A model-specific register; undefined where there is none. */
  msr(number: number): bigint | undefined;
}

/** The guest's control registers. */
export interface ControlState {
  readonly native: NativeState;
  /** Features of the machine (src/machine/features.ts). */
  readonly features: ReadonlySet<string>;
  /** CR0.TS, as fpu_taskswitch sets it. */
  ts: boolean;
  /** The address of the latest page fault; the shared info has it too. */
  cr2: bigint;
  /** What the guest reads, `guestCr4` of 0 at first. TSD, DE and FSGSBASE are its choice, and have their effect. */
  cr4: bigint;
  /** The root that is in use, as the guest names frames. */
  readonly root: bigint;
  /** As MMUEXT_NEW_BASEPTR; `again`: a slice of it is done, the instruction is to be repeated. */
  setRoot(frame: bigint): 'done' | 'again' | 'refused';
}

/** DR0 to DR7, as get_debugreg and set_debugreg have them; 4 and 5 are 6 and 7 unless CR4.DE is set. */
export interface DebugState {
  /** undefined: there is no such register. */
  readDebug(register: number): bigint | undefined;
  /** 0, -ENODEV where there is no such register, or another error for a value. */
  writeDebug(register: number, value: bigint): number;
}

/** What model-specific registers stand for. */
export interface ModelState {
  readonly native: NativeState;
  readonly features: ReadonlySet<string>;
  /** What RDTSC gives on the processor at this time. */
  readonly tsc: bigint;
  /** IA32_TSC_AUX, which RDTSCP shows. */
  tscAux: bigint;
  fsBase: bigint;
  gsBase: bigint;
  /** The base of GS in user code, which SWAPGS would exchange: SEGBASE_GS_USER. */
  gsBaseUser: bigint;
  /** The guest's own MSR_MISC_FEATURES_ENABLES: CPUID faults in its user code. */
  hasCpuidFaulting: boolean;
  /** Makes a frame a hypercall page; false if it is not a page that the guest may write to. */
  writeHypercallPage(frame: bigint): boolean;
}

/** I/O ports. */
export interface PortState {
  /** What physdev_op's set_iopl, or IRET with VMASST_TYPE_architectural_iopl, has made of the I/O privilege level. */
  readonly iopl: number;
  readonly hasArchitecturalIopl: boolean;
  /** The VMM lets the guest use the ports from `port` on, `size` bytes: its debug ports. */
  isGranted(port: number, size: number): boolean;
  readPort(port: number, size: number): number;
  writePort(port: number, size: number, value: number): void;
}

/** The guest's handlers. */
export interface TrapState {
  readonly traps: Pick<TrapTable, 'trap'>;
}

export interface PrivilegedGuest
  extends GuestCode,
    ControlState,
    DebugState,
    ModelState,
    PortState,
    TrapState {
  readonly cpuid: PvCpuid;
}
