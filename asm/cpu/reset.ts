/** State after power-up (SDM 3A table 9-1), and what must be redone when the host has changed state. */

import {
  APIC_BASE,
  APIC_PAGE,
  CACHES,
  CACHES_BYTES,
  CPUID_COUNT,
  CR0,
  DR6,
  DR7,
  DRAM,
  FEATURES,
  MISC_ENABLE,
  NESTED,
  NESTED_BYTES,
  PAT,
  PROCESSOR,
  RAM_BYTES,
  RANDOM,
  REGS,
  RFLAGS,
  RIP,
  SEG_ACCESS,
  SEG_BASE,
  SEG_BYTES,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEGS,
  TLB_END,
  TLB_READ,
} from '../layout';
import { CodePages } from '../mmu/code-pages';
import { Context } from '../mmu/context';
import { SEGMENT_CS, SEGMENT_LDTR, SEGMENT_TR } from '../mmu/memory';
import { Nested } from '../mmu/nested';
import { Paging } from '../mmu/paging-mode';
import { Operation } from '../vmx/operation';
import { Mode } from './mode';

/** IA32_MISC_ENABLE: fast strings; no branch trace store, no precise event sampling (SDM 4 2.1). */
const MISC_ENABLE_RESET: u64 = 0x1801;

export class Reset {
  /** Puts the processor into its power-up state with empty caches. Features, RAM, DRAM, CPUID and seed stay. */
  static power(): void {
    const features = load<u64>(FEATURES);
    const ram = load<u64>(RAM_BYTES);
    const random = load<u64>(RANDOM);
    const dram = load<u32>(DRAM);
    CodePages.reset(); // while it still knows which frames hold code
    memory.fill(PROCESSOR, 0, CPUID_COUNT - PROCESSOR);
    memory.fill(NESTED, 0, NESTED_BYTES);
    memory.fill(CACHES, 0, CACHES_BYTES);
    Operation.reset();
    memory.fill(TLB_READ, 0, TLB_END - TLB_READ);
    CodePages.reset();
    store<u64>(FEATURES, features);
    store<u64>(RAM_BYTES, ram);
    store<u64>(RANDOM, random);
    store<u32>(DRAM, dram);
    store<u64>(RFLAGS, 2);
    store<u64>(RIP, 0xfff0);
    store<u64>(CR0, 0x60000010);
    store<u64>(DR6, 0xffff0ff0);
    store<u64>(DR7, 0x400);
    store<u64>(PAT, 0x0007040600070406);
    store<u64>(MISC_ENABLE, MISC_ENABLE_RESET);
    store<u64>(APIC_BASE, 0xfee00900);
    store<u64>(APIC_PAGE, 0xfee00000);
    store<u64>(REGS + 2 * 8, 0x000306c3); // RDX: signature, as CPUID.1:EAX
    for (let n: u32 = 0; n < 8; n++) Reset.segment(n);
    Reset.changed();
  }

  static segment(n: u32): void {
    const place = SEGS + n * SEG_BYTES;
    const system =
      n == SEGMENT_LDTR ? 0x82 : n == SEGMENT_TR ? 0x8b : n == SEGMENT_CS ? 0x9b : 0x93;
    store<u64>(place, n == SEGMENT_CS ? 0xffff0000 : 0, SEG_BASE);
    store<u32>(place, 0xffff, SEG_LIMIT);
    store<u32>(place, system, SEG_ACCESS);
    store<u16>(place, n == SEGMENT_CS ? 0xf000 : 0, SEG_SELECTOR);
  }

  /**
   * The host changed control registers, segments, flags or page tables: nothing cached stays valid. The PDPTE
   * registers are state of their own, which the host sets for PAE paging.
   */
  static changed(): void {
    Paging.update();
    Mode.update();
    Context.select();
    Nested.forgetAll();
    Context.flushAll();
  }
}
