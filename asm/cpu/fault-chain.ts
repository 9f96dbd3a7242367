/**
 * The fault chain: what was raised and could not be delivered, so that a double or triple fault can be
 * explained. It starts anew with every event that is to be delivered and holds that event, then each
 * exception met on the way to a handler. Of a longer chain the last FAULT_RECORDS stay.
 *
 * FAULT_COUNT u32 records at FAULTS, FAULT_BYTES each:
 *    0 u8  vector
 *    1 u8  1 if an error code belongs to it
 *    2 u8  EventKind
 *    3 u8  1:0 CPL when raised; 6 the stack pointer of 72 was read; 7 the processor answered it with a double
 *          fault, whose handler is called next
 *    4 u32 error code
 *    8 u64 RIP that is saved
 *   16 u64 RSP when raised
 *   24 u64 linear address of a #PF, else 0
 *   32 u16 reason (src/base/why.ts)
 *   34 u16 offset in the TSS of the stack pointer that was being used; 0 none, and 64 and 72 mean nothing
 *   36 u16 CS selector when raised
 *   38 u8  level of the paging-structure entry: 1 PTE .. 4 PML4E, 0 none
 *   39 u8  PagingMode in which it was read
 *   40 u64 address of the entry that was read: GVA of a descriptor, gate, TSS field or branch target, HPA of
 *          a paging-structure entry, number of a PDPTE register; 0 none
 *   48 u64 the entry, 56 u64 its upper half; the value that was refused, where no table held it
 *   64 u64 GVA of the field in the TSS, 72 u64 the stack pointer in it
 */

import { Why } from '../gen/why';
import {
  CPL,
  EVENT_ADDRESS,
  EVENT_ERROR,
  EVENT_HAS_ERROR,
  EVENT_KIND,
  EVENT_VECTOR,
  FAULT_BYTES,
  FAULT_COUNT,
  FAULT_RECORDS,
  FAULTS,
  REGS,
  RIP,
  SEG_BYTES,
  SEG_SELECTOR,
  SEGS,
  WHY,
  WHY_ADDRESS,
  WHY_HIGH,
  WHY_LEVEL,
  WHY_LOW,
  WHY_STACK,
  WHY_STACK_ADDRESS,
  WHY_STACK_POINTER,
  WHY_STACK_READ,
} from '../layout';
import { SEGMENT_CS } from '../mmu/memory';
import { Vector } from './event';

const STACK_READ: u32 = 0x40;
const DOUBLE_FAULT: u32 = 0x80;
const RSP: usize = 4 << 3;

export class FaultChain {
  @inline static clear(): void {
    store<u32>(FAULT_COUNT, 0);
    store<u32>(WHY, Why.None);
  }
  /** Starts with the event in the event block. */
  @inline static begin(): void {
    store<u32>(FAULT_COUNT, 0);
    FaultChain.append();
  }
  @inline static isEmpty(): bool {
    return load<u32>(FAULT_COUNT) == 0;
  }

  /** Appends the event in the event block with the reason in the why-block, which is taken. */
  static append(): void {
    const record = FaultChain.add(load<u32>(EVENT_VECTOR), load<u32>(EVENT_KIND));
    store<u8>(record, load<u8>(EVENT_HAS_ERROR), 1);
    store<u32>(record, load<u32>(EVENT_ERROR), 4);
    if (load<u32>(EVENT_VECTOR) == Vector.PF) store<u64>(record, load<u64>(EVENT_ADDRESS), 24);
    const why = load<u32>(WHY);
    if (why == Why.None) return;
    store<u16>(record, <u16>why, 32);
    store<u16>(record, load<u16>(WHY_LEVEL), 38);
    store<u64>(record, load<u64>(WHY_ADDRESS), 40);
    store<u64>(record, load<u64>(WHY_LOW), 48);
    store<u64>(record, load<u64>(WHY_HIGH), 56);
    store<u32>(WHY, Why.None);
    if (load<u32>(WHY_STACK) != 0) FaultChain.takeStack(record);
  }

  /** Appends an event that has no error code, address or reason; returns its record. */
  static add(vector: u32, kind: u32): usize {
    const record = FaultChain.next();
    memory.fill(record, 0, FAULT_BYTES);
    store<u8>(record, <u8>vector);
    store<u8>(record, <u8>kind, 2);
    store<u8>(record, load<u8>(CPL), 3);
    store<u64>(record, load<u64>(RIP), 8);
    store<u64>(record, load<u64>(REGS + RSP), 16);
    store<u16>(record, load<u16>(SEGS + SEGMENT_CS * SEG_BYTES, SEG_SELECTOR), 36);
    return record;
  }

  /** Completes a record about a stack that the TSS gave. */
  static takeStack(record: usize): void {
    if (load<u32>(WHY_STACK_READ) != 0)
      store<u8>(record, <u8>(load<u8>(record, 3) | STACK_READ), 3);
    store<u16>(record, load<u16>(WHY_STACK), 34);
    store<u64>(record, load<u64>(WHY_STACK_ADDRESS), 64);
    store<u64>(record, load<u64>(WHY_STACK_POINTER), 72);
    store<u32>(WHY_STACK, 0);
  }

  /** The last record turned into a double fault. */
  static markDouble(): void {
    const record = FAULTS + (load<u32>(FAULT_COUNT) - 1) * FAULT_BYTES;
    store<u8>(record, <u8>(load<u8>(record, 3) | DOUBLE_FAULT), 3);
  }

  static next(): usize {
    const count = load<u32>(FAULT_COUNT);
    if (count < FAULT_RECORDS) {
      store<u32>(FAULT_COUNT, count + 1);
      return FAULTS + count * FAULT_BYTES;
    }
    memory.copy(FAULTS, FAULTS + FAULT_BYTES, (FAULT_RECORDS - 1) * FAULT_BYTES);
    return FAULTS + (FAULT_RECORDS - 1) * FAULT_BYTES;
  }
}
