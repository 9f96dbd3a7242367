/**
 * A hypervisor in VMX root operation and its guest, both 64-bit code under the same page tables: the hypervisor makes the
 * VMX instructions, and halts wherever the test is to read and write the VMCS and go on. RAM, GVA equal to HPA:
 *
 *   1000 PML4, PDPT, PD   4000 GDT   5000 IDT of the guest   6000 TSS   7000 handlers: VMCALL, 16 bytes apart
 *   10000 hypervisor   11000 VMXON region   12000 VMCS region   13000, 14000 bitmaps of ports   15000 bitmaps of MSRs
 *   16000 lists of MSRs   17000 descriptor of INVVPID and INVEPT   20000 guest   2f000 stack of the guest   30000 extended page tables   200000 data
 */

import { assemble } from '../../src/assembler/assemble.ts';
import { DEFAULT_FEATURES } from '../../src/machine/features.ts';
import { type ExitReason, Processor } from '../../src/machine/processor.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { VMCS_REVISION_IDENTIFIER } from '../../src/vmx/capabilities.ts';
import {
  CONTROL_FIELDS,
  CONTROL_KINDS,
  CONTROLS,
  type ControlName,
  trueSettings,
} from '../../src/vmx/controls.ts';
import { vmcsField } from '../../src/vmx/fields.ts';

export const GUEST = 0x20000;
export const STACK = 0x2f000;
export const IDT = 0x5000;
export const HANDLERS = 0x7000;
export const [IO_A, IO_B, MSR_BITMAPS, MSR_LIST] = [0x13000, 0x14000, 0x15000, 0x16000] as const;
export const EPT = 0x30000;
export const DATA = 0x200000;
const [PML4, GDT, TSS, HOST] = [0x1000, 0x4000, 0x6000, 0x10000] as const;
const [VMXON_REGION, VMCS_REGION] = [0x11000, 0x12000] as const;
const DESCRIPTOR = 0x17000;
const RAM_BYTES = 0x400000;
const ALL_ONES = 0xffff_ffff_ffff_ffffn;

const HOST_CODE = `
  mov rax, cr4
  or eax, 1 << 13
  mov cr4, rax
  vmxon [vmxon_pointer]
  jbe failed
  vmclear [vmcs_pointer]
  jbe failed
  vmptrld [vmcs_pointer]
  jbe failed
  hlt
launch:
  vmlaunch
failed:
  hlt
  jmp failed
resume:
  vmresume
  jmp failed
exit:
  hlt
  jmp failed
invvpid:
  invvpid rax, [${DESCRIPTOR}]
  jbe failed
  hlt
invept:
  invept rax, [${DESCRIPTOR}]
  jbe failed
  hlt
vmxon_pointer: dq ${VMXON_REGION}
vmcs_pointer: dq ${VMCS_REGION}
`;

const GATE = 0x00008e00_00080000n;
// biome-ignore format: one descriptor per line.
const GDT_ENTRIES = [
  0n,
  0x00af9b000000ffffn, // 08 64-bit code, CPL 0
  0x00cf93000000ffffn, // 10 data, CPL 0
  0x00cff3000000ffffn, // 18 data, CPL 3
  0x00affb000000ffffn, // 20 64-bit code, CPL 3
  0x00008b0060000067n, // 28 TSS
  0n,
];

const FLAT = 0xffff_ffffn;
const EFER = 0xd01n;
const CR0 = 0x8000_0031n;
const CR4 = 0x2020n;

/** Of a guest at GUEST, and the hypervisor's at `exit`. */
function baseFields(exit: number): Record<string, bigint> {
  const fields: Record<string, bigint> = {
    GUEST_CR0: CR0,
    GUEST_CR3: BigInt(PML4),
    GUEST_CR4: CR4,
    GUEST_IA32_EFER: EFER,
    GUEST_DR7: 0x400n,
    GUEST_RSP: BigInt(STACK),
    GUEST_RIP: BigInt(GUEST),
    GUEST_RFLAGS: 2n,
    GUEST_CS_SELECTOR: 8n,
    GUEST_CS_ACCESS_RIGHTS: 0xa09bn,
    GUEST_CS_LIMIT: FLAT,
    GUEST_TR_SELECTOR: 0x28n,
    GUEST_TR_ACCESS_RIGHTS: 0x8bn,
    GUEST_TR_BASE: BigInt(TSS),
    GUEST_TR_LIMIT: 0x67n,
    GUEST_LDTR_ACCESS_RIGHTS: 0x10000n,
    GUEST_GDTR_BASE: BigInt(GDT),
    GUEST_GDTR_LIMIT: 0x37n,
    GUEST_IDTR_BASE: BigInt(IDT),
    GUEST_IDTR_LIMIT: 0xfffn,
    VMCS_LINK_POINTER: ALL_ONES,
    HOST_CR0: CR0,
    HOST_CR3: BigInt(PML4),
    HOST_CR4: CR4,
    HOST_IA32_EFER: EFER,
    HOST_RSP: 0x1f000n,
    HOST_RIP: BigInt(exit),
    HOST_CS_SELECTOR: 8n,
    HOST_TR_SELECTOR: 0x28n,
    HOST_TR_BASE: BigInt(TSS),
    HOST_GDTR_BASE: BigInt(GDT),
    HOST_IDTR_BASE: BigInt(IDT),
    IO_BITMAP_A_ADDRESS: BigInt(IO_A),
    IO_BITMAP_B_ADDRESS: BigInt(IO_B),
    MSR_BITMAPS_ADDRESS: BigInt(MSR_BITMAPS),
  };
  for (const name of ['ES', 'SS', 'DS', 'FS', 'GS']) {
    fields[`GUEST_${name}_SELECTOR`] = 0x10n;
    fields[`GUEST_${name}_ACCESS_RIGHTS`] = 0xc093n;
    fields[`GUEST_${name}_LIMIT`] = FLAT;
    fields[`HOST_${name}_SELECTOR`] = 0x10n;
  }
  for (const kind of CONTROL_KINDS) {
    fields[CONTROL_FIELDS[kind]] = BigInt(trueSettings(kind).required1);
  }
  return fields;
}

const ALWAYS: readonly ControlName[] = [
  'HOST_ADDRESS_SPACE_SIZE',
  'LOAD_HOST_IA32_EFER',
  'SAVE_IA32_EFER',
  'SAVE_DEBUG_CONTROLS',
  'IA_32E_MODE_GUEST',
  'LOAD_IA32_EFER',
  'LOAD_DEBUG_CONTROLS',
];

export interface Setup {
  /** Controls that are 1 besides those that a guest in 64-bit mode needs. */
  readonly controls?: readonly ControlName[];
  readonly fields?: Readonly<Record<string, bigint>>;
}

/** What the fields tell of a VM exit. */
export interface Exit {
  readonly reason: number;
  readonly qualification: bigint;
  readonly length: number;
  /** Interruption information, IDT-vectoring information, instruction information. */
  readonly interruption: number;
  readonly vectoring: number;
  readonly instruction: number;
  /** Of the instruction, from the start of the guest's code. */
  readonly at: number;
}

export class VmxRig {
  readonly processor: Processor;
  /** Accesses to ports, and the value that all read. */
  readonly ports: { port: number; size: number; value?: number }[] = [];
  /** Vector that the interrupt controller has. */
  vector = 0x40;
  readonly #labels: ReadonlyMap<string, number>;

  constructor(code: string, { controls = [], fields = {} }: Setup = {}) {
    const features = new Set([...DEFAULT_FEATURES, 'vmx']);
    this.processor = Processor.create(
      loadProcessorModule(),
      { ramBytes: RAM_BYTES, features, seed: 1n },
      {
        portRead: (port, size) => {
          this.ports.push({ port, size });
          return 0x12345678;
        },
        portWrite: (port, size, value) => {
          this.ports.push({ port, size, value });
        },
        memoryRead: () => 0,
        memoryWrite: () => {},
        taskPriorityWritten: () => {},
        msrWritten: () => {},
        interruptAcknowledge: () => {
          this.processor.setInterruptLine(false);
          return this.vector;
        },
      },
    );
    this.#labels = this.#load(HOST, HOST_CODE);
    this.#load(GUEST, code);
    this.#boot();
    this.#set(baseFields(this.label('exit')));
    this.control(...ALWAYS, ...controls);
    this.#set(fields);
  }

  #load(at: number, code: string): ReadonlyMap<string, number> {
    const { bytes, symbols } = assemble(`bits 64\norg ${at}\n${code}`, { file: 'vmx.asm' });
    this.processor.memory.write(at, bytes);
    return new Map([...symbols].map(([name, { value }]) => [name, Number(value)]));
  }
  label(name: string): number {
    return this.#labels.get(name) ?? 0;
  }

  /** The hypervisor up to the point at which the VMCS is its current one. */
  #boot(): void {
    const { processor } = this;
    const { view } = processor;
    this.poke(PML4, BigInt(PML4 + 0x1000) | 7n);
    this.poke(PML4 + 0x1000, BigInt(PML4 + 0x2000) | 7n);
    this.poke(PML4 + 0x2000, 0x87n);
    this.poke(PML4 + 0x2008, 0x20_0087n);
    GDT_ENTRIES.forEach((entry, n) => {
      this.poke(GDT + 8 * n, entry);
    });
    this.poke(TSS + 4, BigInt(STACK));
    this.poke(TSS + 0x60, 0x68n << 48n); // no I/O permission bitmap
    for (let n = 0; n < 256; n++) {
      const handler = BigInt(HANDLERS + 16 * n);
      this.poke(IDT + 16 * n, GATE | handler);
      processor.memory.write(HANDLERS + 16 * n, Uint8Array.of(0x0f, 0x01, 0xc1));
    }
    for (const region of [VMXON_REGION, VMCS_REGION]) {
      this.poke(region, BigInt(VMCS_REVISION_IDENTIFIER));
    }
    view.setU64('CR0', CR0);
    view.setU64('CR3', BigInt(PML4));
    view.setU64('CR4', 0x20n);
    view.setU64('EFER', EFER);
    view.setU32('CPL', 0);
    view.setU64('GDTR_BASE', BigInt(GDT));
    view.setU32('GDTR_LIMIT', 0x37);
    const flat = { base: 0n, limit: 0xffffffff };
    view.setSegment('cs', { ...flat, selector: 8, access: 0xa09b });
    for (const name of ['ss', 'ds', 'es', 'fs', 'gs'] as const) {
      view.setSegment(name, { ...flat, selector: 0x10, access: 0xc093 });
    }
    view.setU64('RIP', BigInt(HOST));
    processor.rflags = 2n;
    processor.stateChanged();
    this.#runHost();
  }

  #runHost(): void {
    const reason = this.processor.run(1000);
    if (reason !== 'halt') throw new Error(`the hypervisor does not halt: ${reason}`);
  }

  poke(at: number, value: bigint): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    this.processor.memory.write(at, bytes);
  }
  peek(at: number): bigint {
    return new DataView(
      this.processor.memory.bytes.buffer,
      this.processor.memory.bytes.byteOffset,
    ).getBigUint64(at, true);
  }

  get(field: string): bigint {
    const { view } = this.processor;
    return view.data.getBigUint64(view.layout('VMCS') + vmcsField(field).offset, true);
  }
  set(field: string, value: bigint): void {
    const { view } = this.processor;
    view.data.setBigUint64(view.layout('VMCS') + vmcsField(field).offset, value, true);
  }
  #set(fields: Readonly<Record<string, bigint>>): void {
    for (const [field, value] of Object.entries(fields)) this.set(field, value);
  }
  /** These controls are 1. */
  control(...names: readonly ControlName[]): void {
    for (const name of names) {
      const { kind, bit } = CONTROLS.find((control) => control.name === name) ?? {
        kind: 'pin' as const,
        bit: 0,
      };
      const isSecondary = kind === 'secondary';
      if (isSecondary) this.control('ACTIVATE_SECONDARY_CONTROLS');
      this.set(CONTROL_FIELDS[kind], this.get(CONTROL_FIELDS[kind]) | (1n << BigInt(bit)));
    }
  }

  get gpr(): BigUint64Array {
    return this.processor.view.gpr;
  }
  get isGuest(): boolean {
    return this.processor.view.u32('VMX_MODE') === 2;
  }

  /** VM entry; the guest runs with `fuel` for it and the VMLAUNCH or VMRESUME. */
  run(fuel = 1000): ExitReason {
    const { view } = this.processor;
    view.setU32('ACTIVITY', 0);
    const isLaunched = view.data.getUint32(view.layout('VMCS') + 8, true) === 1;
    view.setU64('RIP', BigInt(this.label(isLaunched ? 'resume' : 'launch')));
    return this.processor.run(fuel);
  }

  /** The hypervisor makes INVVPID or INVEPT. */
  invalidate(name: 'invvpid' | 'invept', type: bigint, ...words: readonly bigint[]): void {
    const { view } = this.processor;
    words.forEach((word, n) => {
      this.poke(DESCRIPTOR + 8 * n, word);
    });
    view.gpr[0] = type;
    view.setU32('ACTIVITY', 0);
    view.setU64('RIP', BigInt(this.label(name)));
    this.#runHost();
    if (this.processor.view.u64('RFLAGS') & 0x41n) throw new Error(`${name} fails`);
  }

  /** Up to the next VM exit, after which the guest goes on behind the instruction, if it was by one. */
  exit(): Exit {
    const reason = this.run();
    if (reason !== 'halt' || this.isGuest) throw new Error(`no VM exit: ${reason}`);
    const exit = this.told();
    this.set('GUEST_RIP', this.get('GUEST_RIP') + BigInt(exit.length));
    return exit;
  }
  /** Until the guest makes a VMCALL: all exits before it. */
  exits(): readonly Exit[] {
    const all: Exit[] = [];
    while (all.length < 100) {
      const exit = this.exit();
      if (exit.reason === 18) return all;
      all.push(exit);
    }
    return all;
  }

  told(): Exit {
    return {
      reason: Number(this.get('VM_EXIT_REASON')),
      qualification: this.get('EXIT_QUALIFICATION'),
      length: Number(this.get('VM_EXIT_INSTRUCTION_LENGTH')),
      interruption: Number(this.get('VM_EXIT_INTERRUPTION_INFORMATION')),
      vectoring: Number(this.get('IDT_VECTORING_INFORMATION')),
      instruction: Number(this.get('VM_EXIT_INSTRUCTION_INFORMATION')),
      at: Number(this.get('GUEST_RIP')) - GUEST,
    };
  }
}
