/**
 * A processor in an address space that changes under it, and the reference that says what each access may
 * do: what the tables say now, or what a translation says that could still be cached.
 */

import { expect } from 'vitest';
import { type Mapping, type PagingState, use, walk } from '../../src/machine/ref/walk.ts';
import { buildSpaces, type Edit, ENTRY, MARK, PAGES, ROOTS, SLOT } from './address-space.ts';
import { CR0_WP, CR4_PCIDE, CR4_PGE, CR4_PKE, CR4_SMEP, longMode, type Rig } from './rig.ts';
import { StaleTranslations } from './stale.ts';
import type { Kind, Step } from './steps.ts';
import { CODE, CODE_FRAME, PTE_A } from './tables.ts';

const AC = 1n << 18n;
const NO_FLUSH = 1n << 63n;
const PTE_D = 0x40n;

// biome-ignore format: one instruction per line; each is followed by jmp $.
const INSTRUCTIONS = {
  read:    [0x48, 0x8b, 0x03],       // mov rax, [rbx]
  write:   [0x48, 0x89, 0x03],       // mov [rbx], rax
  update:  [0x48, 0x01, 0x03],       // add [rbx], rax
  invlpg:  [0x0f, 0x01, 0x3b],       // invlpg [rbx]
  invpcid: [0x66, 0x0f, 0x38, 0x82, 0x01], // invpcid rax, [rcx]
  cr0:     [0x0f, 0x22, 0xc0],
  cr3:     [0x0f, 0x22, 0xd8],
  cr4:     [0x0f, 0x22, 0xe0],
  stac:    [0x0f, 0x01, 0xcb],
  clac:    [0x0f, 0x01, 0xca],
  wrpkru:  [0x0f, 0x01, 0xef],
} as const;
type Instruction = keyof typeof INSTRUCTIONS;
const NAMES = Object.keys(INSTRUCTIONS) as Instruction[];
/** Offset in the code page of the descriptor of INVPCID. */
const DESCRIPTOR = 0x800n;

/** A processor in one of the spaces, and what it may still have cached. */
export class Scene {
  readonly #rig: Rig;
  readonly #stale = new StaleTranslations();
  readonly #cachesNothing: boolean;
  #state: PagingState;
  #counter = 0x1000n;

  constructor(rig: Rig, tagged: boolean, isTlbDisabled: boolean) {
    this.#rig = rig;
    this.#cachesNothing = isTlbDisabled;
    rig.clear(isTlbDisabled);
    buildSpaces(rig);
    NAMES.forEach((name, n) => {
      rig.pokeBytes(CODE_FRAME + BigInt(16 * n), [...INSTRUCTIONS[name], 0xeb, 0xfe]);
    });
    const cr4 = CR4_PGE | (tagged ? CR4_PCIDE : 0n);
    this.#state = longMode({ cr0: CR0_WP, cr3: ROOTS[0], cr4, efer: 1n << 11n });
    rig.load(this.#state);
  }

  run(next: Step): void {
    switch (next.do) {
      case 'edit':
        this.#edit(next.edit);
        break;
      case 'access':
        this.#access(next.kind, next.gva);
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
    if (next.do === 'wp') {
      this.#state = { ...this.#state, cr0: this.#state.cr0 ^ CR0_WP };
      this.#execute('cr0', { rax: this.#state.cr0 });
    } else if (next.do === 'ac') {
      this.#state = { ...this.#state, rflags: this.#state.rflags ^ AC };
      this.#execute(this.#state.rflags & AC ? 'stac' : 'clac', {});
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

  #edit({ hpa, value }: Edit): void {
    this.#remember();
    this.#rig.poke({ hpa, value });
  }

  /** What is mapped now may be cached, and is about to go. */
  #remember(): void {
    if (this.#cachesNothing) return;
    for (const page of PAGES) {
      const mapping = this.#now(page);
      const globalsOn = (this.#state.cr4 & CR4_PGE) !== 0n;
      if (mapping) this.#stale.add(page, this.#pcid, mapping, globalsOn);
    }
  }

  #switch(root: number, to: number, keep: boolean): void {
    this.#remember();
    const cr3 = (ROOTS[root] ?? 0n) | BigInt(to);
    this.#state = { ...this.#state, cr3 };
    this.#execute('cr3', { rax: keep ? cr3 | NO_FLUSH : cr3 });
    if (!keep) this.#stale.dropPcid(to);
  }

  #invpcid(type: number, address: bigint, of: number): void {
    this.#rig.poke({ hpa: CODE_FRAME + DESCRIPTOR, value: BigInt(of) });
    this.#rig.poke({ hpa: CODE_FRAME + DESCRIPTOR + 8n, value: address });
    this.#execute('invpcid', { rax: BigInt(type), rcx: CODE + DESCRIPTOR });
    if (type === 0) this.#stale.dropPage(address, of, false);
    else if (type === 1) this.#stale.dropPcid(of);
    else if (type === 2) this.#stale.dropAll();
    else this.#stale.dropAllButGlobals();
  }

  #toggle(bit: bigint): void {
    this.#state = { ...this.#state, cr4: this.#state.cr4 ^ bit };
    this.#execute('cr4', { rax: this.#state.cr4 });
    if (bit === CR4_PGE) this.#stale.dropAll();
    else if (bit === CR4_SMEP && (this.#state.cr4 & bit) !== 0n) this.#stale.dropPcid(this.#pcid);
  }

  /** Runs an instruction that must succeed. */
  #execute(name: Instruction, regs: { rax?: bigint; rbx?: bigint; rcx?: bigint }): void {
    const { view } = this.#rig.processor;
    view.setU64('RIP', CODE + BigInt(16 * NAMES.indexOf(name)));
    view.gpr[0] = regs.rax ?? 0n;
    view.gpr[1] = regs.rcx ?? 0n;
    view.gpr[2] = 0n;
    view.gpr[3] = regs.rbx ?? 0n;
    expect(this.#rig.processor.run(1), name).toBe('fuel');
  }

  #access(kind: Kind, page: bigint): void {
    const current = this.#now(page);
    const stale = this.#stale.of(page, this.#pcid, current);
    const access = { kind: kind === 'update' ? 'write' : kind } as const;
    const candidates = [current, ...stale];
    const wanted = candidates.map((mapping) => {
      if (mapping === undefined) return this.#absent(page, kind);
      const result = use(mapping, this.#state, access);
      return 'hpa' in result ? `page ${result.hpa}` : `#PF ${result.errorCode}`;
    });
    expect(wanted).toContain(this.#perform(kind, page));
    const result = current && use(current, this.#state, access);
    const updates = result && 'updates' in result ? result.updates : [];
    if (stale.length === 0) for (const entry of updates) this.#rig.expected.writeEntry(entry);
    else this.#adopt(updates.map(({ hpa }) => hpa));
    expect(this.#tables(this.#rig.actual)).toEqual(this.#tables(this.#rig.expected));
  }

  #absent(page: bigint, kind: Kind): string {
    const found = walk(this.#rig.expected.readEntry, this.#state, page);
    const reserved = 'fault' in found && found.fault !== 0 ? 9 : 0;
    return `#PF ${reserved | (kind === 'fetch' ? 16 : kind === 'read' ? 0 : 2)}`;
  }

  /** With stale translations about, the processor may or may not have set A and D. */
  #adopt(places: readonly bigint[]): void {
    for (const hpa of places) {
      const before = this.#rig.expected.readEntry(hpa);
      const after = this.#rig.actual.readEntry(hpa);
      if ((before ^ after) & ~(PTE_A | PTE_D)) continue;
      if ((before & ~after) === 0n) this.#rig.expected.writeEntry({ hpa, value: after });
    }
  }

  #tables({ ram }: { ram: Buffer }): string {
    return ROOTS.flatMap((base) => [0x1000, 0x2000, 0x3000, 0x4000].map((at) => Number(base) + at))
      .map((at) => ram.toString('hex', at, at + 32))
      .join(' ');
  }

  /** Makes the access and says which page it reached. */
  #perform(kind: Kind, page: bigint): string {
    const { view } = this.#rig.processor;
    const n = NAMES.indexOf(kind === 'fetch' ? 'read' : kind);
    view.setU64('RIP', kind === 'fetch' ? page + ENTRY : CODE + BigInt(16 * n));
    const value = this.#counter++ << 32n;
    view.gpr[0] = kind === 'read' || kind === 'fetch' ? 0n : value;
    view.gpr[3] = page + (kind === 'read' ? MARK : SLOT);
    const before = PAGES.map((at) => this.#rig.actual.readEntry(at + SLOT));
    if (this.#rig.processor.run(2) === 'event') {
      expect(view.u32('EVENT_VECTOR')).toBe(14);
      return `#PF ${view.u32('EVENT_ERROR')}`;
    }
    if (kind === 'read' || kind === 'fetch') return `page ${view.gpr[0]}`;
    const reached = PAGES.filter((at, m) => this.#rig.actual.readEntry(at + SLOT) !== before[m]);
    const after = this.#rig.actual.readEntry((reached[0] ?? 0n) + SLOT);
    const old = before.find((_, m) => PAGES[m] === reached[0]) ?? 0n;
    expect(after).toBe(kind === 'write' ? value : BigInt.asUintN(64, old + value));
    return `page ${reached.join()}`;
  }
}
