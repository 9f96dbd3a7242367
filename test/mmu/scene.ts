/**
 * A processor in an address space that changes under it, and the reference that says what each access may
 * do: what the tables say now, or what a translation says that could still be cached.
 */

import { expect } from 'vitest';
import { translate, use } from '../../src/machine/ref/access.ts';
import { writeControl } from '../../src/machine/ref/control.ts';
import {
  CR0_WP,
  CR4_PCIDE,
  CR4_PGE,
  CR4_PKE,
  CR4_SMEP,
  EFER_NXE,
  type PagingState,
  RFLAGS_AC,
} from '../../src/machine/ref/paging.ts';
import { type Mapping, walk } from '../../src/machine/ref/walk.ts';
import {
  buildSpaces,
  codeAt,
  type Edit,
  ENTRY,
  MARK,
  pagesOf,
  ROOTS,
  SLOT,
  TABLES,
  windowOf,
} from './address-space.ts';
import type { Bytes, Stage } from './rig.ts';
import { CODE_FRAME, type Setting, stateOf } from './settings.ts';
import { StaleTranslations } from './stale.ts';
import type { Kind, Step } from './steps.ts';
import { PTE_A, PTE_D, pdptesAt } from './tables.ts';

const NO_FLUSH = 1n << 63n;
const IA32_EFER = 0xc0000080n;

// biome-ignore format: one instruction per line; each is followed by jmp $. REX.W goes before the first three in 64-bit code.
const INSTRUCTIONS = {
  read:    [0x8b, 0x03],             // mov rax, [rbx]
  write:   [0x89, 0x03],             // mov [rbx], rax
  update:  [0x01, 0x03],             // add [rbx], rax
  invlpg:  [0x0f, 0x01, 0x3b],       // invlpg [rbx]
  invpcid: [0x66, 0x0f, 0x38, 0x82, 0x01], // invpcid rax, [rcx]
  cr0:     [0x0f, 0x22, 0xc0],
  cr3:     [0x0f, 0x22, 0xd8],
  cr4:     [0x0f, 0x22, 0xe0],
  wrmsr:   [0x0f, 0x30],
  stac:    [0x0f, 0x01, 0xcb],
  clac:    [0x0f, 0x01, 0xca],
  wrpkru:  [0x0f, 0x01, 0xef],
} as const;
type Instruction = keyof typeof INSTRUCTIONS;
const NAMES = Object.keys(INSTRUCTIONS) as Instruction[];
const REX_W = 0x48;
/** Offset in the code page of the descriptor of INVPCID. */
const DESCRIPTOR = 0x800n;

/** A processor in one of the spaces, and what it may still have cached. */
export class Scene {
  readonly #rig: Stage;
  readonly #setting: Setting;
  readonly #pages: readonly bigint[];
  /** All that pages may lead to. */
  readonly #frames: readonly bigint[];
  readonly #stale = new StaleTranslations();
  readonly #cachesNothing: boolean;
  #state: PagingState;
  #counter = 0x1000n;

  constructor(rig: Stage, setting: Setting, tagged: boolean, isTlbDisabled: boolean) {
    this.#rig = rig;
    this.#setting = setting;
    this.#pages = pagesOf(setting);
    this.#frames = [...this.#pages, ...TABLES];
    this.#cachesNothing = isTlbDisabled;
    rig.clear(isTlbDisabled);
    buildSpaces(rig, setting);
    NAMES.forEach((name, n) => {
      const prefix = n < 3 && setting.isLong ? [REX_W] : [];
      const code = [...prefix, ...INSTRUCTIONS[name], 0xeb, 0xfe];
      rig.pokeBytes(CODE_FRAME + BigInt(16 * n), code);
    });
    this.#state = stateOf(setting, {
      cr0: CR0_WP,
      cr3: ROOTS[0],
      cr4: CR4_PGE | (tagged ? CR4_PCIDE : 0n),
      efer: EFER_NXE,
      pdptes: pdptesAt(rig, ROOTS[0]),
    });
    rig.load(this.#state, setting.isLong);
  }

  run(next: Step): void {
    switch (next.do) {
      case 'edit':
        this.#edit(next.edit, next.isStore);
        break;
      case 'access':
        this.#access(next.kind, next.gva, next.cpl);
        break;
      case 'invlpg':
        this.#execute('invlpg', { rbx: next.gva });
        this.#stale.dropPage(next.gva, this.#pcid, true);
        break;
      case 'invpcid':
        this.#invpcid(next.type, next.gva, this.#tagged ? next.pcid : 0);
        break;
      case 'cr3':
        this.#switch(next.root, this.#tagged ? next.pcid : 0, this.#tagged && next.keep);
        break;
      case 'cr4':
        this.#toggle(next.bit);
        break;
      default:
        this.#changeRights(next);
    }
  }

  /** Rights change at once: nothing has to be invalidated. */
  #changeRights(next: Step): void {
    if (next.do === 'wp') this.#control('cr0', this.#state.cr0 ^ CR0_WP);
    else if (next.do === 'nxe') this.#toggleNxe();
    else if (next.do === 'ac') {
      this.#state = { ...this.#state, rflags: this.#state.rflags ^ RFLAGS_AC };
      this.#execute(this.#state.rflags & RFLAGS_AC ? 'stac' : 'clac', {});
    } else if (next.do === 'keys' && (this.#state.cr4 & CR4_PKE) !== 0n) {
      this.#state = { ...this.#state, pkru: next.pkru };
      this.#execute('wrpkru', { rax: BigInt(next.pkru) });
    }
  }

  get #tagged(): boolean {
    return (this.#state.cr4 & CR4_PCIDE) !== 0n;
  }
  get #pcid(): number {
    return this.#tagged ? Number(this.#state.cr3 & 0xfffn) : 0;
  }

  #now(page: bigint): Mapping | undefined {
    const found = walk(this.#rig.expected.readEntry, this.#state, page);
    return 'fault' in found ? undefined : found;
  }

  #edit({ hpa, value }: Edit, isStore: boolean): void {
    this.#remember();
    const { size, isLong } = this.#setting;
    if (!isStore) {
      this.#rig.poke({ hpa, size, value });
      return;
    }
    this.#rig.expected.writeEntry({ hpa, size, value });
    const rbx = windowOf(this.#setting, hpa);
    if (isLong || size === 4) this.#execute('write', { rax: value, rbx });
    else {
      this.#execute('write', { rax: value & 0xffff_ffffn, rbx });
      this.#execute('write', { rax: value >> 32n, rbx: rbx + 4n });
    }
  }

  /** What XD means changes, but what is cached stays. */
  #toggleNxe(): void {
    this.#remember();
    const efer = this.#state.efer ^ EFER_NXE;
    this.#state = { ...this.#state, efer };
    this.#execute('wrmsr', { rax: efer, rcx: IA32_EFER });
  }

  /** Goes on at `cpl`, as an interrupt or its end would. */
  #enter(cpl: number): void {
    if (this.#state.cpl === cpl) return;
    this.#state = { ...this.#state, cpl };
    this.#rig.load(this.#state, this.#setting.isLong);
  }

  /** What is mapped now may be cached, and is about to go. */
  #remember(): void {
    if (this.#cachesNothing) return;
    for (const page of this.#pages) {
      const mapping = this.#now(page);
      const globalsOn = (this.#state.cr4 & CR4_PGE) !== 0n;
      if (mapping) this.#stale.add(page, this.#pcid, mapping, globalsOn);
    }
  }

  /** A MOV to a control register that nothing forbids. */
  #control(register: 'cr0' | 'cr3' | 'cr4', value: bigint): void {
    const { isLong } = this.#setting;
    const code = { isLong, hasTss16: false };
    const valid = { cr0: -1n, cr4: -1n, efer: -1n };
    const read = this.#rig.expected.readEntry;
    const next = writeControl(read, this.#state, code, valid, register, value);
    if (next === undefined) throw new Error('a step that faults');
    this.#state = next;
    this.#execute(register, { rax: value });
  }

  #switch(root: number, to: number, keep: boolean): void {
    this.#remember();
    const cr3 = (ROOTS[root] ?? 0n) | BigInt(to);
    this.#control('cr3', keep ? cr3 | NO_FLUSH : cr3);
    if (!keep) this.#stale.dropPcid(to);
  }

  #invpcid(type: number, address: bigint, of: number): void {
    this.#rig.poke({ hpa: CODE_FRAME + DESCRIPTOR, size: 8, value: BigInt(of) });
    this.#rig.poke({ hpa: CODE_FRAME + DESCRIPTOR + 8n, size: 8, value: address });
    this.#execute('invpcid', { rax: BigInt(type), rcx: this.#setting.code + DESCRIPTOR });
    if (type === 0) this.#stale.dropPage(address, of, false);
    else if (type === 1) this.#stale.dropPcid(of);
    else if (type === 2) this.#stale.dropAll();
    else this.#stale.dropAllButGlobals();
  }

  /** What it changes of the tables' meaning, or of the PDPTEs that it loads, is not flushed by itself. */
  #toggle(bit: bigint): void {
    this.#remember();
    this.#control('cr4', this.#state.cr4 ^ bit);
    if (bit === CR4_PGE) this.#stale.dropAll();
    else if (bit === CR4_SMEP && (this.#state.cr4 & bit) !== 0n) this.#stale.dropPcid(this.#pcid);
  }

  /** Runs an instruction of the kernel that must succeed. */
  #execute(name: Instruction, regs: { rax?: bigint; rbx?: bigint; rcx?: bigint }): void {
    this.#enter(0);
    const { view } = this.#rig.processor;
    view.setU64('RIP', this.#setting.code + BigInt(16 * NAMES.indexOf(name)));
    view.gpr[0] = regs.rax ?? 0n;
    view.gpr[1] = regs.rcx ?? 0n;
    view.gpr[2] = 0n;
    view.gpr[3] = regs.rbx ?? 0n;
    expect(this.#rig.processor.run(1), name).toBe('fuel');
  }

  #access(kind: Kind, page: bigint, cpl: number): void {
    this.#enter(cpl);
    const current = this.#now(page);
    const stale = this.#stale.of(page, this.#pcid, current);
    const access = { kind: kind === 'update' ? 'write' : kind } as const;
    const { readEntry } = this.#rig.expected;
    const now = translate(readEntry, this.#state, page, access);
    const wanted = [now, ...stale.map((mapping) => use(mapping, this.#state, access))];
    const texts = wanted.map((it) => ('hpa' in it ? `page ${it.hpa}` : `#PF ${it.errorCode}`));
    expect(texts).toContain(this.#perform(kind, page));
    const updates = 'updates' in now ? now.updates : [];
    if (stale.length === 0) for (const entry of updates) this.#rig.expected.writeEntry(entry);
    else this.#adopt(updates.map(({ hpa }) => hpa));
    expect(this.#tables(this.#rig.actual)).toEqual(this.#tables(this.#rig.expected));
  }

  /** With stale translations about, the processor may or may not have set A and D. */
  #adopt(places: readonly bigint[]): void {
    const { size } = this.#setting;
    for (const hpa of places) {
      const before = this.#rig.expected.readEntry(hpa, size);
      const after = this.#rig.actual.readEntry(hpa, size);
      if ((before ^ after) & ~(PTE_A | PTE_D)) continue;
      if ((before & ~after) === 0n) this.#rig.expected.writeEntry({ hpa, size, value: after });
    }
  }

  #tables(memory: Bytes): string {
    return TABLES.map((table) => memory.hex(table, 32)).join(' ');
  }

  /** Makes the access and says which page it reached. */
  #perform(kind: Kind, page: bigint): string {
    const { view } = this.#rig.processor;
    const { isLong } = this.#setting;
    const code = codeAt(this.#setting, this.#state.cpl);
    const n = NAMES.indexOf(kind === 'fetch' ? 'read' : kind);
    view.setU64('RIP', kind === 'fetch' ? page + ENTRY : code + BigInt(16 * n));
    const value = this.#counter++ << (isLong ? 32n : 16n);
    view.gpr[0] = kind === 'read' || kind === 'fetch' ? 0n : value;
    view.gpr[3] = page + (kind === 'read' ? MARK : SLOT);
    const slots = () => this.#frames.map((at) => this.#rig.actual.readEntry(at + SLOT));
    const before = slots();
    if (this.#rig.processor.run(2) === 'event') {
      expect(view.u32('EVENT_VECTOR')).toBe(14);
      return `#PF ${view.u32('EVENT_ERROR')}`;
    }
    if (kind === 'read' || kind === 'fetch') return `page ${view.gpr[0]}`;
    const after = slots();
    const reached = this.#frames.findIndex((_, m) => after[m] !== before[m]);
    const sum = (before[reached] ?? 0n) + value;
    expect(after[reached]).toBe(kind === 'write' ? value : BigInt.asUintN(isLong ? 64 : 32, sum));
    return `page ${this.#frames[reached]}`;
  }
}
