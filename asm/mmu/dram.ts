/**
 * Machine memory as DRAM: the host counts how often its rows are activated (src/machine/dram). An access gets to DRAM
 * if its page is uncacheable, or if it is the first one to its line after CLFLUSH. So uncacheable pages, and frames that
 * lines were flushed of, are accessed as devices are, under an alias of the HPA, and the host is told. Page walks and
 * fetches are taken to hit the caches.
 */

import { lineFlushed } from '../host';
import {
  BY_EPT,
  DRAM,
  DRAM_ALIAS,
  DRAM_UNCACHED,
  FRAME_FLAGS,
  FRAME_FLUSHED,
  GUEST_MAP,
  PAT,
  WALK_LEAF,
  WALK_SHIFT,
} from '../layout';
import { Ept } from './ept';
import { Physical } from './physical';
import { Tlb } from './tlb';

const PTE_PWT: u32 = 1 << 3;
const PTE_PCD: u32 = 1 << 4;
/** PAT in an entry that maps a page of 4 KiB, and of a larger one. */
const PTE_PAT: u32 = 1 << 7;
const PTE_PAT_LARGE: u32 = 1 << 12;

/** Memory types in IA32_PAT (SDM 3A table 12-10): those that are not cached. */
const UC: u64 = 0;
const WC: u64 = 1;
const UC_MINUS: u64 = 7;

export class Dram {
  /** Where an access to the page that the walker has just found goes; `hpa` is in it. */
  @inline static route(hpa: u64): u64 {
    return load<u32>(DRAM) == 0 ? hpa : Dram.routed(hpa);
  }

  static routed(hpa: u64): u64 {
    if (!Physical.isRam(hpa)) return hpa;
    if (Dram.isUncacheable()) return DRAM_ALIAS | DRAM_UNCACHED | hpa;
    return load<u8>(FRAME_FLAGS + <usize>(hpa >> 12)) & FRAME_FLUSHED ? DRAM_ALIAS | hpa : hpa;
  }

  /**
   * The memory type of the page that the walker has found (SDM 3A 12.12.3). MTRRs and CR0.CD do not take part; what a VM's
   * own tables say does not count, since those of its VMM make all of its memory cacheable. EPT may overrule PAT (SDM 3C
   * 29.3.7.2).
   */
  static isUncacheable(): bool {
    if (load<u32>(GUEST_MAP) > BY_EPT) return false;
    const byEpt = load<u32>(GUEST_MAP) == BY_EPT ? Ept.memoryType() : -1;
    if (byEpt >= 0) return byEpt <= <i32>WC;
    const leaf = load<u32>(WALK_LEAF);
    const pat = load<u32>(WALK_SHIFT) > 12 ? PTE_PAT_LARGE : PTE_PAT;
    const number = (leaf & PTE_PWT ? 1 : 0) | (leaf & PTE_PCD ? 2 : 0) | (leaf & pat ? 4 : 0);
    const type = (load<u64>(PAT) >> <u64>(number << 3)) & 7;
    return type == UC || type == WC || type == UC_MINUS;
  }

  /** CLFLUSH of the line at `address`: an HPA as Memory.translate gives it. */
  static flush(address: u64): void {
    const hpa = address & ~(DRAM_ALIAS | DRAM_UNCACHED);
    if (!Physical.isRam(hpa)) return;
    const frame = <u32>(hpa >> 12);
    const flags = load<u8>(FRAME_FLAGS + frame);
    if (!(flags & FRAME_FLUSHED)) {
      store<u8>(FRAME_FLAGS + frame, flags | FRAME_FLUSHED);
      Tlb.dropData(frame);
    }
    lineFlushed(<u32>hpa);
  }

  /** All lines of `frame` are in the caches again: accesses need not go to the host. */
  static cached(frame: u32): void {
    store<u8>(FRAME_FLAGS + frame, load<u8>(FRAME_FLAGS + frame) & ~FRAME_FLUSHED);
    Tlb.dropNumber(<u32>(DRAM_ALIAS >> 12) | frame);
  }
}
