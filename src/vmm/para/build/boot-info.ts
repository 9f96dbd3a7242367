/** What a new domain is told: the start info page, and what the shared info page says at first. */

import { SHARED_INFO, XEN_LEGACY_MAX_VCPUS } from '../../../xen/shared-info.ts';
import { MAX_GUEST_CMDLINE, START_INFO, START_INFO_MAGIC } from '../../../xen/start-info.ts';
import { PAGE_SHIFT, PAGE_SIZE } from '../../frames.ts';
import { DomainError } from './domain-error.ts';
import type { DomainLayout } from './domain-layout.ts';

/** Frames and event channels that the start info names. */
export interface SharedFrames {
  readonly sharedInfo: number;
  readonly store: number;
  readonly storeEvtchn: number;
  readonly console: number;
  readonly consoleEvtchn: number;
}

export interface BootArguments {
  readonly frameCount: number;
  readonly commandLine: string;
  readonly moduleBytes: number;
}

/** The start info page. */
export function startInfoPage(
  layout: DomainLayout,
  shared: SharedFrames,
  { frameCount, commandLine, moduleBytes }: BootArguments,
): Uint8Array {
  const { p2m, p2mTables, module, tables, region } = layout;
  const isP2mElsewhere = p2m.pfn >= region.pages;
  const page = new Uint8Array(PAGE_SIZE);
  START_INFO.write(viewOf(page), 0, {
    magic: new TextEncoder().encode(START_INFO_MAGIC),
    nr_pages: BigInt(frameCount),
    shared_info: BigInt(shared.sharedInfo) << BigInt(PAGE_SHIFT),
    store_mfn: BigInt(shared.store),
    store_evtchn: shared.storeEvtchn,
    console: { domU: { mfn: BigInt(shared.console), evtchn: shared.consoleEvtchn } },
    pt_base: tables.va,
    nr_pt_frames: BigInt(tables.pages),
    mfn_list: p2m.va,
    mod_start: moduleBytes === 0 ? 0n : module.va,
    mod_len: BigInt(moduleBytes),
    cmd_line: encodeCommandLine(commandLine),
    first_p2m_pfn: isP2mElsewhere ? BigInt(p2mTables.pfn) : 0n,
    nr_p2m_frames: isP2mElsewhere ? BigInt(p2mTables.pages + p2m.pages) : 0n,
  });
  return page;
}

/** The command line; throws a DomainError if there is no room for it and a zero behind it. */
function encodeCommandLine(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length < MAX_GUEST_CMDLINE) return bytes;
  const message = `the command line has ${bytes.length} bytes; a domain has room for ${MAX_GUEST_CMDLINE - 1}`;
  throw new DomainError('COMMAND_LINE', message);
}

/** The shared info page: no processor takes events until the guest lets it. */
export function sharedInfoPage(): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE);
  const vcpu = { evtchn_upcall_mask: 1 };
  SHARED_INFO.write(viewOf(page), 0, { vcpu_info: Array(XEN_LEGACY_MAX_VCPUS).fill(vcpu) });
  return page;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
