/** The guest's memory by virtual address in a translated domain: a walk of its tables, which hold its own addresses. */

import { PF_P, PF_RSVD } from '../../../base/vector.ts';
import type { MachineMemory } from '../../../machine/memory.ts';
import { isGuestAddress } from '../../../xen/address-space.ts';
import { PAGE_SIZE } from '../../frames.ts';
import type { GuestMemory } from '../../guest-memory.ts';
import type { GuestPaging } from '../../shadow/guest-paging.ts';
import { GuestWalk, pageNumber, RIGHT_WRITE } from '../../shadow/guest-walk.ts';
import { PagedSpace } from './paged-space.ts';

const PTE_P = 1;

export class ShadowSpace extends PagedSpace {
  readonly #memory: GuestMemory;
  readonly #walk: GuestWalk;
  readonly #paging: () => GuestPaging;

  /** `paging`: how the tables of the kernel are read. */
  constructor(machine: MachineMemory, memory: GuestMemory, paging: () => GuestPaging) {
    super(machine, memory);
    this.#memory = memory;
    this.#walk = new GuestWalk(memory);
    this.#paging = paging;
  }

  override translate(va: bigint, isWrite: boolean): number | undefined {
    return this.#hpaOf(this.find(va, isWrite));
  }

  override inspect(va: bigint): number | undefined {
    return this.#hpaOf(this.#walkTo(va));
  }

  protected override find(va: bigint, isWrite: boolean): number | undefined {
    const gpa = this.#walkTo(va);
    if (gpa === undefined) return undefined;
    const walk = this.#walk;
    if (isWrite && (walk.rights & RIGHT_WRITE) === 0) return undefined;
    walk.setFlags(isWrite);
    return gpa;
  }

  /** The GPA that the walk of `va` leads to, if it is RAM. */
  #walkTo(va: bigint): number | undefined {
    const walk = this.#walk;
    if (!isGuestAddress(va) || !walk.walk(pageNumber(va), this.#paging(), [])) return undefined;
    return this.#memory.holds(walk.gfn) ? walk.gfn * PAGE_SIZE + Number(va & 0xfffn) : undefined;
  }

  #hpaOf(gpa: number | undefined): number | undefined {
    if (gpa === undefined) return undefined;
    return this.#memory.frame(Math.floor(gpa / PAGE_SIZE)) * PAGE_SIZE + (gpa % PAGE_SIZE);
  }

  /** GPA of what the kernel reads at `va`; undefined if that faults. */
  gpaOf(va: bigint): number | undefined {
    return this.find(va, false);
  }

  /** Of the error code of a page fault at `va` what the tables decide: that there is an entry, or a bad one. */
  faultOf(va: bigint): number {
    const walk = this.#walk;
    if (walk.walk(pageNumber(va), this.#paging(), [])) return PF_P;
    const low = walk.steps[walk.last]?.low ?? 0;
    return (low & PTE_P) === 0 ? 0 : PF_P | PF_RSVD;
  }

  /** GPA of the L1 entry of `va`; undefined if no table holds one. */
  leafPlace(va: bigint): number | undefined {
    const walk = this.#walk;
    if (!isGuestAddress(va)) return undefined;
    const isMapped = walk.walk(pageNumber(va), this.#paging(), []);
    if (isMapped ? walk.leaf !== 1 : walk.last !== 1) return undefined;
    const step = walk.steps[1];
    if (step === undefined || !this.#memory.holds(step.gfn)) return undefined;
    return step.gfn * PAGE_SIZE + step.offset;
  }
}
