/** Direct paging as a domain's memory technique: which tables the processor walks, and what it forgets of them. */

import { PF, PF_P, PF_RSVD, PF_WR } from '../../../base/vector.ts';
import type { MachineMemory } from '../../../machine/memory.ts';
import type { Processor } from '../../../machine/processor.ts';
import { featureMask } from '../../../xen/features.ts';
import { VMASST_TYPE } from '../../../xen/vm-assist.ts';
import type { DirectCounters } from '../../direct/counters.ts';
import { DirectPaging } from '../../direct/direct-paging.ts';
import { TYPE_WRITABLE } from '../../direct/frame-table.ts';
import type { MachineToPhys } from '../../direct/machine-to-phys.ts';
import { FIRST_XEN_SLOT, LAST_XEN_SLOT } from '../../direct/pte.ts';
import type { Reservation } from '../../direct/reservation.ts';
import type { Slice } from '../../direct/slice.ts';
import { RESTART } from '../../direct/slice.ts';
import { PAGE_SIZE } from '../../frames.ts';
import type { Host } from '../../host.ts';
import type { HypercallTable } from '../hypercall.ts';
import { pagingCalls } from '../hypercalls/paging-calls.ts';
import type { CodeSource } from '../privileged/instruction.ts';
import { DirectSpace } from './direct-space.ts';
import { DomainRam } from './domain-ram.ts';
import { AREA_SLOT, type HypervisorArea, isOfLdt, ldtPageOf } from './hypervisor-area.ts';
import type { GuestFault, ParaMemory, ServedFault } from './para-memory.ts';
import { WatchedWrite } from './watched-write.ts';

/** P, R/W, A: of the slot of the VMM, for supervisors only. */
const AREA_FLAGS = 0x23n;

export interface DirectMemoryParts {
  readonly host: Host;
  /** Of the VM, whose processor this is. */
  readonly number: number;
  readonly processor: Processor;
  readonly area: HypervisorArea;
  /** Frames at the beginning. */
  readonly count: number;
  readonly slice: Slice;
}

export class DirectMemory implements ParaMemory {
  readonly paging: DirectPaging;
  readonly shadow = undefined;
  readonly space: DirectSpace;
  readonly userSpace: DirectSpace;
  readonly calls: HypercallTable;
  readonly features = featureMask([
    'mmu_pt_update_preserve_ad',
    'gnttab_map_avail_bits',
    'pae_pgdir_above_4gb',
  ]);
  readonly ram: DomainRam;
  readonly frames: readonly number[];
  readonly sharedInfo: number;
  readonly slotEntries: readonly bigint[];
  readonly #processor: Processor;
  readonly #host: Host;
  readonly #area: HypervisorArea;
  /** What the PCIDs of the two address spaces are given to. */
  readonly #pcidOwners = { kernel: {}, user: {} };
  readonly #watchedWrite: WatchedWrite;
  #isKernel = true;
  /** The kernel's writes to its L1 tables are emulated. */
  #isWritable = false;

  constructor({ host, number, processor, area, count, slice }: DirectMemoryParts) {
    const memory: MachineMemory = processor.memory;
    const { frames, machineToPhys } = host.directPaging();
    const { pool } = host;
    this.frames = host.takeMemory(number, count);
    this.ram = new DomainRam(memory, count, (pfn) => {
      const frame = this.frames[pfn];
      return frame !== undefined && pool.ownerOf(frame) === number ? frame : undefined;
    });
    this.sharedInfo = pool.take(number);
    frames.share(this.sharedInfo);
    this.#host = host;
    this.#processor = processor;
    this.#area = area;
    const xenSlots = Array<bigint>(LAST_XEN_SLOT - FIRST_XEN_SLOT + 1).fill(0n);
    xenSlots[0] = machineToPhys.entry;
    xenSlots[AREA_SLOT - FIRST_XEN_SLOT] = (BigInt(area.table) << 12n) | AREA_FLAGS;
    this.slotEntries = xenSlots;
    this.paging = new DirectPaging({
      number,
      domains: host,
      frames,
      machineToPhys,
      memory,
      xenSlots,
      reserved: { current: count, maximum: count },
      slice,
      arguments: {
        read: (va, data) => this.space.read(va, data),
        writeU32: (va, value) => this.space.writeU32(va, value),
      },
      host: {
        flush: () => this.#flush(),
        flushPage: (va) => processor.invalidatePage(va),
        rootsChanged: () => this.select(this.#isKernel),
        ldtChanged: () => this.#ldtChanged(),
      },
    });
    this.#watchedWrite = new WatchedWrite(processor, this.paging.tableWrites);
    area.place(AREA_SLOT);
    const { domain } = this.paging;
    const { entries } = domain;
    this.space = new DirectSpace(memory, entries, () => domain.kernelRoot);
    this.userSpace = new DirectSpace(memory, entries, () => domain.userRoot);
    const { paging, space } = this;
    const { descriptors } = paging;
    this.calls = pagingCalls(
      {
        mmuUpdate: (call) => paging.mmuUpdate(call),
        mmuextOp: (call) => paging.mmuextOp(call),
        updateVaMapping: (va, value, flags) => paging.updateVaMapping(va, value, flags),
        setGdt: (frames, entries) => this.#setGdt(frames, entries),
        updateDescriptor: (place, descriptor) => descriptors.update(place, descriptor),
      },
      space,
    );
  }

  get emulated(): WatchedWrite {
    return this.#watchedWrite;
  }

  get direct(): DirectCounters {
    return this.paging.domain.counters;
  }

  get reservation(): Reservation {
    return this.paging.reservation;
  }

  get machineToPhys(): MachineToPhys {
    return this.#host.directPaging().machineToPhys;
  }

  get kernelRoot(): number {
    return this.paging.domain.kernelRoot;
  }

  setKernelRoot(frame: number): 'done' | 'again' | 'refused' {
    const result = this.paging.setKernelRoot(frame);
    if (result === RESTART) return 'again';
    return result === 0 ? 'done' : 'refused';
  }

  writePage(frame: number, data: Uint8Array): number {
    return this.paging.pages.write(frame, data);
  }

  get hasUser(): boolean {
    return this.paging.domain.userRoot !== 0;
  }

  select(isKernel: boolean): void {
    this.#isKernel = isKernel;
    const { kernelRoot, userRoot } = this.paging.domain;
    const { kernel, user } = this.#pcidOwners;
    const { pcids } = this.#host;
    const pcid = pcids.of(isKernel ? kernel : user);
    if (pcids.takeStale()) this.#processor.flushTranslations();
    this.#processor.setRoot(isKernel ? kernelRoot : userRoot, pcid);
  }

  start(root: number, shared: readonly number[]): number {
    const { frames } = this.#host.directPaging();
    for (const frame of shared) frames.share(frame);
    return this.paging.start(root);
  }

  pfnOf(frame: number): number | undefined {
    const { pool } = this.#host;
    if (pool.ownerOf(frame) !== this.paging.domain.number) return undefined;
    const pfn = this.#host.directPaging().machineToPhys.get(frame);
    return pfn < this.frames.length ? Number(pfn) : undefined;
  }

  machineFrame(frame: number): number {
    return frame;
  }

  shareFrame(frame: bigint): number | undefined {
    const number = Number(frame);
    const { types, domain } = this.paging;
    const result = types.use(number, TYPE_WRITABLE);
    domain.flush.perform();
    return result === 0 ? number * PAGE_SIZE : undefined;
  }

  assistChanged(type: number, isEnabled: boolean): void {
    if (type === VMASST_TYPE.m2p_strict) this.paging.domain.isM2pStrict = isEnabled;
    if (type === VMASST_TYPE.writable_pagetables) this.#isWritable = isEnabled;
  }

  prepare(): void {}

  /** A page of the LDT is looked up when it is used first. */
  serve(fault: GuestFault, code: CodeSource): ServedFault | undefined {
    const page = this.#area.neededLdtPage(fault);
    if (page === undefined) return this.#emulateWrite(fault, code) ? 'table' : undefined;
    if (!this.#useLdtPage(page)) return undefined;
    this.#processor.invalidatePage(fault.address);
    return 'ldt';
  }

  /** A write of the kernel to a page that it has for reading may be one to a table of its own. */
  #emulateWrite({ vector, error = 0, address }: GuestFault, code: CodeSource): boolean {
    const isWrite = vector === PF && (error & (PF_P | PF_WR | PF_RSVD)) === (PF_P | PF_WR);
    if (!this.#isWritable || !this.#isKernel || !isWrite) return false;
    return this.#watchedWrite.perform(address, this.kernelRoot, code);
  }

  addressOf({ address }: GuestFault): bigint {
    return this.#area.guestAddress(address, this.paging.descriptors.ldt.base);
  }

  useSelector(selector: number): void {
    if (isOfLdt(selector)) this.#useLdtPage(ldtPageOf(selector));
  }

  #useLdtPage(page: number): boolean {
    const frame = this.paging.descriptors.ldtFrame(page);
    if (frame !== undefined) this.#area.setLdtPage(page, frame);
    return frame !== undefined;
  }

  /** The processor walks the guest's tables. */
  errorOf({ error = 0 }: GuestFault): number {
    return error;
  }

  #flush(): void {
    const { kernel, user } = this.#pcidOwners;
    const { pcids } = this.#host;
    this.#processor.flushPcid(pcids.of(kernel));
    this.#processor.flushPcid(pcids.of(user));
  }

  #setGdt(frames: readonly number[], entries: number): number {
    const result = this.paging.descriptors.setGdt(frames, entries);
    if (result === 0) {
      this.#area.setGdt(frames);
      this.#flush();
    }
    return result;
  }

  /** No page of the LDT is in use any more. */
  #ldtChanged(): void {
    if (this.#area.setLdt(this.paging.descriptors.ldt.entries)) this.#flush();
  }
}

/** Frames beside those of the domain's memory. */
export const DIRECT_FRAMES = 1;
