/**
 * A processor in an address space that changes under it, and the reference that says what each access may
 * do: what the tables say now, or what a translation says that could still be cached.
 */

import { type Translation, translate, use } from '../../src/machine/ref/access.ts';
import { writeControl } from '../../src/machine/ref/control.ts';
import {
  CR0_WP,
  CR4_PCIDE,
  CR4_PGE,
  CR4_PKE,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_NXE,
  type PagingState,
  RFLAGS_AC,
} from '../../src/machine/ref/paging.ts';
import { type Mapping, type UsedEntry, walk } from '../../src/machine/ref/walk.ts';
import {
  ENTRY,
  type Image,
  linkFlags,
  load,
  MARK,
  type Page,
  RESERVED_LARGE,
  SLOT,
  type Space,
  windowOf,
} from './address-space.ts';
import type { Stage } from './rig.ts';
import { CODE_FRAME, PAE, stateOf } from './settings.ts';
import { StaleTranslations } from './stale.ts';
import type { Edit, Flag, Kind, Step, Value } from './steps.ts';
import { PTE_A, PTE_D, PTE_G, PTE_P, PTE_PS, PTE_RW, PTE_US, PTE_XD, pdptesAt } from './tables.ts';

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
const INSTRUCTION_BYTES = 16;
const REX_W = 0x48;
/** Offset in the code page of the descriptor of INVPCID. */
const DESCRIPTOR = 0x800;

const CR4_BITS = {
  pge: CR4_PGE,
  pse: CR4_PSE,
  smep: CR4_SMEP,
  smap: CR4_SMAP,
  pcide: CR4_PCIDE,
  pke: CR4_PKE,
} as const;

/** What an access came to: the page that it reached, or the error code of its #PF. */
type Result = { readonly page: number } | { readonly error: number };

/** How a scene begins. */
export interface Start {
  readonly image: Image;
  /** With PCIDs. */
  readonly tagged: boolean;
  readonly isTlbDisabled: boolean;
  /** Pages that accesses are made to. */
  readonly pages: readonly Page[];
}

/** A processor in one of the spaces, and what it may still have cached. */
export class Scene {
  readonly #rig: Stage;
  readonly #space: Space;
  /** All that pages may lead to. */
  readonly #frames: readonly number[];
  readonly #stale = new StaleTranslations();
  readonly #pages: readonly Page[];
  readonly #cachesNothing: boolean;
  #state: PagingState;
  #counter = 0x1000n;

  constructor(rig: Stage, space: Space, { image, tagged, isTlbDisabled, pages }: Start) {
    const { setting, levels } = space;
    this.#rig = rig;
    this.#space = space;
    this.#frames = [...space.frames, ...space.tables];
    this.#pages = pages;
    this.#cachesNothing = isTlbDisabled;
    rig.clear(isTlbDisabled);
    load(rig, image);
    const root = BigInt(levels[0]?.[0] ?? 0);
    this.#state = stateOf(setting, {
      cr0: CR0_WP,
      cr3: root,
      cr4: CR4_PGE | (tagged ? CR4_PCIDE : 0n),
      efer: EFER_NXE,
      pdptes: pdptesAt(rig, root),
    });
    rig.load(this.#state, setting.isLong);
  }

  /** Throws where the processor does what none may do. */
  run(next: Step): void {
    switch (next.do) {
      case 'edit':
        this.#edit(next);
        break;
      case 'copy':
        this.#copy(next.from, next.to);
        break;
      case 'access':
        this.#access(next.kind, this.#page(next.page), next.cpl);
        break;
      case 'invlpg':
        this.#invlpg(this.#page(next.page).gva + BigInt(next.offset));
        break;
      case 'invpcid': {
        const address = this.#page(next.page).gva + BigInt(next.offset);
        this.#invpcid(next.type, address, this.#tagged ? next.pcid : 0);
        break;
      }
      case 'cr3':
        this.#switch(next.root, this.#tagged ? next.pcid : 0, this.#tagged && next.keep);
        break;
      case 'cr4':
        this.#toggle(CR4_BITS[next.bit]);
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

  #page(n: number): Page {
    const page = this.#space.pages[n];
    if (page === undefined) throw new Error(`no page ${n}`);
    return page;
  }

  #now({ gva }: Page): Mapping | undefined {
    const found = walk(this.#rig.expected.readEntry, this.#state, gva);
    return 'fault' in found ? undefined : found;
  }

  /** Changes an entry, wherever it is now. */
  #edit({ root, page, level, to, by }: Edit): void {
    const { setting } = this.#space;
    const { size } = setting;
    const hpa = this.#entryAt(root, this.#page(page), level);
    if (level > 0 && this.#isRestricted(hpa)) return;
    const before = this.#rig.expected.readEntry(BigInt(hpa), size);
    const value = this.#valueOf(to, level, before);
    this.#remember(hpa & ~0xfff);
    if (by === 'guest') this.#store(hpa, value);
    else this.#poke(hpa, before, value, by === 'bytes');
  }

  /** Roots of some settings take some kinds of entries only: they are edited as what they are. */
  #isRestricted(hpa: number): boolean {
    const { setting, levels } = this.#space;
    if (setting !== PAE && setting.fixedLevels === 0) return false;
    return levels[0]?.includes(hpa & ~0xfff) === true;
  }

  /** HPA of the entry at `level` for `page`; of some table of that level where none is found through those above. */
  #entryAt(root: number | null, { indices }: Page, level: number): number {
    const { levels, setting, tables } = this.#space;
    const { cr3 } = this.#state;
    let table = root === null ? Number(cr3 & ~0xfffn) : (levels[0]?.[root] ?? 0);
    for (let n = 0; n < level; n++) {
      const hpa = table + (indices[n] ?? 0) * setting.size;
      const entry = this.#rig.expected.readEntry(BigInt(hpa), setting.size);
      const next = Number(entry & 0xff_ffff_f000n);
      const isTable = (entry & PTE_P) !== 0n && tables.includes(next);
      table = isTable ? next : (levels[n + 1]?.[0] ?? 0);
    }
    return table + (indices[level] ?? 0) * setting.size;
  }

  #valueOf(to: Value, level: number, before: bigint): bigint {
    const { setting, tables, large } = this.#space;
    const isPdpte = setting === PAE && level === 0;
    if (to.is === 'gone') return 0n;
    if (to.is === 'flip') return before ^ (isPdpte ? PTE_P : this.#bitOf(to.flag, false));
    const isLarge = to.is === 'large';
    const at =
      to.is === 'table' ? tables[to.at] : (isLarge ? large.get(level) : this.#frames)?.[to.at];
    const address = BigInt(at ?? 0);
    if (isPdpte || level < setting.fixedLevels) return address | linkFlags(setting, level);
    const flags = to.flags.reduce((all, flag) => all | this.#bitOf(flag, isLarge), 0n);
    return address | flags | (isLarge ? PTE_PS : 0n);
  }

  /** Bit of a flag, 0n where entries do not have it. */
  #bitOf(flag: Flag, isLarge: boolean): bigint {
    const { size, shifts } = this.#space.setting;
    const isWide = size === 8;
    switch (flag) {
      case 'xd':
        return isWide ? PTE_XD : 0n;
      case 'reserved':
        if (isWide) return shifts.length === 3 ? 1n << 52n : 1n << 51n;
        return isLarge ? BigInt(RESERVED_LARGE) : 0n;
      case 'key':
        return shifts.length === 4 ? 5n << 59n : 0n;
      default:
        return { p: PTE_P, rw: PTE_RW, us: PTE_US, a: PTE_A, d: PTE_D, g: PTE_G }[flag];
    }
  }

  /** The guest writes the entry, through the window. */
  #store(hpa: number, value: bigint): void {
    const { size, isLong } = this.#space.setting;
    this.#rig.expected.writeEntry({ hpa: BigInt(hpa), size, value });
    const rbx = windowOf(this.#space, hpa);
    if (isLong || size === 4) this.#execute('write', { rax: value, rbx });
    else {
      this.#execute('write', { rax: value & 0xffff_ffffn, rbx });
      this.#execute('write', { rax: value >> 32n, rbx: rbx + 4n });
    }
  }

  /** A device writes the entry, or those of its bytes that change. */
  #poke(hpa: number, before: bigint, value: bigint, isShort: boolean): void {
    const { size } = this.#space.setting;
    if (!isShort) {
      this.#rig.poke({ hpa: BigInt(hpa), size, value });
      return;
    }
    const byteAt = (of: bigint, n: number): number => Number((of >> BigInt(8 * n)) & 0xffn);
    const all = Array.from({ length: size }, (_, n) => n);
    const changed = all.filter((n) => byteAt(before, n) !== byteAt(value, n));
    const first = changed[0];
    if (first === undefined) return;
    const bytes = all.slice(first, (changed.at(-1) ?? 0) + 1).map((n) => byteAt(value, n));
    this.#rig.pokeBytes(BigInt(hpa + first), Uint8Array.from(bytes));
  }

  /** A device writes a whole table, whose entries for the pages under test become those of another. */
  #copy(from: number, to: number): void {
    const { tables, offsets, setting } = this.#space;
    const source = tables[from] ?? 0;
    const table = tables[to] ?? 0;
    if (this.#isRestricted(table)) return;
    this.#remember(table);
    const bytes = this.#rig.expected.page(table);
    for (const offset of offsets) {
      bytes.set(this.#rig.expected.page(source).subarray(offset, offset + setting.size), offset);
    }
    this.#rig.pokeBytes(BigInt(table), bytes);
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
    this.#rig.load(this.#state, this.#space.setting.isLong);
  }

  /** What is mapped now may be cached, and is about to go: all of it, or what is found through the table at HPA `table`. */
  #remember(table?: number): void {
    if (this.#cachesNothing) return;
    const globalsOn = (this.#state.cr4 & CR4_PGE) !== 0n;
    for (const page of this.#pages) {
      const mapping = this.#now(page);
      if (mapping === undefined) continue;
      const isMeant = ({ hpa }: { hpa: bigint }): boolean => Number(hpa & ~0xfffn) === table;
      if (table === undefined || mapping.entries.some(isMeant)) {
        this.#stale.add(page.gva, this.#pcid, mapping, globalsOn);
      }
    }
  }

  /** A MOV to a control register, unless it is forbidden: false. */
  #control(register: 'cr0' | 'cr3' | 'cr4', value: bigint): boolean {
    const code = { isLong: this.#space.setting.isLong, hasTss16: false };
    const valid = { cr0: -1n, cr4: -1n, efer: -1n };
    const read = this.#rig.expected.readEntry;
    const next = writeControl(read, this.#state, code, valid, register, value);
    if (next === undefined) return false;
    this.#state = next;
    this.#execute(register, { rax: value });
    return true;
  }

  #switch(root: number, to: number, keep: boolean): void {
    this.#remember();
    const cr3 = BigInt(this.#space.levels[0]?.[root] ?? 0) | BigInt(to);
    const isDone = this.#control('cr3', keep ? cr3 | NO_FLUSH : cr3);
    if (isDone && !keep) this.#stale.dropPcid(to);
  }

  #invlpg(address: bigint): void {
    this.#execute('invlpg', { rbx: address });
    this.#stale.dropPage(address, this.#pcid, true);
  }

  #invpcid(type: number, address: bigint, of: number): void {
    const words = new DataView(new ArrayBuffer(16));
    words.setBigUint64(0, BigInt(of), true);
    words.setBigUint64(8, address, true);
    this.#rig.pokeBytes(CODE_FRAME + BigInt(DESCRIPTOR), new Uint8Array(words.buffer));
    const rcx = this.#space.code[0] + BigInt(DESCRIPTOR);
    this.#execute('invpcid', { rax: BigInt(type), rcx });
    if (type === 0) this.#stale.dropPage(address, of, false);
    else if (type === 1) this.#stale.dropPcid(of);
    else if (type === 2) this.#stale.dropAll();
    else this.#stale.dropAllButGlobals();
  }

  /** What it changes of the tables' meaning, or of the PDPTEs that it loads, is not flushed by itself. */
  #toggle(bit: bigint): void {
    this.#remember();
    if (!this.#control('cr4', this.#state.cr4 ^ bit)) return;
    const isSet = (this.#state.cr4 & bit) !== 0n;
    if (bit === CR4_PGE || (bit === CR4_PCIDE && !isSet)) this.#stale.dropAll();
    else if (bit === CR4_SMEP && isSet) this.#stale.dropPcid(this.#pcid);
  }

  /** Runs an instruction of the kernel that must succeed. */
  #execute(name: Instruction, regs: { rax?: bigint; rbx?: bigint; rcx?: bigint }): void {
    this.#enter(0);
    const { view } = this.#rig.processor;
    view.setU64('RIP', this.#space.code[0] + codeOffset(name));
    view.gpr[0] = regs.rax ?? 0n;
    view.gpr[1] = regs.rcx ?? 0n;
    view.gpr[2] = 0n;
    view.gpr[3] = regs.rbx ?? 0n;
    const reason = this.#rig.processor.run(1);
    if (reason !== 'fuel') throw new Error(`${name}: ${reason}`);
  }

  #access(kind: Kind, page: Page, cpl: 0 | 3): void {
    this.#enter(cpl);
    const current = this.#now(page);
    const stale = this.#stale.of(page.gva, this.#pcid, current);
    const access = { kind: kind === 'update' ? 'write' : kind } as const;
    const { readEntry } = this.#rig.expected;
    const now = translate(readEntry, this.#state, page.gva, access);
    const wanted = [now, ...stale.map((mapping) => use(mapping, this.#state, access))];
    // The load and the store of an update may each use another of the translations that are cached, or walk by itself.
    const isSplit = kind === 'update' && stale.length > 0;
    const load = translate(readEntry, this.#state, page.gva, { kind: 'read' });
    const loads = [load, ...stale.map((mapping) => use(mapping, this.#state, { kind: 'read' }))];
    const sources = isSplit ? loads.flatMap((it) => ('hpa' in it ? [Number(it.hpa)] : [])) : [];
    if (isSplit && 'errorCode' in load) wanted.push(load);
    const result = this.#perform(kind, page, cpl, sources);
    const results = wanted.map(resultOf);
    if (!results.some((it) => isSame(it, result))) {
      throw new Error(`${JSON.stringify(result)}, not ${JSON.stringify(results)}`);
    }
    const updates = 'updates' in now ? now.updates : [];
    if (stale.length === 0) for (const entry of updates) this.#rig.expected.writeEntry(entry);
    else {
      this.#adopt(updates);
      if (isSplit && 'updates' in load) this.#adopt(load.updates);
    }
    this.#compareTables();
  }

  /** With stale translations about, the processor may or may not have set A and D. */
  #adopt(updates: readonly UsedEntry[]): void {
    for (const { hpa, size, value } of updates) {
      const before = this.#rig.expected.readEntry(hpa, size);
      const after = this.#rig.actual.readEntry(hpa, size);
      const isMade = (before & ~after) === 0n && (after & ~(before | value)) === 0n;
      if (isMade) this.#rig.expected.writeEntry({ hpa, size, value: after });
    }
  }

  #compareTables(): void {
    const { tables, offsets, setting } = this.#space;
    const { actual, expected } = this.#rig;
    for (const table of tables) {
      for (const offset of offsets) {
        for (let at = table + offset; at < table + offset + setting.size; at += 4) {
          if (actual.readU32(at) === expected.readU32(at)) continue;
          const [is, not] = [actual, expected].map((memory) => memory.readU32(at).toString(16));
          throw new Error(`entry at ${at.toString(16)}: ${is}, not ${not}`);
        }
      }
    }
  }

  /** Makes the access and says what it reached; what an update adds to may come from one of `sources` too. */
  #perform(kind: Kind, { gva }: Page, cpl: 0 | 3, sources: readonly number[]): Result {
    const { view } = this.#rig.processor;
    const { setting, code } = this.#space;
    const isLoad = kind === 'read' || kind === 'fetch';
    const rip = kind === 'fetch' ? gva + BigInt(ENTRY) : code[cpl] + codeOffset(kind);
    view.setU64('RIP', rip);
    const value = this.#counter++ << (setting.isLong ? 32n : 16n);
    view.gpr[0] = isLoad ? 0n : value;
    view.gpr[3] = gva + BigInt(kind === 'read' ? MARK : SLOT);
    const reason = this.#rig.processor.run(2);
    if (reason === 'event') {
      const vector = view.u32('EVENT_VECTOR');
      if (vector !== 14) throw new Error(`exception ${vector}`);
      return { error: view.u32('EVENT_ERROR') };
    }
    if (isLoad) return { page: Number(view.gpr[0]) };
    return { page: this.#written(value, kind === 'update' ? sources : undefined) };
  }

  /** The page that a write of `value`, or an update by it, has reached. */
  #written(value: bigint, sources: readonly number[] | undefined): number {
    const { actual, expected } = this.#rig;
    const size = this.#space.setting.isLong ? 8 : 4;
    const half = size - 4;
    const page = this.#frames.find((at) => {
      return actual.readU32(at + SLOT + half) !== expected.readU32(at + SLOT + half);
    });
    if (page === undefined) throw new Error('a write that reached nothing');
    const slotOf = (at: number): bigint => expected.readEntry(BigInt(at + SLOT), size);
    const sums = sources && [page, ...sources].map((at) => slotOf(at) + value);
    const wanted = (sums ?? [value]).map((sum) => BigInt.asUintN(8 * size, sum));
    const hpa = BigInt(page + SLOT);
    const now = actual.readEntry(hpa, size);
    if (!wanted.includes(now)) throw new Error('a write of something else');
    expected.writeEntry({ hpa, size, value: now });
    return page;
  }
}

function resultOf(it: Translation): Result {
  return 'hpa' in it ? { page: Number(it.hpa) } : { error: it.errorCode };
}

function codeOffset(name: Instruction): bigint {
  return BigInt(INSTRUCTION_BYTES * NAMES.indexOf(name));
}

function isSame(a: Result, b: Result): boolean {
  return 'page' in a ? 'page' in b && a.page === b.page : 'error' in b && a.error === b.error;
}

/** The code of all instructions, for the frame of the code. */
export function codeImage(isLong: boolean): Image {
  const bytes = new Uint8Array(INSTRUCTION_BYTES * NAMES.length);
  NAMES.forEach((name, n) => {
    const prefix = n < 3 && isLong ? [REX_W] : [];
    bytes.set([...prefix, ...INSTRUCTIONS[name], 0xeb, 0xfe], INSTRUCTION_BYTES * n);
  });
  return [{ hpa: Number(CODE_FRAME), bytes }];
}
