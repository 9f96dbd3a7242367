/**
 * Debug exceptions (SDM 3B 17.2 Debug Registers, 17.3 Debug Exceptions): breakpoints on execution, data
 * and ports, and the single-step trap.
 *
 * What an instruction triggers gathers in DEBUG_PENDING, in the bits of DR6; the run loop turns it into
 * #DB at the next boundary. Execution breakpoints and general detect are raised before the instruction.
 * DR6 and DR7.GD change when the #DB is delivered (Debug.report). With an enabled breakpoint DR6 also shows
 * those that match and are not enabled.
 */

import { CR4, DEBUG_PENDING, DR, DR6, DR7, EVENT_KIND, RFLAGS } from '../layout';
import { CR4_DE } from './control';
import { Event, EventKind, Vector } from './event';
import { RF } from './flags';

export const DR6_BREAKPOINTS: u32 = 15; // B0 .. B3
export const DR6_BD: u32 = 1 << 13; // access to a debug register with DR7.GD
export const DR6_BS: u32 = 1 << 14; // single step
export const DR7_GD: u32 = 1 << 13; // general detect
const DR7_ENABLES: u32 = 0xff; // L0 G0 .. L3 G3
/** In DEBUG_PENDING only: the instruction has settled the single-step trap itself. */
const STEP_SETTLED: u32 = 1 << 31;

/** DR7.R/W of a breakpoint. */
enum On {
  Execute = 0,
  Write = 1,
  Port = 2,
  Access = 3,
}

export class Debug {
  /** An access of `size` bytes at `gva` was made: notes the breakpoints that it hits in DEBUG_PENDING. */
  static data(gva: u64, size: u32, write: bool): void {
    if ((load<u32>(DR7) & DR7_ENABLES) == 0) return;
    let hits = Debug.matches(On.Access, gva, size);
    if (write) hits |= Debug.matches(On.Write, gva, size);
    if (Debug.isEnabled(hits)) Debug.pend(hits);
  }
  /** Port `port` was accessed with `size` bytes. */
  static port(port: u32, size: u32): void {
    if ((load<u32>(DR7) & DR7_ENABLES) == 0 || (load<u32>(CR4) & CR4_DE) == 0) return;
    const hits = Debug.matches(On.Port, port, size);
    if (Debug.isEnabled(hits)) Debug.pend(hits);
  }
  @inline static pend(bits: u32): void {
    store<u32>(DEBUG_PENDING, load<u32>(DEBUG_PENDING) | bits);
  }

  /** A breakpoint is enabled: instructions run one at a time, so that its trap comes behind the right one. */
  @inline static armed(): bool {
    return (load<u32>(DR7) & DR7_ENABLES) != 0;
  }
  /** Raises #DB and returns true if the instruction at `rip` has a breakpoint and RF does not hide it. */
  static instruction(rip: u64): bool {
    if ((load<u32>(DR7) & DR7_ENABLES) == 0 || (load<u32>(RFLAGS) & RF) != 0) return false;
    const hits = Debug.matches(On.Execute, rip, 1);
    if (!Debug.isEnabled(hits)) return false;
    Debug.pend(hits);
    Debug.trap();
    return true;
  }

  /** TF was set when the instruction that has just completed began. */
  static singleStep(): void {
    const pending = load<u32>(DEBUG_PENDING);
    store<u32>(DEBUG_PENDING, pending & STEP_SETTLED ? pending & ~STEP_SETTLED : pending | DR6_BS);
  }
  /** SYSCALL and SYSRET step by the TF that they load, not by the one that they began with. */
  static settleStep(before: bool, after: bool): void {
    if (before) store<u32>(DEBUG_PENDING, load<u32>(DEBUG_PENDING) | STEP_SETTLED);
    if (after) store<u32>(DEBUG_PENDING, load<u32>(DEBUG_PENDING) | DR6_BS);
  }

  /** Raises #DB for what is pending, after an instruction or before one with a breakpoint: RIP is saved as it is. */
  static trap(): void {
    Event.raise(Vector.DB, 0, false);
    store<u32>(EVENT_KIND, EventKind.Interrupt);
  }
  /** Raises #DB, a fault, for a debug register accessed while DR7.GD is set. */
  static generalDetect(): void {
    Debug.pend(DR6_BD);
    Event.raise(Vector.DB, 0, false);
  }

  /** What DR6 will tell of the #DB that is due. */
  static pending(): u32 {
    return load<u32>(DEBUG_PENDING) & ~STEP_SETTLED;
  }
  /** #DB is delivered: DR6 tells why, and the handler may use the debug registers. */
  static report(): void {
    const pending = Debug.pending();
    if (pending == 0) return;
    store<u64>(DR6, (load<u64>(DR6) & ~(<u64>DR6_BREAKPOINTS)) | <u64>pending);
    store<u64>(DR7, load<u64>(DR7) & ~(<u64>DR7_GD));
    store<u32>(DEBUG_PENDING, 0);
  }
  /** An event other than #DB is delivered: `kept` are the bits that still trap at its handler. */
  @inline static discard(kept: u32): void {
    store<u32>(DEBUG_PENDING, load<u32>(DEBUG_PENDING) & kept);
  }

  /** One of the breakpoints `hits` is enabled, locally or globally. */
  static isEnabled(hits: u32): bool {
    const dr7 = load<u32>(DR7);
    for (let n: u32 = 0; n < 4; n++) {
      if (((hits >> n) & 1) != 0 && ((dr7 >> (n << 1)) & 3) != 0) return true;
    }
    return false;
  }
  @inline static on(dr7: u32, n: u32): u32 {
    return (dr7 >> (16 + (n << 2))) & 3;
  }
  /** Bytes that breakpoint `n` covers. */
  @inline static length(dr7: u32, n: u32): u64 {
    const code = (dr7 >> (18 + (n << 2))) & 3;
    return code == 2 ? 8 : <u64>code + 1;
  }
  /** Breakpoints of kind `on`, enabled or not, that overlap `size` bytes at `address`, as bits B0 .. B3. */
  static matches(on: On, address: u64, size: u32): u32 {
    const dr7 = load<u32>(DR7);
    let hits: u32 = 0;
    for (let n: u32 = 0; n < 4; n++) {
      if (Debug.on(dr7, n) != on) continue;
      const length = Debug.length(dr7, n);
      const first = load<u64>(DR + ((<usize>n) << 3)) & ~(length - 1);
      if (address <= first + (length - 1) && first <= address + (size - 1)) hits |= 1 << n;
    }
    return hits;
  }
}
