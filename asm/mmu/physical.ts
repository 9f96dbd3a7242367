/**
 * Accesses by HPA: RAM, of which the host may hear, or a device through the host. Every write to RAM that does not go through the
 * write TLB comes here, drops decoded code that it overlaps and marks the frame dirty.
 */

import { memoryAccessed, memoryRead, memoryWrite } from '../host';
import {
  DRAM_ALIAS,
  DRAM_UNCACHED,
  FRAME_CODE_BIT,
  FRAME_DIRTY,
  FRAME_FLAGS,
  RAM,
  RAM_BYTES,
} from '../layout';
import { CodePages } from './code-pages';

export class Physical {
  @inline static isRam(hpa: u64): bool {
    return hpa < load<u64>(RAM_BYTES);
  }

  /** Reads `size` (1, 2, 4, 8) bytes within one page. */
  static read(hpa: u64, size: u32): u64 {
    if (!Physical.isRam(hpa)) return Physical.readDevice(hpa, size);
    const place = RAM + <usize>hpa;
    if (size == 8) return load<u64>(place);
    if (size == 4) return <u64>load<u32>(place);
    return size == 2 ? <u64>load<u16>(place) : <u64>load<u8>(place);
  }

  /** Writes `size` (1, 2, 4, 8) bytes within one page. */
  static write(hpa: u64, size: u32, value: u64): void {
    if (!Physical.isRam(hpa)) {
      Physical.writeDevice(hpa, size, value);
      return;
    }
    Physical.changed(hpa, size);
    const place = RAM + <usize>hpa;
    if (size == 8) store<u64>(place, value);
    else if (size == 4) store<u32>(place, <u32>value);
    else if (size == 2) store<u16>(place, <u16>value);
    else store<u8>(place, <u8>value);
  }

  /** `length` bytes of RAM within one page at `hpa` are about to change, or have just been changed. */
  static changed(hpa: u64, length: u32): void {
    const place = FRAME_FLAGS + <usize>(hpa >> 12);
    const flags = load<u8>(place);
    store<u8>(place, flags | FRAME_DIRTY);
    if (flags & FRAME_CODE_BIT) CodePages.written(<u32>hpa, length);
  }

  /** Decoded instructions overlap `size` bytes at `hpa` in RAM (the part in its page). */
  static holdsCode(hpa: u64, size: u32): bool {
    return CodePages.holds(<u32>hpa, size);
  }

  static readDevice(hpa: u64, size: u32): u64 {
    if (hpa & DRAM_ALIAS) return Physical.read(Physical.fromDram(hpa, size), size);
    const high = <u32>(hpa >> 32);
    const low = <u32>hpa;
    if (size < 8) return <u64>memoryRead(high, low, size);
    return <u64>memoryRead(high, low, 4) | ((<u64>memoryRead(high, low + 4, 4)) << 32);
  }

  static writeDevice(hpa: u64, size: u32, value: u64): void {
    if (hpa & DRAM_ALIAS) {
      Physical.write(Physical.fromDram(hpa, size), size, value);
      return;
    }
    const high = <u32>(hpa >> 32);
    const low = <u32>hpa;
    if (size < 8) {
      memoryWrite(high, low, size, <u32>value);
      return;
    }
    memoryWrite(high, low, 4, <u32>value);
    memoryWrite(high, low + 4, 4, <u32>(value >> 32));
  }

  /** Tells the host of an access under an alias (dram.ts); returns the HPA without it. */
  static fromDram(alias: u64, size: u32): u64 {
    memoryAccessed(<u32>alias, size, (alias & DRAM_UNCACHED) != 0);
    return <u64>(<u32>alias);
  }
}
