/**
 * VMCS regions in machine memory, and the one that is current, whose copy in linear memory (VMCS) is what everything
 * else reads and writes (SDM 3C 25.1 Overview, 25.2 Format of the VMCS Region, 25.11 Software Use of the VMCS).
 *
 * A region is laid out as the copy. What software writes to that of a current VMCS is lost; a region may hold
 * anything, so fields that are narrower than their place are cut when it is read.
 */

import { VMCS_REVISION_IDENTIFIER } from '../gen/vmx-capabilities';
import { FIELD_GROUPS, VMCS_LAUNCH_STATE, VMCS_REVISION, VMCS_USED_BYTES } from '../gen/vmx-fields';
import { CURRENT_VMCS, VMCS } from '../layout';
import { PHYSICAL_BITS } from '../mmu/entry';
import { Physical } from '../mmu/physical';
import { FieldWidth } from './field';
import { NO_ADDRESS } from './operation';

/** Values of VMCS_LAUNCH_STATE. */
export enum LaunchState {
  Clear = 0,
  Launched = 1,
}

const TYPES: u32 = 4;
const GROUP_BYTES: u32 = 8;

export class Region {
  /** A region may be there: it is aligned to 4 KiB and lies within the physical-address width. */
  static isAddress(address: u64): bool {
    return (address & 0xfff) == 0 && address >> PHYSICAL_BITS == 0;
  }
  /** It begins with the revision identifier of this processor, and is no shadow VMCS. */
  static isOurs(address: u64): bool {
    return Physical.read(address, 4) == <u64>VMCS_REVISION_IDENTIFIER;
  }

  /** The VMCS at `address` becomes the current one. */
  static load(address: u64): void {
    Region.writeBack();
    for (let at: usize = 0; at < VMCS_USED_BYTES; at += 8) {
      store<u64>(VMCS + at, Physical.read(address + <u64>at, 8));
    }
    for (let type: u32 = 0; type < TYPES; type++) {
      Region.cut(FieldWidth.Bits16 * TYPES + type, 0xffff);
      Region.cut(FieldWidth.Bits32 * TYPES + type, 0xffffffff);
    }
    store<u64>(CURRENT_VMCS, address);
  }
  /** Of the fields of a group, only the bits in `mask` stay. */
  static cut(group: u32, mask: u64): void {
    const entry = FIELD_GROUPS + <usize>(group * GROUP_BYTES);
    const first: usize = load<u32>(entry, 4);
    const end = first + ((<usize>popcnt<u32>(load<u32>(entry))) << 3);
    for (let at = first; at < end; at += 8) store<u64>(at, load<u64>(at) & mask);
  }

  /** Writes the current VMCS, if there is one, to its region. */
  static writeBack(): void {
    const address = load<u64>(CURRENT_VMCS);
    if (address == NO_ADDRESS) return;
    for (let at: usize = 0; at < VMCS_USED_BYTES; at += 8) {
      Physical.write(address + <u64>at, 8, load<u64>(VMCS + at));
    }
  }

  /** The VMCS at `address` is not launched, and not current if it was. */
  static clear(address: u64): void {
    if (address == load<u64>(CURRENT_VMCS)) {
      store<u32>(VMCS_LAUNCH_STATE, LaunchState.Clear);
      Region.writeBack();
      store<u64>(CURRENT_VMCS, NO_ADDRESS);
    } else {
      Physical.write(address + <u64>(VMCS_LAUNCH_STATE - VMCS_REVISION), 4, LaunchState.Clear);
    }
  }
}
