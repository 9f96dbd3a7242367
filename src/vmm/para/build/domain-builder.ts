/**
 * Builds a domain: the memory that a PV kernel finds at its beginning, and the state that it is entered in (xen.h). With
 * direct paging all frame numbers that the guest sees are the machine's; where it has the feature auto_translated_physmap
 * they are its own, and its list of frames says so.
 */

import { assert } from '../../../base/assert.ts';
import { featureMask, featureNames } from '../../../xen/features.ts';
import type { PvKernel } from '../../../xen/pv-kernel.ts';
import { FLAT } from '../../../xen/segments.ts';
import { PAGE_SHIFT, PAGE_SIZE } from '../../frames.ts';
import { type SharedFrames, sharedInfoPage, startInfoPage } from './boot-info.ts';
import { BootTables } from './boot-tables.ts';
import { DomainError } from './domain-error.ts';
import { type DomainLayout, type DomainPart, layOut } from './domain-layout.ts';
import { DomainMemory, type MachineFrames } from './domain-memory.ts';
import { hypercallPage } from './hypercall-page.ts';

const TRANSLATED = featureMask(['auto_translated_physmap']);
/** Linux requires this and does without: it asks what there is. Xen starts it all the same. */
const NOT_INSISTED_ON = featureMask(['writable_page_tables']);
const RFLAGS_IF = 0x202n;

export interface DomainRequest {
  readonly kernel: PvKernel;
  /** The domain's frames of the machine by pfn. */
  readonly frames: readonly number[];
  /** What the hypervisor offers this domain: a submap of XENFEAT_ bits. */
  readonly features: number;
  readonly commandLine?: string;
  readonly module?: Uint8Array;
  /** The machine's frame of the shared info page; a translated domain has it among its own. */
  readonly sharedInfo?: number;
  readonly storeEvtchn: number;
  readonly consoleEvtchn: number;
}

/** The state that the kernel is entered in; other general registers, FS and GS are 0. */
export interface DomainEntry {
  readonly rip: bigint;
  readonly rsp: bigint;
  /** Virtual address of the start info. */
  readonly rsi: bigint;
  readonly rflags: bigint;
  readonly cs: number;
  readonly ss: number;
  /** DS, ES, FS and GS. */
  readonly ds: number;
}

export interface BuiltDomain {
  readonly entry: DomainEntry;
  readonly layout: DomainLayout;
  /** As the guest names frames: of the root table, and of the pages that it shares with the hypervisor. */
  readonly root: number;
  readonly shared: SharedFrames;
}

/**
 * Fills the region that the kernel finds mapped; the domain's other frames stay as they are. Throws a DomainError before
 * anything is written.
 */
export function buildDomain(machine: MachineFrames, request: DomainRequest): BuiltDomain {
  const { kernel, frames, features, commandLine = '', module = new Uint8Array() } = request;
  checkFeatures(kernel, features);
  const isTranslated = (features & TRANSLATED) !== 0;
  const sizes = { frameCount: frames.length, moduleBytes: module.length };
  const layout = layOut({ kernel, ...sizes, hasSharedInfo: isTranslated });
  const frameOf = (pfn: number): number => (isTranslated ? pfn : (frames[pfn] ?? 0));
  const shared = sharedFrames(request, layout, frameOf, isTranslated);
  const startInfo = startInfoPage(layout, shared, { ...sizes, commandLine });

  const memory = new DomainMemory(machine, frames);
  memory.clear(layout.region);
  memory.clear(layout.p2m);
  loadKernel(memory, kernel);
  memory.writePage(layout.module.pfn, module);
  memory.writePage(layout.p2m.pfn, listOf(frames.length, frameOf));
  memory.writePage(layout.startInfo.pfn, startInfo);
  writeTables(memory, layout, frameOf);
  const infoHpa = isTranslated ? frames[layout.sharedInfo.pfn] : request.sharedInfo;
  machine.write((infoHpa ?? 0) * PAGE_SIZE, sharedInfoPage());
  return { entry: entryOf(kernel, layout), layout, root: frameOf(layout.tables.pfn), shared };
}

function checkFeatures({ requiredFeatures, supportedFeatures }: PvKernel, offered: number): void {
  const missing = requiredFeatures & ~offered & ~NOT_INSISTED_ON;
  if (missing !== 0) {
    const names = featureNames(missing).join(', ');
    throw new DomainError('FEATURE', `the kernel requires what there is not here: ${names}`);
  }
  if ((offered & TRANSLATED & ~supportedFeatures) === 0) return;
  const message = 'its frame numbers must be those of the machine (no auto_translated_physmap)';
  throw new DomainError('FEATURE', `the kernel runs with direct paging only: ${message}`);
}

function sharedFrames(
  { sharedInfo, storeEvtchn, consoleEvtchn }: DomainRequest,
  layout: DomainLayout,
  frameOf: (pfn: number) => number,
  isTranslated: boolean,
): SharedFrames {
  assert(isTranslated === (sharedInfo === undefined), 'whose the shared info page is');
  return {
    sharedInfo: sharedInfo ?? frameOf(layout.sharedInfo.pfn),
    store: frameOf(layout.store.pfn),
    storeEvtchn,
    console: frameOf(layout.console.pfn),
    consoleEvtchn,
  };
}

function loadKernel(memory: DomainMemory, kernel: PvKernel): void {
  const { segments, hypercallPage: page, virtBase } = kernel;
  for (const { address, bytes } of segments) memory.write(Number(address), bytes);
  if (page !== undefined) memory.write(Number(page - virtBase), hypercallPage());
}

/** The list of frames by pfn. */
function listOf(count: number, frameOf: (pfn: number) => number): Uint8Array {
  const list = BigUint64Array.from({ length: count }, (_, pfn) => BigInt(frameOf(pfn)));
  return new Uint8Array(list.buffer);
}

function writeTables(
  memory: DomainMemory,
  layout: DomainLayout,
  frameOf: (pfn: number) => number,
): void {
  const { region, tables, p2m, p2mTables } = layout;
  const boot = new BootTables([...pfnsOf(tables), ...pfnsOf(p2mTables)], frameOf);
  mapPart(boot, region, (pfn) => pfn < tables.pfn || pfn >= tables.pfn + tables.pages);
  if (p2m.pfn >= region.pages) mapPart(boot, p2m, () => true);
  for (const { pfn, entries } of boot.finish()) {
    memory.writePage(pfn, new Uint8Array(entries.buffer));
  }
}

function mapPart(
  tables: BootTables,
  { pfn, pages, va }: DomainPart,
  isWritable: (pfn: number) => boolean,
): void {
  for (let n = 0; n < pages; n++) {
    tables.map(va + (BigInt(n) << BigInt(PAGE_SHIFT)), pfn + n, isWritable(pfn + n));
  }
}

function pfnsOf({ pfn, pages }: { readonly pfn: number; readonly pages: number }): number[] {
  return Array.from({ length: pages }, (_, n) => pfn + n);
}

function entryOf({ entry }: PvKernel, { stack, startInfo }: DomainLayout): DomainEntry {
  return {
    rip: entry,
    rsp: stack.va + BigInt(PAGE_SIZE),
    rsi: startInfo.va,
    rflags: RFLAGS_IF,
    cs: FLAT.KERNEL_CS,
    ss: FLAT.KERNEL_SS,
    ds: FLAT.KERNEL_DS,
  };
}
