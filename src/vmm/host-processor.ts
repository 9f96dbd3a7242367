/**
 * The host's processor, set for one view: runs the guest directly, at CPL 3, under the VMM's page tables and descriptor tables, until
 * an event stops it. The VMM chooses CR0, CR4, EFER and the tables, and resumes only as an IRET could: with general
 * registers, RIP, RFLAGS, selectors, and FS and GS base.
 *
 * While its VM is current the block of this processor lies beside that of the virtual one, and the two are
 * exchanged around a run.
 */

import {
  CpuView,
  LDT_ACCESS,
  LOADABLE_SEGMENTS,
  TSS_ACCESS,
  UNUSABLE,
} from '../machine/cpu-view.ts';
import type { ExitReason } from '../machine/processor.ts';
import type { DescriptorViews } from './descriptor-views.ts';
import { PAGE_SIZE } from './frames.ts';
import {
  FLAT_STACK,
  gdtOffset,
  HOST_LDT,
  HOST_TSS,
  IDT_OFFSET,
  ldtOffset,
  structuresBase,
  TABLE_BYTES,
  TSS_OFFSET,
} from './host-structures.ts';
import type { Pcids } from './pcids.ts';
import { pageAt } from './shadow/guest-walk.ts';
import type { Shadow, ShadowRoot } from './shadow/shadow.ts';
import { ANYWHERE, type ViewName } from './shadow/shadow-page.ts';
import type { Vcpu } from './vcpu.ts';

const CR0_PE_ET_NE_WP_PG = 0x8001_0031n;
const CR0_AM = 1 << 18;
const CR4_TSD = 1n << 2n;
const CR4_PAE = 1n << 5n;
const CR4_UMIP = 1n << 11n;
const CR4_FSGSBASE = 1 << 16;
const CR4_PCIDE = 1n << 17n;
const CR4_PKE = 1n << 22n;
const EFER_LME_LMA_NXE = 0xd00n;
/** MSR_MISC_FEATURES_ENABLES. */
const CPUID_FAULTING = 1;

const DR6_BS = 1 << 14;
const DR6_NONE = 0xffff_0ff0n;

/** What the host's control registers and tables depend on. */
interface Prepared {
  readonly root: ShadowRoot | undefined;
  readonly slot: number;
  readonly am: boolean;
  readonly hasBases: boolean;
  readonly ldtBytes: number;
  /** Of the PCIDs. */
  readonly generation: number;
}

const NOTHING: Prepared = {
  root: undefined,
  slot: 0,
  am: false,
  hasBases: false,
  ldtBytes: 0,
  generation: 0,
};

export class HostProcessor {
  /** The event that stopped the last run of any host's processor: its vector and error code. */
  readonly vector: () => number;
  readonly error: () => number;
  readonly #vcpu: Vcpu;
  readonly #view: ViewName;
  readonly #descriptors: DescriptorViews;
  readonly #pkru: number;
  readonly #cr0: () => number;
  readonly #cr4: () => number;
  /** The block beside the processor's. */
  readonly #place: number;
  readonly #beside: CpuView;
  readonly #cr2Low: () => number;
  readonly #cr2High: () => number;
  readonly #pcids: Pcids;
  #mustFlush = false;
  /** What the host's registers are set for. */
  #prepared = NOTHING;
  /** Version of the descriptor tables that its segment registers were loaded from; undefined: from none of these. */
  #loadedFrom: number | undefined;

  /** `place` is the room for its block in linear memory; `pkru` is 0 where protection keys are not used. */
  constructor(
    vcpu: Vcpu,
    view: ViewName,
    descriptors: DescriptorViews,
    place: number,
    pcids: Pcids,
    pkru: number,
  ) {
    const own = vcpu.view;
    const from = own.layout('PROCESSOR');
    this.#vcpu = vcpu;
    this.#view = view;
    this.#pkru = pkru;
    this.#cr0 = own.reader('CR0');
    this.#cr4 = own.reader('CR4');
    this.#descriptors = descriptors;
    this.#place = place;
    this.#pcids = pcids;
    this.#beside = new CpuView(own.layout, own.data.buffer as ArrayBuffer, place - from);
    this.#cr2Low = this.#beside.reader('CR2');
    this.#cr2High = this.#beside.reader('CR2', 4);
    this.vector = own.reader('EVENT_VECTOR');
    this.error = own.reader('EVENT_ERROR');
  }

  /** Sets what stays: to be called when the virtual processor has been reset. */
  initialize(): void {
    const { layout, data } = this.#vcpu.view;
    const block = layout('PROCESSOR');
    const bytes = new Uint8Array(data.buffer);
    bytes.copyWithin(this.#place, block, block + layout('PROCESSOR_BYTES'));
    const host = this.#beside;
    host.setU32('GUEST_MAP', 0);
    host.setU32('HOSTED', 1);
    host.setU64('EFER', EFER_LME_LMA_NXE);
    host.setU32('PAGING_MODE', 4);
    host.setU32('IDTR_LIMIT', PAGE_SIZE - 1);
    host.setU32('GDTR_LIMIT', 0xffff);
    host.setU64('DR6', DR6_NONE);
    host.setU64('DR7', 0x400n);
    host.setU64('SYSENTER_CS', 0n);
    host.setU32('MISC_FEATURES', this.#has('cpuid_fault') ? CPUID_FAULTING : 0);
    host.setU32('PKRU', this.#pkru);
    host.setU64('APIC_PAGE', 0xffff_ffff_ffff_ffffn);
    this.#mustFlush = true;
  }

  /** Runs the guest for at most `fuel` instructions in `root` of `shadow`. */
  run(fuel: number, root: ShadowRoot, shadow: Shadow): ExitReason | 'refused' {
    this.#prepare(root);
    const stale = shadow.takeStale();
    const flush = this.#pcids.takeStale() || this.#mustFlush ? ANYWHERE : stale;
    this.#mustFlush = false;
    const reload = this.#loadedFrom !== this.#descriptors.version;
    this.#loadedFrom = this.#descriptors.version;
    const { processor } = this.#vcpu;
    const { reason, loaded } = processor.direct(this.#place, fuel, FLAT_STACK, flush, reload);
    if (loaded !== 0) this.#takeSegments(loaded);
    return reason;
  }

  /** True once if the last #DB was a single-step trap. */
  takeSingleStep(): boolean {
    const isStep = (this.#beside.u32('DR6') & DR6_BS) !== 0;
    this.#beside.setU64('DR6', DR6_NONE);
    return isStep;
  }

  /** Linear address of the last #PF. */
  address(): bigint {
    return this.#beside.u64('CR2');
  }

  /** The page that it lies in. */
  page(): number {
    return pageAt(this.#cr2Low(), this.#cr2High());
  }

  /** The machine has `feature`, so that more instructions can be made to trap. */
  #has(feature: string): boolean {
    return this.#vcpu.processor.features.has(feature);
  }

  /** Control registers and tables for a run in `root`. */
  #prepare(root: ShadowRoot): void {
    const am = this.#view === 'user' && (this.#cr0() & CR0_AM) !== 0;
    const hasBases = (this.#cr4() & CR4_FSGSBASE) !== 0;
    const { ldtBytes } = this.#descriptors;
    const key = this.#prepared;
    const isSame =
      key.root === root &&
      key.slot === root.slot &&
      key.am === am &&
      key.hasBases === hasBases &&
      key.ldtBytes === ldtBytes &&
      key.generation === this.#pcids.generation;
    if (isSame) return;
    const { page, slot } = root;
    const pcid = this.#pcids.of(root);
    const { generation } = this.#pcids;
    this.#prepared = { root, slot, am, hasBases, ldtBytes, generation };
    this.#loadedFrom = undefined;
    const host = this.#beside;
    const base = structuresBase(slot);
    host.setU64('CR0', CR0_PE_ET_NE_WP_PG | BigInt(am ? CR0_AM : 0));
    const keys = this.#pkru === 0 ? 0n : CR4_PKE;
    const bases = BigInt(hasBases ? CR4_FSGSBASE : 0);
    const umip = this.#has('umip') ? CR4_UMIP : 0n;
    host.setU64('CR4', CR4_PAE | CR4_PCIDE | CR4_TSD | umip | keys | bases);
    host.setU64('CR3', (BigInt(page.frame) << 12n) | BigInt(pcid));
    host.setU64('IDTR_BASE', base + BigInt(IDT_OFFSET));
    host.setU64('GDTR_BASE', base + BigInt(gdtOffset(this.#view)));
    const tss = { base: base + BigInt(TSS_OFFSET), limit: 0x67, access: TSS_ACCESS };
    host.setSegment('tr', { ...tss, selector: HOST_TSS });
    host.setSegment('ldtr', {
      base: base + BigInt(ldtOffset(this.#view)),
      limit: Math.max(Math.min(ldtBytes, TABLE_BYTES) - 1, 0),
      access: ldtBytes === 0 ? UNUSABLE : LDT_ACCESS,
      selector: ldtBytes === 0 ? 0 : HOST_LDT,
    });
  }

  /** Takes over the segment registers that the guest has loaded itself, from its own tables. */
  #takeSegments(loaded: number): void {
    const { processor, view, cpl } = this.#vcpu;
    LOADABLE_SEGMENTS.forEach((name, n) => {
      if ((loaded & (1 << n)) === 0) return;
      const { selector, base, access } = this.#beside.segment(name);
      if ((access & UNUSABLE) !== 0) {
        view.setSegment(name, { selector, base, limit: 0, access: UNUSABLE });
        return;
      }
      const own = name === 'cs' || name === 'ss' ? (selector & ~3) | cpl : selector;
      view.setSegment(name, this.#descriptors.segment(own));
    });
    processor.modeChanged();
  }
}
