/**
 * Domains that run: code of a test is put into one that was built for a kernel of zeros, and hypercalls are made by SYSCALL.
 * Virtual addresses are pseudo-physical ones at the beginning.
 *
 *   0x1000 hypercall page   0x2000 code of a test   0x3000 the SYSCALL of `call`   0x8000 arguments of calls   0x10000
 *   code for user mode   0x1f000, 0x20000 stacks of the kernel (they end there)   0x30000 and up, pages of tests
 */

import { expect } from 'vitest';
import { assemble } from '../../../../src/assembler/assemble.ts';
import type { RunEnd } from '../../../../src/machine/machine.ts';
import { loadProcessorModule } from '../../../../src/node/wasm.ts';
import { DomainBoard } from '../../../../src/vmm/para/domain-board.ts';
import { DirectMemory } from '../../../../src/vmm/para/memory/direct-memory.ts';
import {
  createVirtualMachines,
  type ParaVirtualMachine,
} from '../../../../src/vmm/virtual-machine.ts';
import type { MemoryTechnique, ParaVmOptions } from '../../../../src/vmm/vm-options.ts';
import { DOMID } from '../../../../src/xen/domid.ts';
import { featureMask } from '../../../../src/xen/features.ts';
import { HYPERVISOR, type HypercallName } from '../../../../src/xen/hypercalls.ts';
import { MMUEXT } from '../../../../src/xen/mmu.ts';
import type { PvKernel } from '../../../../src/xen/pv-kernel.ts';
import { START_INFO } from '../../../../src/xen/start-info.ts';
import { type CheckedGuest, isProtected } from '../../direct/invariants.ts';

export const RAM_BYTES = 4 << 20;
export const PAGE = 4096;
export const [P, RW, US] = [1, 2, 4];
export const ANY = P | RW | US;

export const HYPERCALL_PAGE = 0x1000;
export const CODE = 0x2000;
const STUB = 0x3000;
export const LIST = 0x8000;
export const USER_CODE = 0x10000;
export const USER_STACK = 0x18000;
export const KERNEL_STACK = 0x1f000;
export const STACK = 0x20000;
/** Pages from here on are a test's. */
export const FREE_PAGE = 0x30;
const KERNEL_PAGES = 0x80;
/** Tables of user code: it has a root of its own, and all else of the kernel. */
const USER_ROOT = 0x7f;

const [RAX, RSP, RSI] = [0, 4, 6];
const ARGUMENTS = [7, 6, 2, 10, 8, 9];
const TRANSLATED = featureMask(['auto_translated_physmap']);

/** The test is over when it writes to this port. */
const EXIT = 'out 0xf4, al\n';

export type Argument = bigint | number;

const module = loadProcessorModule();

const KERNEL: PvKernel = {
  notes: {},
  segments: [
    {
      name: 'zeros',
      address: 0n,
      bytes: new Uint8Array(KERNEL_PAGES * PAGE),
      size: BigInt(KERNEL_PAGES * PAGE),
    },
  ],
  virtBase: 0n,
  entry: BigInt(CODE),
  hypercallPage: BigInt(HYPERCALL_PAGE),
  initP2m: undefined,
  requiredFeatures: 0,
  supportedFeatures: TRANSLATED,
};

/** Code for the guest, at `org`. */
export function code(source: string, org: number): Uint8Array {
  return assemble(`bits 64\norg ${org}\n%define EXIT ${EXIT}${source}\n`, { file: 'test.asm' })
    .bytes;
}

/** How a run is to go. */
export interface Start {
  readonly rsp?: number;
  /** Most instructions of a step. */
  readonly most?: number;
}

export class TestGuest {
  readonly vm: ParaVirtualMachine;
  readonly number: number;
  /** What it has written to its console. */
  readonly output: number[] = [];
  /** Frames that it shares with the VMM for good. */
  readonly registered: number[] = [];
  readonly #startInfo: number;

  constructor(vm: ParaVirtualMachine, kernel: PvKernel = KERNEL) {
    this.vm = vm;
    this.number = vm.domain.number;
    const board = new DomainBoard(vm.machine, vm.domain, {
      com1: (byte) => this.output.push(byte),
    });
    board.boot(kernel);
    this.#startInfo = Number(this.gpr[RSI]);
    this.write(STUB, code('syscall\nout 0xf4, al\n', STUB));
  }

  get machine(): ParaVirtualMachine['machine'] {
    return this.vm.machine;
  }

  get vcpu(): ParaVirtualMachine['domain']['vcpu'] {
    return this.vm.domain.vcpu;
  }

  get gpr(): BigUint64Array {
    return this.vm.machine.processor.view.gpr;
  }

  /** By pseudo-physical address. */
  write(at: number, data: Uint8Array): void {
    this.vm.machine.memory.write(at, data);
  }

  poke(at: number, value: Argument): void {
    this.vm.machine.memory.writeU64(at, BigInt.asUintN(64, BigInt(value)));
  }

  peek(at: number): bigint {
    return this.vm.machine.memory.readU64(at);
  }

  words(at: number, count: number): bigint[] {
    return Array.from({ length: count }, (_, n) => this.peek(at + n * 8));
  }

  /** The guest's own number of page `pfn`. */
  frame(pfn: number): number {
    const { paging } = this.vm.domain;
    return paging instanceof DirectMemory ? (paging.frames[pfn] ?? 0) : pfn;
  }

  /** An entry for page `pfn`. */
  entry(pfn: number, flags: number): bigint {
    return BigInt(this.frame(pfn) * PAGE + flags);
  }

  /** The frame of the root, and of the other tables that it was built with. */
  get root(): number {
    return this.vm.domain.paging.kernelRoot;
  }

  /** HPA of the shared info page. */
  get sharedInfo(): number {
    const frame = Number(this.startInfo.shared_info) / PAGE;
    return this.vm.domain.paging.machineFrame(frame) * PAGE;
  }

  get isDirect(): boolean {
    return this.vm.domain.paging instanceof DirectMemory;
  }

  /** Who has a frame of the machine. */
  ownerOf(frame: number): number {
    if (this.isDirect) return this.checked.machine.pool.ownerOf(frame);
    return this.vm.domain.paging.frames.includes(frame) ? this.number : 0;
  }

  /** Page `pfn` is the guest's as at the beginning, and no table. */
  isPlain(pfn: number): boolean {
    if (!this.isDirect) return true;
    const { machine } = this.checked;
    const frame = this.frame(pfn);
    return machine.pool.ownerOf(frame) === this.number && !isProtected(machine, frame);
  }

  /** Direct paging as it is. */
  get direct(): DirectMemory {
    const { paging } = this.vm.domain;
    if (paging instanceof DirectMemory) return paging;
    return expect.fail('it is not under direct paging');
  }

  get checked(): CheckedGuest {
    const { domain } = this.direct.paging;
    const { memory } = this.vm.machine.processor;
    const { frames } = domain;
    const size = memory.size / PAGE;
    const ownerOf = (frame: number): number =>
      [1, 2, 3, -1].find((owner) => frames.isOwned(frame, owner)) ?? 0;
    const { registered } = this;
    const shared = [this.direct.sharedInfo, ...this.#ringFrames()];
    return {
      machine: { memory, frames, size, pool: { ownerOf } },
      direct: this.direct.paging,
      registered,
      shared,
    };
  }

  /** The pages of store and console: those before the tables. */
  #ringFrames(): number[] {
    const info = this.startInfo;
    return [info.store_mfn, info.console.domU.mfn].map(Number);
  }

  get startInfo(): ReturnType<typeof START_INFO.read> {
    const page = this.vm.machine.memory.read(this.#startInfo, START_INFO.size);
    return START_INFO.read(new DataView(page.buffer), 0);
  }

  /** Puts `source` to CODE and runs it in the kernel until it writes to the exit port; how the run ended. */
  run(source: string, start: Start = {}): RunEnd {
    this.write(CODE, new Uint8Array(PAGE));
    this.write(CODE, code(source, CODE));
    return this.runAt(CODE, start);
  }

  runAt(rip: number, { rsp = STACK, most }: Start = {}): RunEnd {
    this.vm.machine.processor.enter();
    const { vcpu } = this;
    vcpu.rip = BigInt(rip);
    vcpu.rsp = BigInt(rsp);
    return this.goOn(most);
  }

  /** Runs on to the next end. */
  goOn(most?: number): RunEnd {
    for (let steps = 0; steps < 3_000_000; steps++) {
      const end = this.vm.machine.step(most);
      if (end !== undefined) return end;
    }
    return expect.fail('the run does not end');
  }

  /** Makes a call by SYSCALL: its result. */
  call(name: HypercallName | number, ...args: Argument[]): number {
    this.vm.machine.processor.enter();
    const { gpr, vcpu } = this;
    args.forEach((value, n) => {
      gpr[ARGUMENTS[n] ?? 0] = BigInt.asUintN(64, BigInt(value));
    });
    gpr[RAX] = BigInt(typeof name === 'number' ? name : HYPERVISOR[name]);
    vcpu.rip = BigInt(STUB);
    gpr[RSP] = BigInt(STACK);
    expect(vcpu.isKernel).toBe(true);
    const end = this.goOn();
    if (end.kind !== 'exit') expect.fail(`${name} ends the run: ${JSON.stringify(end)}`);
    return Number(BigInt.asIntN(64, gpr[RAX]));
  }

  update(table: number, n: number, value: Argument, command = 0): number {
    this.poke(LIST, BigInt(table) * 4096n + BigInt(n * 8 + command));
    this.poke(LIST + 8, value);
    return this.call('mmu_update', LIST, 1, 0, DOMID.SELF);
  }

  ext(command: number, arg1: Argument = 0, arg2: Argument = 0): number {
    this.poke(LIST, command);
    this.poke(LIST + 8, arg1);
    this.poke(LIST + 16, arg2);
    return this.call('mmuext_op', LIST, 1, 0, DOMID.SELF);
  }

  /** Maps page `pfn` with these flags at its address. */
  protect(pfn: number, flags: number): number {
    return this.call('update_va_mapping', pfn * PAGE, this.entry(pfn, flags), 2);
  }

  /** The table of level `level` that leads to `va`: a frame. */
  table(level: number, va = 0n): number {
    const { paging } = this.vm.domain;
    let frame = this.root;
    for (let at = 4; at > level; at--) {
      const n = Number((va >> BigInt(3 + 9 * at)) & 511n);
      const { memory } = this.vm.machine.processor;
      frame = Number(
        (memory.readU64(paging.machineFrame(frame) * PAGE + n * 8) >> 12n) & 0xfff_ffffn,
      );
    }
    return frame;
  }

  /** Gives it a root for user code, which has all that the kernel has. */
  addUser(): void {
    this.poke(USER_ROOT * PAGE, BigInt(this.table(3) * PAGE + ANY));
    expect(this.protect(USER_ROOT, P | US)).toBe(0);
    expect(this.ext(MMUEXT.NEW_USER_BASEPTR, this.frame(USER_ROOT))).toBe(0);
    expect(this.call('stack_switch', 0, KERNEL_STACK)).toBe(0);
  }

  /** Registers handlers: vector, flags, address. */
  setTraps(...traps: readonly (readonly [vector: number, flags: number, address: number])[]): void {
    traps.forEach(([vector, flags, address], n) => {
      this.poke(LIST + n * 16, vector | (flags << 8) | (0xe033 << 16));
      this.poke(LIST + n * 16 + 8, address);
    });
    this.poke(LIST + traps.length * 16, 0);
    this.poke(LIST + traps.length * 16 + 8, 0);
    expect(this.call('set_trap_table', LIST)).toBe(0);
  }
}

export type GuestOptions = Omit<ParaVmOptions, 'cpu' | 'ramBytes'>;

/** Domains on one machine. */
export function guests(count: number, options: GuestOptions = {}): TestGuest[] {
  const all = { maxInstructions: 300_000, ...options, cpu: 'para', ramBytes: RAM_BYTES } as const;
  const vms = createVirtualMachines(module, Array(count).fill(all) as (typeof all)[]);
  return vms.map((vm) => new TestGuest(vm));
}

export const guest = (memory: MemoryTechnique = 'direct'): TestGuest =>
  guests(1, { memory })[0] ?? expect.fail();
