/**
 * Extended page tables in plain TypeScript, slow and obvious (SDM 3C 29.3): the oracle that asm/mmu/ept.ts is tested
 * against. Execute-only pages are supported, as are flags and the page-modification log. No caches, no memory types but
 * that some do not exist.
 *
 * Flags of a translation that is refused may or may not be set; here, as in asm/mmu, they are not.
 */

import { bits, MAXPHYADDR } from './paging.ts';
import type { EntryReader, UsedEntry } from './walk.ts';

/** Memory, by the HPA of an entry. */
export interface EntryMemory {
  readonly readEntry: EntryReader;
  writeEntry(entry: UsedEntry): void;
}

/** Basic exit reasons (SDM 3C appendix C). */
export const EPT_VIOLATION = 48;
export const EPT_MISCONFIGURATION = 49;
export const PML_FULL = 62;

/** A VM exit that a guest-physical access has caused. */
export interface NestedExit {
  readonly reason: typeof EPT_VIOLATION | typeof EPT_MISCONFIGURATION | typeof PML_FULL;
  readonly qualification: bigint;
  readonly gpa: bigint;
}

/** Thrown by `ExtendedTables.translate`. */
export class Refusal extends Error {
  readonly exit: NestedExit;

  constructor(exit: NestedExit) {
    super(`VM exit ${exit.reason}`);
    this.exit = exit;
  }
}

export interface EptAccess {
  readonly read?: boolean;
  readonly write?: boolean;
  readonly fetch?: boolean;
  /** Made for a linear address: to what it translates to, or to an entry of the guest's tables on the way. */
  readonly linear?: 'page' | 'table';
}

/** The page-modification log. */
export interface PageLog {
  readonly address: bigint;
  index: number;
}

const EPT_R = 1n << 0n;
const EPT_W = 1n << 1n;
const EPT_X = 1n << 2n;
const EPT_LARGE = 1n << 7n;
const EPT_A = 1n << 8n;
const EPT_D = 1n << 9n;
const EPTP_AD = 1n << 6n;

const RESERVED_TYPES = [2n, 3n, 7n];

interface Used extends UsedEntry {
  readonly shift: number;
}

export class ExtendedTables {
  /** Entries read. */
  references = 0;
  readonly #memory: EntryMemory;
  readonly #eptp: bigint;
  readonly #log: PageLog | undefined;

  constructor(memory: EntryMemory, eptp: bigint, log?: PageLog) {
    this.#memory = memory;
    this.#eptp = eptp;
    this.#log = log;
  }

  /** The guest's accesses to its paging structures count as writes (SDM 3C 29.3.3.2). */
  get hasFlags(): boolean {
    return (this.#eptp & EPTP_AD) !== 0n;
  }

  /** HPA of `gpa` for an access, with flags set and what became dirty logged. */
  translate(gpa: bigint, access: EptAccess): bigint {
    const used = this.#walk(gpa, access);
    const all = (bit: bigint): boolean => used.every(({ value }) => (value & bit) !== 0n);
    const isAllowed =
      (!access.read || all(EPT_R)) &&
      (!access.write || all(EPT_W)) &&
      (!access.fetch || all(EPT_X));
    if (!isAllowed) throw violation(gpa, access, used);
    if (this.hasFlags) this.#setFlags(gpa, used, access.write === true);
    const { value, shift } = used.at(-1) as Used;
    return bits(value, BigInt(shift), MAXPHYADDR) | bits(gpa, 0n, BigInt(shift));
  }

  /** The entries for `gpa`, PML4E first; throws at one that is not present or misconfigured. */
  #walk(gpa: bigint, access: EptAccess): Used[] {
    const used: Used[] = [];
    let table = bits(this.#eptp, 12n, MAXPHYADDR);
    for (const shift of [39, 30, 21, 12]) {
      const hpa = table + ((gpa >> BigInt(shift)) & 0x1ffn) * 8n;
      const value = this.#memory.readEntry(hpa, 8);
      this.references++;
      const entry = { hpa, size: 8, value, shift } as const;
      used.push(entry);
      if ((value & (EPT_R | EPT_W | EPT_X)) === 0n) throw violation(gpa, access, used);
      if (isMisconfigured(entry)) {
        throw new Refusal({ reason: EPT_MISCONFIGURATION, qualification: 0n, gpa });
      }
      if (mapsPage(entry)) break;
      table = bits(value, 12n, MAXPHYADDR);
    }
    return used;
  }

  #setFlags(gpa: bigint, used: readonly Used[], isWrite: boolean): void {
    const wanted = used.map((entry, n) => {
      const isLast = n === used.length - 1;
      return { ...entry, flags: isWrite && isLast ? EPT_A | EPT_D : EPT_A };
    });
    const isClear = ({ value, flags }: { value: bigint; flags: bigint }): boolean =>
      (value & flags) !== flags;
    const log = this.#log;
    if (log && log.index > 511 && wanted.some(isClear)) {
      throw new Refusal({ reason: PML_FULL, qualification: 0n, gpa });
    }
    let becameDirty = false;
    for (const { hpa, size, flags } of wanted) {
      const before = this.#memory.readEntry(hpa, size); // one entry may serve twice
      if ((flags & ~before & EPT_D) !== 0n) becameDirty = true;
      this.#memory.writeEntry({ hpa, size, value: before | flags });
    }
    if (!log || !becameDirty) return;
    this.#memory.writeEntry({
      hpa: log.address + BigInt(log.index) * 8n,
      size: 8,
      value: gpa & ~0xfffn,
    });
    log.index = (log.index - 1) & 0xffff;
  }
}

function mapsPage({ value, shift }: Used): boolean {
  return shift === 12 || (shift < 39 && (value & EPT_LARGE) !== 0n);
}

/** SDM 3C 29.3.3.1 EPT Misconfigurations. */
function isMisconfigured(entry: Used): boolean {
  const { value, shift } = entry;
  if ((value & EPT_W) !== 0n && (value & EPT_R) === 0n) return true;
  if (bits(value, MAXPHYADDR, 52n) !== 0n) return true;
  if (!mapsPage(entry)) return bits(value, 3n, shift === 39 ? 8n : 7n) !== 0n;
  if (RESERVED_TYPES.includes((value >> 3n) & 7n)) return true;
  return shift > 12 && bits(value, 12n, BigInt(shift)) !== 0n;
}

/** SDM 3C table 28-7, Exit Qualification for EPT Violations, without its advanced information. */
function violation(gpa: bigint, access: EptAccess, used: readonly Used[]): Refusal {
  const rights = used.reduce((all, { value }) => all & value, EPT_R | EPT_W | EPT_X);
  const flags = [
    access.read === true,
    access.write === true,
    access.fetch === true,
    (rights & EPT_R) !== 0n,
    (rights & EPT_W) !== 0n,
    (rights & EPT_X) !== 0n,
    false,
    access.linear !== undefined,
    access.linear === 'page',
  ];
  const qualification = flags.reduce((sum, flag, n) => (flag ? sum | (1n << BigInt(n)) : sum), 0n);
  return new Refusal({ reason: EPT_VIOLATION, qualification, gpa });
}
