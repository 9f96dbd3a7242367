/** Direct paging as a domain's memory technique: which tables the processor walks, and what it forgets of them. */

import type { MachineMemory } from '../../machine/memory.ts';
import type { Processor } from '../../machine/processor.ts';
import { DirectPaging } from '../direct/direct-paging.ts';
import { FIRST_XEN_SLOT, LAST_XEN_SLOT } from '../direct/pte.ts';
import type { Host } from '../host.ts';
import { DirectSpace } from './direct-space.ts';
import type { GuestSpace } from './guest-space.ts';
import type { HypercallTable } from './hypercall.ts';
import { directCalls } from './hypercalls/direct-calls.ts';
import { HOST_LDT, type HypervisorArea, LDT_BASE, ldtPageOf } from './hypervisor-area.ts';
import type { GuestFault } from './para-engine.ts';
import type { ParaMemory } from './para-memory.ts';

/** P, R/W, A: of the slot of the VMM, for supervisors only. */
const AREA_FLAGS = 0x23n;
const LDT_ACCESS = 0x82;
const UNUSABLE = 1 << 16;
const DESCRIPTOR_BYTES = 8;
const PF = 14;

export class DirectMemory implements ParaMemory {
  readonly direct: DirectPaging;
  readonly space: GuestSpace;
  readonly calls: HypercallTable;
  readonly #processor: Processor;
  readonly #host: Host;
  readonly #area: HypervisorArea;
  /** What the PCIDs of the two address spaces are given to. */
  readonly #pcidOwners = { kernel: {}, user: {} };
  #isKernel = true;
  #hasLdt = false;

  /** Of the VM `number`, whose processor this is. */
  constructor(host: Host, number: number, processor: Processor, area: HypervisorArea) {
    const memory: MachineMemory = processor.memory;
    const { frames, machineToPhys } = host.directPaging();
    this.#host = host;
    this.#processor = processor;
    this.#area = area;
    const xenSlots = Array<bigint>(LAST_XEN_SLOT - FIRST_XEN_SLOT + 1).fill(0n);
    xenSlots[0] = machineToPhys.entry;
    xenSlots[1] = (BigInt(area.table) << 12n) | AREA_FLAGS;
    this.direct = new DirectPaging({
      number,
      domains: host,
      frames,
      machineToPhys,
      memory,
      xenSlots,
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
    this.space = new DirectSpace(memory, this.direct.domain);
    this.calls = directCalls(this.direct, this.space, () => this.#gdtChanged());
  }

  get hasUser(): boolean {
    return this.direct.domain.userRoot !== 0;
  }

  select(isKernel: boolean): void {
    this.#isKernel = isKernel;
    const { kernelRoot, userRoot } = this.direct.domain;
    const { kernel, user } = this.#pcidOwners;
    const { pcids } = this.#host;
    const pcid = pcids.of(isKernel ? kernel : user);
    if (pcids.takeStale()) this.#processor.flushTranslations();
    this.#processor.setRoot(isKernel ? kernelRoot : userRoot, pcid);
  }

  start(root: number): number {
    return this.direct.start(root);
  }

  /** A page of the LDT is looked up when it is used first. */
  serve({ vector, address }: GuestFault): boolean {
    if (vector !== PF) return false;
    const page = ldtPageOf(address);
    if (page === undefined) return false;
    const frame = this.direct.descriptors.ldtFrame(page);
    if (frame === undefined) return false;
    this.#area.setLdtPage(page, frame);
    this.#hasLdt = true;
    this.#processor.invalidatePage(LDT_BASE + BigInt(page << 12));
    return true;
  }

  #flush(): void {
    const { kernel, user } = this.#pcidOwners;
    const { pcids } = this.#host;
    this.#processor.flushPcid(pcids.of(kernel));
    this.#processor.flushPcid(pcids.of(user));
  }

  #gdtChanged(): void {
    this.#area.setGdt(this.direct.descriptors.gdt.frames);
    this.#flush();
  }

  /** No page of the LDT is in use any more. */
  #ldtChanged(): void {
    const { entries } = this.direct.descriptors.ldt;
    const { view } = this.#processor;
    if (this.#hasLdt) {
      this.#area.clearLdt();
      this.#hasLdt = false;
      this.#flush();
    }
    view.setSegment('ldtr', {
      selector: entries === 0 ? 0 : HOST_LDT,
      base: LDT_BASE,
      limit: Math.max(entries * DESCRIPTOR_BYTES - 1, 0),
      access: entries === 0 ? UNUSABLE : LDT_ACCESS,
    });
  }
}
