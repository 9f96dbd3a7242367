/**
 * A bare machine with VMX, which runs one instruction at a time. Pages for VMX regions, by their physical addresses; each
 * but FOREIGN begins with the revision identifier.
 */

import { assemble } from '../../src/assembler/assemble.ts';
import { GPR_NAMES } from '../../src/machine/cpu-view.ts';
import { DEFAULT_FEATURES } from '../../src/machine/features.ts';
import { VMCS_REVISION_IDENTIFIER } from '../../src/vmx/capabilities.ts';
import { type VmcsField, vmcsField } from '../../src/vmx/fields.ts';
import { BareMachine, bareEngine, CODE, DATA, RAM_BYTES } from '../fuzz/machine.ts';

export const VMXON_REGION = 0xb000n;
export const VMCS_REGION = 0x10000n + 0x3000n;
export const OTHER_REGION = 0x21000n;
export const FOREIGN_REGION = 0x22000n;
/** Where instructions find their memory operand. */
export const OPERAND = DATA;

const VMX_FEATURES = new Set([...DEFAULT_FEATURES, 'vmx']);
const CR4_VMXE = 0x2000n;
const CF = 1n;
const ZF = 0x40n;
const STATUS = 0x8d5n;
const VECTORS = 32;

export type Outcome =
  | 'succeed'
  | 'failInvalid'
  /** VMfailValid, with the number of the error. */
  | number
  /** An exception. */
  | `#${number}`
  /** The status flags are as they were. */
  | 'silent';

export class VmxRig {
  readonly machine: BareMachine;

  constructor(features: ReadonlySet<string> = VMX_FEATURES) {
    this.machine = new BareMachine(RAM_BYTES, bareEngine(RAM_BYTES, features));
  }

  get processor() {
    return this.machine.processor;
  }

  /** Outside VMX operation, with CR4.VMXE set. */
  reset(cpl: 0 | 3 = 0, mode: 64 | 32 = 64): void {
    const { processor, machine } = this;
    machine.restore(cpl, mode);
    processor.view.setU32('VMX_MODE', 0);
    processor.view.setU64('CR4', processor.view.u64('CR4') | CR4_VMXE);
    processor.stateChanged();
    for (const region of [VMXON_REGION, VMCS_REGION, OTHER_REGION]) this.putRevision(region);
    this.putRevision(FOREIGN_REGION, VMCS_REVISION_IDENTIFIER + 1);
  }

  /** In VMX root operation, with no current VMCS. */
  resetInRoot(): void {
    this.reset();
    this.expectSuccess(this.withPointer('vmxon [rbx]', VMXON_REGION));
  }

  /** In VMX root operation, with the VMCS in VMCS_REGION current. */
  resetWithVmcs(): void {
    this.resetInRoot();
    this.expectSuccess(this.withPointer('vmclear [rbx]', VMCS_REGION));
    this.expectSuccess(this.withPointer('vmptrld [rbx]', VMCS_REGION));
  }

  putRevision(region: bigint, revision = VMCS_REVISION_IDENTIFIER): void {
    this.machine.engine.memory.writeU64(Number(region), BigInt(revision));
  }

  /** Runs one instruction, with RBX as the address of its operand in memory. */
  run(text: string, registers: Readonly<Record<string, bigint>> = {}, bits: 64 | 32 = 64): Outcome {
    const { bytes } = assemble(`bits ${bits}\norg ${CODE}\n${text}\n`, { file: 'test.asm' });
    return this.runBytes(bytes, registers);
  }

  runBytes(bytes: Uint8Array, registers: Readonly<Record<string, bigint>> = {}): Outcome {
    const { processor, machine } = this;
    const { view } = processor;
    machine.engine.memory.write(CODE, bytes);
    view.gpr[GPR_NAMES.indexOf('rbx')] = BigInt(OPERAND);
    for (const [name, value] of Object.entries(registers)) {
      view.gpr[GPR_NAMES.indexOf(name as 'rax')] = value;
    }
    view.setU64('RIP', BigInt(CODE));
    processor.rflags = 2n | STATUS;
    const before = this.#counts();
    machine.engine.run(1);
    const vector = this.#counts().findIndex((count, n) => count !== before[n]);
    return vector >= 0 ? `#${vector}` : this.outcome();
  }

  /** Runs an instruction that has a 64-bit pointer in memory. */
  withPointer(text: string, pointer: bigint): Outcome {
    this.machine.engine.memory.writeU64(OPERAND, pointer);
    return this.run(text);
  }

  /** What the flags tell. */
  outcome(): Outcome {
    const status = this.processor.rflags & STATUS;
    if (status === STATUS) return 'silent';
    if (status === 0n) return 'succeed';
    if (status === CF) return 'failInvalid';
    if (status === ZF) return Number(this.read('VM_INSTRUCTION_ERROR'));
    throw new Error(`status flags ${status.toString(16)}`);
  }

  register(name: (typeof GPR_NAMES)[number]): bigint {
    return this.processor.view.gpr[GPR_NAMES.indexOf(name)] ?? 0n;
  }

  /** A field of the current VMCS, as the processor has it. */
  read(name: string): bigint {
    return this.processor.view.data.getBigUint64(this.#place(vmcsField(name)), true);
  }
  write(name: string, value: bigint): void {
    this.processor.view.data.setBigUint64(this.#place(vmcsField(name)), value, true);
  }

  #place(field: VmcsField): number {
    return this.processor.view.layout('VMCS') + field.offset;
  }

  #counts(): readonly bigint[] {
    const { data, layout } = this.processor.view;
    const at = layout('COUNT_EXCEPTIONS');
    return Array.from({ length: VECTORS }, (_, n) => data.getBigUint64(at + 8 * n, true));
  }

  expectSuccess(outcome: Outcome): void {
    if (outcome !== 'succeed') throw new Error(`the set-up gives ${outcome}`);
  }
}
