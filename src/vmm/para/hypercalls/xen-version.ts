/**
 * HYPERVISOR_xen_version: what the hypervisor says of itself, by the ABI of Xen 4.17. As there, a domain without
 * privileges is not told the hypervisor's command line, nor the number of its build.
 */

import { HYPERVISOR_VIRT_START } from '../../../xen/address-space.ts';
import { ERRNO } from '../../../xen/errno.ts';
import { XENFEAT_NR_SUBMAPS } from '../../../xen/features.ts';
import { bytes, type Field } from '../../../xen/structure.ts';
import {
  XEN_CAPABILITIES_INFO_LEN,
  XEN_CHANGESET_INFO_LEN,
  XEN_COMPILE_INFO,
  XEN_EXTRAVERSION_LEN,
  XEN_FEATURE_INFO,
  XEN_PLATFORM_PARAMETERS,
  XENVER,
} from '../../../xen/version.ts';
import { PAGE_SIZE } from '../../frames.ts';
import { type HypercallTable, u32Of } from '../hypercall.ts';
import { type GuestSpace, readAt, writeAt } from '../memory/guest-space.ts';

const MAJOR = 4;
const MINOR = 17;
/** As XENVER_version tells it. */
export const XEN_VERSION = (MAJOR << 16) | MINOR;
const EXTRAVERSION = '.0-trapline';
const CAPABILITIES = 'xen-3.0-x86_64';
const CHANGESET = 'unavailable';
const COMPILER = 'trapline';
const DENIED = '<denied>';

/** Bytes of a domain's handle, a UUID. */
export const HANDLE_BYTES = 16;

export interface VersionDeps {
  readonly space: GuestSpace;
  /** A submap of XENFEAT_ bits. */
  readonly features: number;
  /** handle[HANDLE_BYTES]: what the domain is called outside. */
  readonly handle: Uint8Array;
}

export function versionCalls(deps: VersionDeps): HypercallTable {
  return { xen_version: ([command, arg]) => xenVersion(deps, u32Of(command), arg) };
}

function xenVersion(deps: VersionDeps, command: number, arg: bigint): number {
  const give = <W>(type: Field<unknown, W>, value: W): number =>
    writeAt(deps.space, type, arg, value) ? 0 : -ERRNO.EFAULT;
  const giveText = (text: string, size: number): number => give(bytes(size), encode(text));
  switch (command) {
    case XENVER.version:
      return XEN_VERSION;
    case XENVER.extraversion:
      return giveText(EXTRAVERSION, XEN_EXTRAVERSION_LEN);
    case XENVER.compile_info:
      return give(XEN_COMPILE_INFO, { compiler: encode(COMPILER) });
    case XENVER.capabilities:
      return giveText(CAPABILITIES, XEN_CAPABILITIES_INFO_LEN);
    case XENVER.changeset:
      return giveText(CHANGESET, XEN_CHANGESET_INFO_LEN);
    case XENVER.platform_parameters:
      return give(XEN_PLATFORM_PARAMETERS, { virt_start: HYPERVISOR_VIRT_START });
    case XENVER.get_features:
      return getFeatures(deps, arg);
    case XENVER.pagesize:
      return arg === 0n ? PAGE_SIZE : -ERRNO.EINVAL;
    case XENVER.guest_handle:
      return give(bytes(HANDLE_BYTES), deps.handle);
    case XENVER.commandline:
      return giveText(DENIED, DENIED.length + 1);
    case XENVER.build_id:
      return -ERRNO.EPERM;
    default:
      return -ERRNO.ENOSYS;
  }
}

function getFeatures({ space, features }: VersionDeps, arg: bigint): number {
  const info = readAt(space, XEN_FEATURE_INFO, arg);
  if (info === undefined) return -ERRNO.EFAULT;
  if (info.submap_idx >= XENFEAT_NR_SUBMAPS) return -ERRNO.EINVAL;
  return writeAt(space, XEN_FEATURE_INFO, arg, { ...info, submap: features }) ? 0 : -ERRNO.EFAULT;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
