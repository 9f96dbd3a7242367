/** What a domain needs of its memory technique. "The guest calls" means: by the frame numbers that its page tables hold. */

import type { PhysicalMemory } from '../../../machine/memory.ts';
import type { DirectCounters } from '../../direct/counters.ts';
import type { EmulatedMemory } from '../../emulated-memory.ts';
import type { Shadow } from '../../shadow/shadow.ts';
import type { InspectedSpace } from '../exits/inspection.ts';
import type { AddressSpaces } from '../guest/guest-entry.ts';
import type { HypercallTable } from '../hypercall.ts';
import type { MachineToPhysList } from '../hypercalls/memory-maps.ts';
import type { CodeSource } from '../privileged/instruction.ts';
import type { GuestSpace } from './guest-space.ts';
import type { MemoryReservation } from './memory-reservation.ts';

/** An exception that has stopped the guest. */
export interface GuestFault {
  readonly vector: number;
  /** Undefined where the vector has none. */
  readonly error: number | undefined;
  /** Linear address of a page fault. */
  readonly address: bigint;
}

/** A fault of which the guest does not hear: an entry of the shadow was missing, a table was written to, a page of the LDT used. */
export type ServedFault = 'filled' | 'table' | 'ldt';

export interface ParaMemory extends AddressSpaces {
  readonly space: GuestSpace & InspectedSpace;
  /** The same as user code sees it. */
  readonly userSpace: GuestSpace & InspectedSpace;
  /** The domain's memory by pseudo-physical address. */
  readonly ram: PhysicalMemory;
  /** What an instruction that the VMM emulates reads and writes where it is watched. */
  readonly emulated: EmulatedMemory;
  /** Frames of the machine by pfn, at the beginning. */
  readonly frames: readonly number[];
  /** The machine's frame of the shared info page, unless the domain has it among its own. */
  readonly sharedInfo: number | undefined;
  /** What it offers: a submap of XENFEAT_ bits. */
  readonly features: number;
  /** The calls that are about page tables and descriptors. */
  readonly calls: HypercallTable;
  /** The frames that it has, for memory_op; undefined: it sees no machine. */
  readonly reservation: MemoryReservation;
  readonly machineToPhys: MachineToPhysList | undefined;
  /** What there is to count. */
  readonly direct: DirectCounters | undefined;
  readonly shadow: Shadow | undefined;
  /** The pseudo-physical number of what the guest calls `frame`, by the M2P; undefined if it is not the guest's. */
  pfnOf(frame: number): number | undefined;
  /** What the VMM writes into Xen's slots of the guest's own L4 tables, where these are what the processor walks. */
  readonly slotEntries: readonly bigint[];
  /** The machine's frame of what the guest calls `frame`, one of its own. */
  machineFrame(frame: number): number;
  /**
   * HPA of the page that the guest calls `frame`, which from now on counts as writable for good; undefined if it is not
   * the guest's or has another use.
   */
  shareFrame(frame: bigint): number | undefined;
  /** The root of the kernel, as the guest calls it. */
  readonly kernelRoot: number;
  /** As MMUEXT_NEW_BASEPTR; `again`: a slice of it is done. */
  setKernelRoot(frame: number): 'done' | 'again' | 'refused';
  /** Fills the page that the guest calls `frame`, which may not be a table: 0 or an error number. */
  writePage(frame: number, data: Uint8Array): number;
  /**
   * The kernel begins on the tables at `root`; the frames `shared`, which the VMM writes to as well, can never be tables. All
   * are named as the guest calls them. An error number if the tables are not valid.
   */
  start(root: number, shared: readonly number[]): number;
  /** The guest has asked for an assistance (VMASST_TYPE_), or wants it no more. */
  assistChanged(type: number, isEnabled: boolean): void;
  /** Called before the processor runs. */
  prepare(): void;
  /** The address of a page fault as the guest is to see it: of its LDT, where that is what the processor has looked for. */
  addressOf(fault: GuestFault): bigint;
  /** The error code of a page fault as the guest's tables have it, whoever runs. */
  errorOf(fault: GuestFault): number;
  /** Serves a fault of `code` of which the guest is not to hear; undefined if what the processor has stopped for, then, is the guest's. */
  serve(fault: GuestFault, code: CodeSource): ServedFault | undefined;
  /** The VMM is about to load this selector: faults cannot be served then. */
  useSelector(selector: number): void;
}
