/** How a VM is made. */

import { checkRam, DEFAULT_RAM } from '../machine/machine.ts';
import type { ExitSink, HostTime } from './exits/exit-record.ts';
import { PAGE_SIZE } from './frames.ts';
import { FULL_TECHNIQUES, type FullTechnique } from './monitor.ts';
import type { PatchJumps } from './patch/code-copy.ts';
import type { ShadowFill, ShadowSync } from './shadow/shadow.ts';

/** How the guest's code is run: all but `para` run kernels that know of no VMM. */
export const CPU_TECHNIQUES = [...FULL_TECHNIQUES, 'para'] as const;
export type CpuTechnique = (typeof CPU_TECHNIQUES)[number];

/** How the guest's memory is virtualized. */
export const MEMORY_TECHNIQUES = ['shadow', 'direct'] as const;
export type MemoryTechnique = (typeof MEMORY_TECHNIQUES)[number];

/** What all VMs have. */
interface CommonVmOptions {
  /** What exits are told to be of; else vm0, vm1 and so on. */
  readonly name?: string;
  readonly ramBytes?: number;
  readonly features?: ReadonlySet<string>;
  readonly seed?: bigint;
  /** As of a machine. */
  readonly maxInstructions?: number;
  readonly shadowFill?: ShadowFill;
  readonly shadowSync?: ShadowSync;
  /** Most shadow pages that there are at a time; those of one address space must fit, or it is slow. */
  readonly shadowPages?: number;
  /** Hears of every exit; with the host's time for how long it took. */
  readonly exits?: { readonly sink: ExitSink; readonly now: HostTime };
}

export interface FullVmOptions extends CommonVmOptions {
  readonly cpu: FullTechnique;
  /** Under the technique `patch`. */
  readonly patchJumps?: PatchJumps;
}

export interface ParaVmOptions extends CommonVmOptions {
  readonly cpu: 'para';
  /** By default `direct`. */
  readonly memory?: MemoryTechnique;
  /**
   * Entries of page tables that are done before interrupts get a chance (direct/slice.ts): so many that no call is cut, for a
   * comparison with a technique for which the same call is less work.
   */
  readonly sliceEntries?: number;
}

export type VmOptions = FullVmOptions | ParaVmOptions;

const SHADOW_SHARE = 1 / 16;
const SHADOW_PAGES = 256;

/** Frames of the guest's memory. */
export const ramFrames = ({ ramBytes = DEFAULT_RAM }: CommonVmOptions): number =>
  checkRam(ramBytes) / PAGE_SIZE;

/** How many shadow pages there may be. */
export const shadowPagesOf = (options: CommonVmOptions): number =>
  options.shadowPages ?? Math.max(SHADOW_PAGES, Math.ceil(ramFrames(options) * SHADOW_SHARE));
