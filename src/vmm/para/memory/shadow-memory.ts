/**
 * Shadow page tables as a domain's memory technique (XENFEAT_auto_translated_physmap): the guest's tables hold its own frame
 * numbers, and it may write to them. Kernel and user code have a root each, and all of it runs at CPL 3, so both see what
 * their tables map, whatever U/S says.
 */

import { PF, PF_ID, PF_WR } from '../../../base/vector.ts';
import type { Processor } from '../../../machine/processor.ts';
import { ERRNO } from '../../../xen/errno.ts';
import { featureMask } from '../../../xen/features.ts';
import { type DirectCounters, newDirectCounters } from '../../direct/counters.ts';
import { PendingFlush } from '../../direct/pending-flush.ts';
import type { Slice } from '../../direct/slice.ts';
import { PAGE_SHIFT, PAGE_SIZE } from '../../frames.ts';
import type { GuestMemory } from '../../guest-memory.ts';
import type { Host } from '../../host.ts';
import type { GuestPaging } from '../../shadow/guest-paging.ts';
import { pageNumber } from '../../shadow/guest-walk.ts';
import { Shadow, type ShadowOptions, type ShadowRoot } from '../../shadow/shadow.ts';
import { ANYWHERE, NOWHERE } from '../../shadow/shadow-page.ts';
import type { HypercallTable } from '../hypercall.ts';
import { pagingCalls } from '../hypercalls/paging-calls.ts';
import type { CodeSource } from '../privileged/instruction.ts';
import { AREA_SLOT, type HypervisorArea, isOfLdt, ldtPageOf } from './hypervisor-area.ts';
import { stepInstruction } from './instruction-step.ts';
import type { GuestFault, ParaMemory, ServedFault } from './para-memory.ts';
import { ShadowSpace } from './shadow-space.ts';
import { DescriptorCopies } from './translated/descriptor-copies.ts';
import { FixedReservation } from './translated/fixed-reservation.ts';
import { TranslatedPages } from './translated/translated-pages.ts';
import { TranslatedPaging } from './translated/translated-paging.ts';

const NO_PDPTES: readonly number[] = [];

export interface ShadowMemoryParts {
  readonly host: Host;
  readonly number: number;
  readonly processor: Processor;
  readonly ram: GuestMemory;
  /** Frames of the machine that `ram` is, in order. */
  readonly frames: readonly number[];
  readonly area: HypervisorArea;
  readonly slice: Slice;
  readonly options: Omit<ShadowOptions, 'vmmTable' | 'firstSlot'>;
}

export class ShadowMemory implements ParaMemory {
  readonly shadow: Shadow;
  readonly direct: DirectCounters;
  readonly space: ShadowSpace;
  readonly userSpace: ShadowSpace;
  readonly calls: HypercallTable;
  readonly sharedInfo = undefined;
  readonly machineToPhys = undefined;
  readonly reservation: FixedReservation;
  readonly slotEntries: readonly bigint[] = [];
  readonly features = featureMask([
    'auto_translated_physmap',
    'writable_page_tables',
    'mmu_pt_update_preserve_ad',
    'gnttab_map_avail_bits',
    'pae_pgdir_above_4gb',
  ]);
  readonly #parts: ShadowMemoryParts;
  readonly #descriptors: DescriptorCopies;
  readonly #pages: TranslatedPages;
  readonly #flush: PendingFlush;
  #kernel = pagingOf(0);
  #user: GuestPaging | undefined;
  #isKernel = true;
  /** The root in use; undefined: it is to be looked for. */
  #root: ShadowRoot | undefined;
  #generation = -1;

  constructor(parts: ShadowMemoryParts) {
    const { host, number, processor, ram: memory, area, slice, options } = parts;
    const { pool } = host;
    const machine = processor.memory;
    this.#parts = parts;
    this.reservation = new FixedReservation(memory.frames);
    this.shadow = new Shadow(memory, machine, pool, {
      ...options,
      vmmTable: area.table,
      firstSlot: AREA_SLOT,
    });
    this.space = new ShadowSpace(machine, memory, () => this.#kernel);
    this.userSpace = new ShadowSpace(machine, memory, () => this.#user ?? this.#kernel);
    this.#pages = new TranslatedPages(memory, slice);
    const { space } = this;
    this.#descriptors = new DescriptorCopies({
      memory,
      machine,
      pool,
      space,
      area,
      flush: () => processor.flushTranslations(),
    });
    const counters = newDirectCounters();
    this.#flush = new PendingFlush(
      { flush: () => this.#invalidate(undefined), flushPage: (va) => this.#invalidate(va) },
      counters,
      () => {},
    );
    this.direct = counters;
    const paging = new TranslatedPaging({
      number,
      domains: host,
      memory,
      space,
      flush: this.#flush,
      slice,
      counters,
      descriptors: this.#descriptors,
      pages: this.#pages,
      setRoot: (isKernel, gfn) => this.#useRoot(isKernel, gfn),
    });
    this.calls = pagingCalls(paging, space);
  }

  get emulated(): GuestMemory {
    return this.ram;
  }

  get ram(): GuestMemory {
    return this.#parts.ram;
  }

  get frames(): readonly number[] {
    return this.#parts.frames;
  }

  pfnOf(frame: number): number | undefined {
    return this.ram.holds(frame) ? frame : undefined;
  }

  machineFrame(frame: number): number {
    return this.#parts.ram.frame(frame);
  }

  shareFrame(frame: bigint): number | undefined {
    const gfn = Number(frame);
    return this.ram.holds(gfn) ? this.ram.frame(gfn) * PAGE_SIZE : undefined;
  }

  get kernelRoot(): number {
    return this.#kernel.root / PAGE_SIZE;
  }

  setKernelRoot(frame: number): 'done' | 'refused' {
    const result = this.#useRoot(true, frame);
    this.#flush.perform();
    return result === 0 ? 'done' : 'refused';
  }

  writePage(frame: number, data: Uint8Array): number {
    return this.#pages.write(frame, data);
  }

  get hasUser(): boolean {
    return this.#user !== undefined;
  }

  start(root: number): number {
    this.#setRoot(true, root);
    this.prepare();
    return 0;
  }

  select(isKernel: boolean): void {
    this.#isKernel = isKernel;
    this.#root = undefined;
  }

  /** Its tables are written to as it likes in any case. */
  assistChanged(): void {}

  /** The processor is about to run: the root is put in place, and what it still knows of entries that are gone is dropped. */
  prepare(): void {
    const { shadow } = this;
    const { processor, area } = this.#parts;
    const known = this.#generation === shadow.generation ? this.#root : undefined;
    const root = known ?? shadow.root(this.#paging, 'kernel', NO_PDPTES);
    this.#generation = shadow.generation;
    area.place(root.slot);
    const { pcids } = this.#parts.host;
    if (root !== this.#root) processor.setRoot(root.page.frame, pcids.of(root));
    this.#root = root;
    const stale = shadow.takeStale();
    if (pcids.takeStale() || stale === ANYWHERE) processor.flushTranslations();
    else if (stale !== NOWHERE) processor.invalidatePage(BigInt(stale) << 12n);
  }

  serve(fault: GuestFault, code: CodeSource): ServedFault | undefined {
    const { vector, error = 0, address } = fault;
    if (vector !== PF || this.#root === undefined) return undefined;
    const page = this.#parts.area.neededLdtPage(fault);
    if (page !== undefined) {
      if (!this.#descriptors.useLdtPage(page)) return undefined;
      this.#parts.processor.invalidatePage(address);
      return 'ldt';
    }
    const access = { isWrite: (error & PF_WR) !== 0, isFetch: (error & PF_ID) !== 0 };
    const paging = this.#paging;
    const outcome = this.shadow.fault(this.#root, pageNumber(address), access, paging, NO_PDPTES);
    if (outcome === 'filled') return 'filled';
    const isWritten = outcome === 'table' && this.#emulateWrite(paging.root, code);
    return isWritten ? 'table' : undefined;
  }

  addressOf({ address }: GuestFault): bigint {
    return this.#parts.area.guestAddress(address, this.#descriptors.ldtBase);
  }

  useSelector(selector: number): void {
    if (isOfLdt(selector)) this.#descriptors.useLdtPage(ldtPageOf(selector));
  }

  /** The guest writes to one of its tables, which the shadow keeps from being written to, and hears of it. */
  #emulateWrite(root: number, code: CodeSource): boolean {
    const { processor, ram } = this.#parts;
    const { mapPlace: map, frames } = ram;
    const memory = { root: root >>> PAGE_SHIFT, map, frames, protectsWrites: true };
    return stepInstruction(processor, code, memory);
  }

  /** What is missing from the shadow may be in the guest's tables. */
  errorOf({ error = 0, address }: GuestFault): number {
    const why = this.#isKernel ? this.space.faultOf(address) : this.userSpace.faultOf(address);
    return (error & (PF_WR | PF_ID)) | why;
  }

  get #paging(): GuestPaging {
    return this.#isKernel ? this.#kernel : (this.#user ?? this.#kernel);
  }

  #useRoot(isKernel: boolean, gfn: number): number {
    if (!this.ram.holds(gfn)) return -ERRNO.EINVAL;
    this.#setRoot(isKernel, gfn);
    this.#flush.all();
    return 0;
  }

  /** Frame 0 is no root of user code. */
  #setRoot(isKernel: boolean, gfn: number): void {
    if (isKernel) {
      this.#kernel = pagingOf(gfn);
      this.#descriptors.forgetLdt();
    } else this.#user = gfn === 0 ? undefined : pagingOf(gfn);
    this.#root = undefined;
  }

  #invalidate(va: bigint | undefined): void {
    const page = va === undefined ? undefined : pageNumber(va);
    this.shadow.invalidate(page, this.#kernel, NO_PDPTES);
    if (this.#user !== undefined) this.shadow.invalidate(page, this.#user, NO_PDPTES);
  }
}

/** How the tables at frame `gfn` of the guest are read. */
function pagingOf(gfn: number): GuestPaging {
  return {
    mode: '4-level',
    root: gfn * PAGE_SIZE,
    pse: false,
    wp: true,
    nxe: true,
    smep: false,
    smap: false,
    implicitSmap: false,
  };
}
