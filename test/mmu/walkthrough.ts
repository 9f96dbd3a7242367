/** 32-bit code that writes to control registers and reads through the tables that they select. */

import { expect } from 'vitest';
import { translate } from '../../src/machine/ref/access.ts';
import { type ControlRegister, writeControl } from '../../src/machine/ref/control.ts';
import {
  CR0_CD,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_PCIDE,
  CR4_PGE,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  type PagingState,
  pagingMode,
} from '../../src/machine/ref/paging.ts';
import { ROOTS, writeRoots, writeTables } from './mode-tables.ts';
import type { Rig } from './rig.ts';
import { CODE_FRAME, stateOf, UNPAGED } from './settings.ts';

/** `flip`: bits of the register that change; `value`: what it gets. `clean`: the host clears A in the roots. */
export type Step =
  | { readonly do: 'flip'; readonly register: 'cr0' | 'cr4' | 'efer'; readonly bits: bigint }
  | { readonly do: 'cr3'; readonly value: bigint }
  | { readonly do: 'read'; readonly gva: bigint }
  | { readonly do: 'clean' };

/** What decides, beside control registers, on entering and leaving IA-32e mode. */
export interface Start {
  readonly isLong: boolean;
  readonly hasTss16: boolean;
}
const VALID = {
  cr0: CR0_PE | CR0_PG | CR0_WP | CR0_CD | CR0_NW,
  cr4: CR4_PAE | CR4_PSE | CR4_PGE | CR4_SMEP | CR4_SMAP | CR4_PCIDE,
  efer: EFER_LME | EFER_LMA | EFER_NXE,
};
/** L of a code segment. Outside IA-32e mode it means nothing, so that 32-bit code can run with it. */
const ACCESS_L = 0x2000;
const TSS16_BUSY = 0x83;
const TSS32_BUSY = 0x8b;
const IA32_EFER = 0xc000_0080n;

// biome-ignore format: one instruction per line.
const INSTRUCTIONS = {
  cr0:  [0x0f, 0x22, 0xc0],
  cr3:  [0x0f, 0x22, 0xd8],
  cr4:  [0x0f, 0x22, 0xe0],
  efer: [0x0f, 0x30],       // wrmsr
  read: [0x8b, 0x03],       // mov eax, [ebx]
} as const;
type Instruction = keyof typeof INSTRUCTIONS;
const NAMES = Object.keys(INSTRUCTIONS) as Instruction[];

/** What an instruction came to: a value in EAX, or an event. */
type Outcome = { readonly value: bigint } | { readonly vector: number; readonly error: number };

export class Walkthrough {
  readonly #rig: Rig;
  readonly #code: Start;
  readonly #isTlbDisabled: boolean;
  readonly #seen: Set<string>;
  #state: PagingState;

  /** `seen` takes the modes that are reached and the registers whose writes are refused. */
  constructor(rig: Rig, code: Start, isTlbDisabled: boolean, seen: Set<string>) {
    this.#rig = rig;
    this.#seen = seen;
    this.#code = code;
    this.#isTlbDisabled = isTlbDisabled;
    rig.clear(isTlbDisabled);
    writeTables(rig);
    NAMES.forEach((name, n) => {
      rig.pokeBytes(CODE_FRAME + BigInt(16 * n), [...INSTRUCTIONS[name], 0xeb, 0xfe]);
    });
    this.#state = stateOf(UNPAGED, { cr0: 0x10n, cr3: ROOTS.others });
    rig.load(this.#state, false);
    const { view } = rig.processor;
    const cs = view.segment('cs');
    view.setSegment('cs', { ...cs, access: cs.access | (code.isLong ? ACCESS_L : 0) });
    const access = code.hasTss16 ? TSS16_BUSY : TSS32_BUSY;
    view.setSegment('tr', { selector: 0x28, base: 0n, limit: 0x67, access });
    rig.processor.stateChanged();
  }

  /** True: the code can no longer be fetched, and the walk ends. */
  run(next: Step): boolean {
    if (next.do === 'clean') {
      // The MMU need not set A again before a flush, so that nothing is known of it but what is there.
      writeRoots(this.#rig);
      return false;
    }
    if (this.#entersRealMode(next)) return false;
    if (!this.#fetches()) {
      expect(this.#execute('read', 0n)).toEqual({ vector: 14, error: this.#fetchError() });
      return true;
    }
    if (next.do === 'read') this.#read(next.gva);
    else if (next.do === 'cr3') this.#write('cr3', next.value);
    else this.#write(next.register, this.#state[next.register] ^ next.bits);
    this.#compareMemory();
    return false;
  }

  #compareMemory(): void {
    const { actual, expected } = this.#rig;
    if (!this.#isTlbDisabled) expected.ram.set(actual.ram);
    else if (!actual.equals(expected)) expect(actual.difference(expected)).toBe('');
  }

  #entersRealMode(next: Step): boolean {
    if (next.do !== 'flip' || next.register !== 'cr0') return false;
    return ((this.#state.cr0 ^ next.bits) & (CR0_PE | CR0_PG)) === 0n;
  }

  #write(register: ControlRegister, value: bigint): void {
    const got = this.#execute(register, value);
    // With a TLB only the processor knows whether the walk to this instruction has set A in a PDPTE.
    const { readEntry } = this.#isTlbDisabled ? this.#rig.expected : this.#rig.actual;
    const next = writeControl(readEntry, this.#state, this.#code, VALID, register, value);
    expect(got).toEqual(next === undefined ? { vector: 13, error: 0 } : { value });
    if (next) this.#state = next;
    this.#seen.add(next ? pagingMode(next) : `${register} refused`);
    expect(this.#registers()).toEqual(this.#state);
  }

  #registers(): PagingState {
    const { view } = this.#rig.processor;
    const at = view.layout('PDPTES');
    const pdptes = [0, 8, 16, 24].map((offset) => view.data.getBigUint64(at + offset, true));
    const [cr0 = 0n, cr3 = 0n, cr4 = 0n, efer = 0n] = ['CR0', 'CR3', 'CR4', 'EFER'].map((name) =>
      view.u64(name),
    );
    return { ...this.#state, cr0, cr3, cr4, efer, pdptes };
  }

  #read(gva: bigint): void {
    const got = this.#execute('read', gva);
    const found = this.#access(gva, 'read');
    if ('errorCode' in found) expect(got).toEqual({ vector: 14, error: found.errorCode });
    else expect(got).toEqual({ value: this.#rig.expected.readEntry(found.hpa) });
  }

  #fetches(): boolean {
    return 'hpa' in this.#access(CODE_FRAME, 'fetch');
  }
  #fetchError(): number {
    const found = this.#access(CODE_FRAME, 'fetch');
    return 'errorCode' in found ? found.errorCode : -1;
  }

  /** Makes an access on the reference. */
  #access(gva: bigint, kind: 'read' | 'fetch') {
    const { expected } = this.#rig;
    const found = translate(expected.readEntry, this.#state, gva, { kind });
    if ('hpa' in found) for (const entry of found.updates) expected.writeEntry(entry);
    return found;
  }

  /** Runs one instruction with its operand in EAX (EBX for a read). */
  #execute(name: Instruction, operand: bigint): Outcome {
    const { processor } = this.#rig;
    const { view } = processor;
    view.setU64('RIP', CODE_FRAME + BigInt(16 * NAMES.indexOf(name)));
    view.gpr[0] = operand;
    view.gpr[1] = IA32_EFER;
    view.gpr[2] = 0n;
    view.gpr[3] = operand;
    if (processor.run(1) === 'fuel') return { value: view.gpr[0] ?? 0n };
    return { vector: view.u32('EVENT_VECTOR'), error: view.u32('EVENT_ERROR') };
  }
}
