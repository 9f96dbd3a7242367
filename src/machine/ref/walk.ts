/**
 * The page walk in plain TypeScript, slow and obvious: the oracle that asm/mmu is tested against, written
 * from SDM 3A chapter 4 and independent of it. 4-level paging (4.5), access rights (4.6), page-fault error
 * codes (4.7), accessed and dirty flags (4.8). No TLB, no paging-structure caches, no memory types.
 *
 * Accessed flags of a walk that faults may or may not be set (4.8); here, as in asm/mmu, they are not.
 */

/** Physical address width, CPUID.80000008H:EAX[7:0]. */
const MAXPHYADDR = 40n;

const CR0_WP = 1n << 16n;
const CR4_SMEP = 1n << 20n;
const CR4_SMAP = 1n << 21n;
const CR4_PKE = 1n << 22n;
const EFER_NXE = 1n << 11n;
const RFLAGS_AC = 1n << 18n;

const PTE_P = 1n << 0n; // present
const PTE_RW = 1n << 1n; // writable
const PTE_US = 1n << 2n; // user
const PTE_A = 1n << 5n; // accessed
const PTE_D = 1n << 6n; // dirty
const PTE_PS = 1n << 7n; // large page
const PTE_G = 1n << 8n; // global
const PTE_XD = 1n << 63n; // execute disable

const PF_P = 1; // protection violation
const PF_W = 2; // write
const PF_U = 4; // user mode
const PF_RSVD = 8; // reserved bit set
const PF_I = 16; // instruction fetch
const PF_PK = 32; // protection key

/** The registers that a translation depends on. */
export interface PagingState {
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
  readonly rflags: bigint;
  readonly pkru: number;
  readonly cpl: number;
}

/** `implicit`: to a system structure, made with supervisor rights at any CPL (SDM 3A 4.6). */
export interface Access {
  readonly kind: 'read' | 'write' | 'fetch';
  readonly implicit?: boolean;
}

/** Reads the 8 bytes at HPA `hpa`, which is aligned. */
export type EntryReader = (hpa: bigint) => bigint;

/** A paging-structure entry that the walk used. */
export interface UsedEntry {
  readonly hpa: bigint;
  readonly value: bigint;
}

/** What the paging structures say about a page, before any access is considered. */
export interface Mapping {
  /** HPA of the linear address that was walked. */
  readonly hpa: bigint;
  /** log2 of the page size: 12, 21 or 30. */
  readonly shift: number;
  readonly writable: boolean;
  readonly user: boolean;
  readonly executable: boolean;
  readonly global: boolean;
  /** Protection key. */
  readonly key: number;
  /** From the PML4E down. */
  readonly entries: readonly UsedEntry[];
}

/** Bits of the error code that the paging structures decide. */
export interface WalkFault {
  readonly fault: typeof PF_RSVD | 0;
}

/** Outcome of an access: where it goes and which entries it changes, or the error code of its #PF. */
export type Translation =
  | { readonly hpa: bigint; readonly updates: readonly UsedEntry[] }
  | { readonly errorCode: number };

/** Bits 63:47 are equal. */
export function isCanonical(gva: bigint): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(48, gva)) === gva;
}

/** Translates canonical `gva` for `access`; changes nothing. */
export function translate(
  read: EntryReader,
  state: PagingState,
  gva: bigint,
  access: Access,
): Translation {
  const found = walk(read, state, gva);
  if ('fault' in found) {
    const present = found.fault === 0 ? 0 : PF_P;
    return { errorCode: present | found.fault | accessBits(state, access) };
  }
  return use(found, state, access);
}

/** Reads the paging structures for `gva` (SDM 3A 4.5.4, figure 4-8). */
export function walk(read: EntryReader, state: PagingState, gva: bigint): Mapping | WalkFault {
  const entries: UsedEntry[] = [];
  let table = bits(state.cr3, 12n, MAXPHYADDR);
  for (const shift of [39, 30, 21, 12]) {
    const index = (gva >> BigInt(shift)) & 0x1ffn;
    const hpa = table + index * 8n;
    const value = read(hpa);
    if ((value & PTE_P) === 0n) return { fault: 0 };
    const isLeaf = shift === 12 || (shift < 39 && (value & PTE_PS) !== 0n);
    if ((value & reservedBits(state, shift, isLeaf)) !== 0n) return { fault: PF_RSVD };
    entries.push({ hpa, value });
    if (isLeaf) return mapping(entries, value, shift, gva);
    table = bits(value, 12n, MAXPHYADDR);
  }
  throw new Error('a PTE is a leaf');
}

function mapping(entries: readonly UsedEntry[], leaf: bigint, shift: number, gva: bigint): Mapping {
  const all = (bit: bigint): boolean => entries.every(({ value }) => (value & bit) !== 0n);
  const offset = gva & ((1n << BigInt(shift)) - 1n);
  return {
    hpa: bits(leaf, BigInt(shift), MAXPHYADDR) | offset,
    shift,
    writable: all(PTE_RW),
    user: all(PTE_US),
    executable: entries.every(({ value }) => (value & PTE_XD) === 0n),
    global: (leaf & PTE_G) !== 0n,
    key: Number((leaf >> 59n) & 15n),
    entries,
  };
}

/** Bits `low` to `high - 1` of `value`, in place. */
function bits(value: bigint, low: bigint, high: bigint): bigint {
  return value & ((1n << high) - (1n << low));
}

/** Bits that must be 0 (SDM 3A tables 4-15 to 4-20). */
function reservedBits({ efer }: PagingState, shift: number, isLeaf: boolean): bigint {
  let reserved = (1n << 52n) - (1n << MAXPHYADDR);
  if ((efer & EFER_NXE) === 0n) reserved |= PTE_XD;
  if (shift === 39) reserved |= PTE_PS;
  if (isLeaf && shift === 30) reserved |= (1n << 30n) - (1n << 13n); // bit 12 is PAT
  if (isLeaf && shift === 21) reserved |= (1n << 21n) - (1n << 13n);
  return reserved;
}

/** What an access to a mapped page gives. */
export function use(page: Mapping, state: PagingState, access: Access): Translation {
  if (isAllowed(page, state, access) && !keyForbids(page, state, access)) {
    return { hpa: page.hpa, updates: updates(page, access) };
  }
  const key = keyForbids(page, state, access) ? PF_PK : 0;
  return { errorCode: PF_P | key | accessBits(state, access) };
}

function isUserMode({ cpl }: PagingState, { implicit }: Access): boolean {
  return cpl === 3 && implicit !== true;
}

/** Access rights without protection keys (SDM 3A 4.6.1). */
function isAllowed(page: Mapping, state: PagingState, access: Access): boolean {
  const userMode = isUserMode(state, access);
  if (userMode && !page.user) return false;
  if (access.kind === 'fetch') {
    const smep = !userMode && page.user && (state.cr4 & CR4_SMEP) !== 0n;
    return page.executable && !smep;
  }
  const smap = !userMode && page.user && (state.cr4 & CR4_SMAP) !== 0n;
  const lifted = access.implicit !== true && (state.rflags & RFLAGS_AC) !== 0n;
  if (smap && !lifted) return false;
  return access.kind === 'read' || page.writable || !(userMode || (state.cr0 & CR0_WP) !== 0n);
}

/** Protection keys apply to data accesses to user pages (SDM 3A 4.6.2). */
function keyForbids(page: Mapping, state: PagingState, access: Access): boolean {
  if ((state.cr4 & CR4_PKE) === 0n || access.kind === 'fetch' || !page.user) return false;
  const accessDisabled = ((state.pkru >>> (2 * page.key)) & 1) !== 0;
  const writeDisabled = ((state.pkru >>> (2 * page.key + 1)) & 1) !== 0;
  const obeysWrite = isUserMode(state, access) || (state.cr0 & CR0_WP) !== 0n;
  return accessDisabled || (access.kind === 'write' && writeDisabled && obeysWrite);
}

/** Bits of the error code that tell of the access itself (SDM 3A 4.7). */
function accessBits(state: PagingState, access: Access): number {
  const tellsFetch = (state.efer & EFER_NXE) !== 0n || (state.cr4 & CR4_SMEP) !== 0n;
  return (
    (access.kind === 'write' ? PF_W : 0) |
    (isUserMode(state, access) ? PF_U : 0) |
    (access.kind === 'fetch' && tellsFetch ? PF_I : 0)
  );
}

/** Entries that change: A everywhere, D in the leaf of a write (SDM 3A 4.8). One entry may serve twice. */
function updates({ entries }: Mapping, { kind }: Access): readonly UsedEntry[] {
  const changed = new Map<bigint, bigint>();
  entries.forEach(({ hpa, value }, n) => {
    const dirty = kind === 'write' && n === entries.length - 1 ? PTE_D : 0n;
    changed.set(hpa, (changed.get(hpa) ?? value) | PTE_A | dirty);
  });
  return [...changed]
    .map(([hpa, value]) => ({ hpa, value }))
    .filter(({ hpa, value }) =>
      entries.some((entry) => entry.hpa === hpa && entry.value !== value),
    );
}
