/**
 * What a PV guest has of a processor's privileged state: control, debug and model-specific registers as Xen shows them, bases
 * of segments, and the ports that it may use. Hypercalls and emulated instructions work on the same.
 */

import type { CodeMode } from '../../../isa/row.ts';
import type { CpuView, Layout, SegmentName, SegmentState } from '../../../machine/cpu-view.ts';
import type { ProcessorHost } from '../../../machine/instance.ts';
import { VMASST_TYPE } from '../../../xen/vm-assist.ts';
import { hypercallPage } from '../build/hypercall-page.ts';
import { type HypercallTable, u32Of } from '../hypercall.ts';
import { debugregCalls } from '../hypercalls/debugreg.ts';
import { fpuTaskswitchCalls } from '../hypercalls/fpu-taskswitch.ts';
import { physdevCalls } from '../hypercalls/physdev-op.ts';
import { segmentBaseCalls } from '../hypercalls/segment-base.ts';
import { vmAssistCalls } from '../hypercalls/vm-assist.ts';
import { XEN_VERSION } from '../hypercalls/xen-version.ts';
import type { GuestSpace } from '../memory/guest-space.ts';
import type { ParaMemory } from '../memory/para-memory.ts';
import { guestCr4 } from '../privileged/control-registers.ts';
import type { NativeState, PrivilegedGuest } from '../privileged/guest.ts';
import {
  IA32_BIOS_SIGN_ID,
  IA32_EFER,
  IA32_MISC_ENABLE,
  IA32_PAT,
  IA32_PLATFORM_ID,
} from '../privileged/model-specific-registers.ts';
import { type PvCpuid, pvCpuid } from '../privileged/pv-cpuid.ts';
import type { SharedInfo } from '../shared-info.ts';
import { DebugRegisters } from './debug-registers.ts';
import type { ParaVcpu } from './para-vcpu.ts';
import type { TrapTable } from './trap-table.ts';
import { VmAssists } from './vm-assists.ts';

const CODE_MODES: readonly CodeMode[] = [64, 32, 16];
const CODE_SIZE = 3;
/** Of CR4 what is the guest's choice: TSD, DE, FSGSBASE. */
const CR4_CHOSEN = (1n << 2n) | (1n << 3n) | (1n << 16n);
const CR4_DE = 1n << 3n;
const [DR6, DR7] = [6, 7];
const CPUID_FAULTING = 1;

/** Ports that guests may use: the console of Bochs, and QEMU's debug exit. */
const GRANTED: readonly (readonly [first: number, count: number])[] = [
  [0xe9, 1],
  [0xf4, 4],
];

/** Where the processor has a register; the empty name is one that reads as 0. */
const MSRS: Readonly<Record<number, string>> = {
  [IA32_PLATFORM_ID]: '',
  [IA32_BIOS_SIGN_ID]: '',
  [IA32_MISC_ENABLE]: 'MISC_ENABLE',
  [IA32_PAT]: 'PAT',
  [IA32_EFER]: 'EFER',
};

export interface GuestStateParts {
  readonly vcpu: ParaVcpu;
  readonly paging: ParaMemory;
  readonly traps: TrapTable;
  readonly shared: SharedInfo;
  /** What answers the guest's ports. */
  readonly devices: ProcessorHost;
  /** Frames of the machine. */
  readonly machineFrames: number;
  /** The guest has asked for an assistance, or wants it no more. */
  readonly assistChanged: (type: number, isEnabled: boolean) => void;
}

export class GuestState implements PrivilegedGuest {
  readonly gpr: BigUint64Array;
  readonly features: ReadonlySet<string>;
  readonly native: NativeState;
  readonly traps: TrapTable;
  readonly cpuid: PvCpuid;
  readonly debug: DebugRegisters;
  readonly assists: VmAssists;
  /** The calls that are about it. */
  readonly calls: HypercallTable;
  ts = false;
  hasCpuidFaulting = false;
  /** As set_iopl has it, or the latest iret with VMASST_TYPE_architectural_iopl. */
  iopl = 0;
  readonly #parts: GuestStateParts;
  #cr2 = 0n;
  #cr4: bigint;

  constructor(parts: GuestStateParts) {
    const { vcpu, traps, machineFrames } = parts;
    const { processor } = vcpu;
    const { view, features } = processor;
    this.#parts = parts;
    this.gpr = vcpu.gpr;
    this.features = features;
    this.traps = traps;
    this.native = {
      get cr0() {
        return view.u64('CR0');
      },
      get cr4() {
        return view.u64('CR4');
      },
      msr: (number) => {
        const name = MSRS[number];
        if (name === undefined) return undefined;
        return name === '' ? 0n : view.u64(name);
      },
    };
    this.cpuid = pvCpuid({ features, version: XEN_VERSION, machineFrames });
    this.#cr4 = guestCr4(this, 0n);
    this.debug = new DebugRegisters({
      read: (register) => this.#debugRegister(register),
      write: (register, value) => this.#setDebugRegister(register, value),
      hasDebugExtensions: () => (this.#cr4 & CR4_DE) !== 0n,
    });
    this.assists = new VmAssists(parts.assistChanged);
    this.calls = {
      ...debugregCalls(this.debug),
      ...vmAssistCalls(this.assists),
      ...fpuTaskswitchCalls((isSet) => {
        this.ts = isSet;
      }),
      ...physdevCalls(parts.paging.space, (iopl) => {
        this.iopl = iopl;
      }),
      ...segmentBaseCalls({
        setFs: (base) => {
          this.fsBase = base;
        },
        setUserGs: (base) => {
          vcpu.otherGsBase = base;
        },
        setKernelGs: (base) => {
          vcpu.gsBase = base;
        },
        loadUserGs: (selector) => {
          parts.paging.useSelector(selector);
          vcpu.loadOtherGs(selector);
        },
      }),
    };
    // Where the processor can make CPUID fault, the VMM answers it.
    if (features.has('cpuid_fault')) view.setU32('MISC_FEATURES', CPUID_FAULTING);
  }

  get rip(): bigint {
    return this.#parts.vcpu.rip;
  }
  set rip(value: bigint) {
    this.#parts.vcpu.rip = value;
  }

  get rflags(): bigint {
    return BigInt(this.#parts.vcpu.rflags);
  }
  set rflags(value: bigint) {
    this.#parts.vcpu.rflags = u32Of(value);
  }

  get bits(): CodeMode {
    return CODE_MODES[this.#view.u32('CODE_MODE') & CODE_SIZE] ?? 64;
  }

  get isKernel(): boolean {
    return this.#parts.vcpu.isKernel;
  }

  segment(name: SegmentName): SegmentState {
    return this.#view.segment(name);
  }

  get memory(): GuestSpace {
    const { space, userSpace } = this.#parts.paging;
    return this.isKernel ? space : userSpace;
  }

  get cr2(): bigint {
    return this.#cr2;
  }
  set cr2(address: bigint) {
    this.#cr2 = address;
    this.#parts.shared.cr2 = address;
  }

  get cr4(): bigint {
    return this.#cr4;
  }
  set cr4(value: bigint) {
    this.#cr4 = value;
    const view = this.#view;
    view.setU64('CR4', (view.u64('CR4') & ~CR4_CHOSEN) | (value & CR4_CHOSEN));
    this.#parts.vcpu.processor.modeChanged();
  }

  get root(): bigint {
    return BigInt(this.#parts.paging.kernelRoot);
  }

  setRoot(frame: bigint): 'done' | 'again' | 'refused' {
    return this.#parts.paging.setKernelRoot(Number(frame));
  }

  readDebug(register: number): bigint | undefined {
    return this.debug.get(register);
  }

  writeDebug(register: number, value: bigint): number {
    return this.debug.set(register, value);
  }

  /** Bits of DR6 that an event sets. */
  addDr6(bits: bigint): void {
    this.#view.setU64('DR6', this.#view.u64('DR6') | bits);
  }

  get tsc(): bigint {
    return this.#parts.vcpu.processor.tsc;
  }

  get tscAux(): bigint {
    return this.#view.u64('TSC_AUX');
  }
  set tscAux(value: bigint) {
    this.#view.setU64('TSC_AUX', value);
  }

  get fsBase(): bigint {
    return this.#view.segment('fs').base;
  }
  set fsBase(base: bigint) {
    this.#view.setSegment('fs', { ...this.#view.segment('fs'), base });
  }

  get gsBase(): bigint {
    return this.#parts.vcpu.gsBase;
  }
  set gsBase(base: bigint) {
    this.#parts.vcpu.gsBase = base;
  }

  get gsBaseUser(): bigint {
    return this.#parts.vcpu.otherGsBase;
  }
  set gsBaseUser(base: bigint) {
    this.#parts.vcpu.otherGsBase = base;
  }

  writeHypercallPage(frame: bigint): boolean {
    return this.#parts.paging.writePage(Number(frame), hypercallPage()) === 0;
  }

  get hasArchitecturalIopl(): boolean {
    return this.assists.isEnabled(VMASST_TYPE.architectural_iopl);
  }

  isGranted(port: number, size: number): boolean {
    return GRANTED.some(([first, count]) => port >= first && port + size <= first + count);
  }

  readPort(port: number, size: number): number {
    return this.#parts.devices.portRead(port, size);
  }

  writePort(port: number, size: number, value: number): void {
    this.#parts.devices.portWrite(port, size, value);
  }

  get #view(): CpuView {
    return this.#parts.vcpu.processor.view;
  }

  #debugRegister(register: number): bigint {
    const { data, layout } = this.#view;
    return data.getBigUint64(this.#debugPlace(register, layout), true);
  }

  #setDebugRegister(register: number, value: bigint): void {
    const { data, layout } = this.#view;
    data.setBigUint64(this.#debugPlace(register, layout), value, true);
    this.#parts.vcpu.processor.modeChanged();
  }

  #debugPlace(register: number, layout: Layout): number {
    if (register === DR6) return layout('DR6');
    return register === DR7 ? layout('DR7') : layout('DR') + register * 8;
  }
}
