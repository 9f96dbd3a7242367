/** sgdt, sidt, sldt, str, lgdt, lidt, lldt, ltr (SDM 2A-2B). */

import {
  ACCESS_BUSY,
  ACCESS_P,
  Descriptor,
  SELECTOR_TI,
  SystemType,
  Table,
} from '../cpu/descriptor';
import { Event, Vector } from '../cpu/event';
import { Mode } from '../cpu/mode';
import { Address, Operand } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { Segment } from '../cpu/segment';
import { Why } from '../gen/why';
import { GDTR_BASE, GDTR_LIMIT, IDTR_BASE, IDTR_LIMIT } from '../layout';
import { Memory, SEGMENT_LDTR, SEGMENT_TR } from '../mmu/memory';
import { SystemTableInstruction, TableAccess, TableInstruction } from '../vmx/table-access';

/** SGDT. */
export function sgdt(i: usize): void {
  if (TableAccess.exits(i, TableInstruction.Sgdt)) return;
  storeTable(i, load<u32>(GDTR_LIMIT), load<u64>(GDTR_BASE));
}
/** SIDT. */
export function sidt(i: usize): void {
  if (TableAccess.exits(i, TableInstruction.Sidt)) return;
  storeTable(i, load<u32>(IDTR_LIMIT), load<u64>(IDTR_BASE));
}
/** LGDT. */
export function lgdt(i: usize): void {
  if (TableAccess.exits(i, TableInstruction.Lgdt)) return;
  loadTable(i, GDTR_LIMIT, GDTR_BASE);
}
/** LIDT. */
export function lidt(i: usize): void {
  if (TableAccess.exits(i, TableInstruction.Lidt)) return;
  loadTable(i, IDTR_LIMIT, IDTR_BASE);
}

/** Writes limit and base, 10 bytes in 64-bit mode, 6 elsewhere. */
function storeTable(i: usize, limit: u32, base: u64): void {
  const address = Address.linear(i);
  const segment = Rec.segment(i);
  const width: u32 = Mode.isLong() ? 8 : 4;
  if (!Memory.probeWrite(address + 2, width, segment)) return;
  Memory.write(address, 2, limit, segment);
  if (!Event.raised()) Memory.write(address + 2, width, base, segment);
}

/** Reads limit and base; outside 64-bit mode a 16-bit operand size keeps 24 bits of the base. */
function loadTable(i: usize, limitPlace: usize, basePlace: usize): void {
  const address = Address.linear(i);
  const segment = Rec.segment(i);
  const limit = <u32>Memory.read(address, 2, segment);
  if (Event.raised()) return;
  let base = Memory.read(address + 2, Mode.isLong() ? 8 : 4, segment);
  if (Event.raised()) return;
  if (!Mode.isLong() && Rec.size(i) == 2) base &= 0xffffff;
  if (!Memory.isCanonical(base)) {
    Event.gp(0, Why.NonCanonical);
    return;
  }
  store<u32>(limitPlace, limit);
  store<u64>(basePlace, base);
}

/** SLDT: 16 bits to memory, zero-extended in a register. */
export function sldt(i: usize): void {
  if (TableAccess.exitsSystem(i, SystemTableInstruction.Sldt)) return;
  Operand.write(i, 0, Segment.selector(SEGMENT_LDTR));
}
/** STR. */
export function str(i: usize): void {
  if (TableAccess.exitsSystem(i, SystemTableInstruction.Str)) return;
  Operand.write(i, 0, Segment.selector(SEGMENT_TR));
}

/** LLDT: a null selector leaves no LDT. */
export function lldt(i: usize): void {
  if (TableAccess.exitsSystem(i, SystemTableInstruction.Lldt)) return;
  const selector = <u32>Operand.read(i, 0) & 0xffff;
  if (Event.raised()) return;
  if (Table.isNull(selector)) Segment.setNull(SEGMENT_LDTR, selector, 0);
  else loadSystem(SEGMENT_LDTR, selector);
}

/** LTR: marks the TSS busy, in memory too. */
export function ltr(i: usize): void {
  if (TableAccess.exitsSystem(i, SystemTableInstruction.Ltr)) return;
  const selector = <u32>Operand.read(i, 0) & 0xffff;
  if (Event.raised()) return;
  if (Table.isNull(selector)) Event.gp(0, Why.NullSelector);
  else loadSystem(SEGMENT_TR, selector);
}

/** Loads LDTR or TR from a system descriptor in the GDT. */
function loadSystem(segment: u32, selector: u32): void {
  if (selector & SELECTOR_TI) {
    Table.gp(selector, 0, Why.SelectorInLdt, 0);
    return;
  }
  const low = Table.read(selector, Vector.GP, 0);
  if (Event.raised()) return;
  const access = Descriptor.access(low);
  if (!fits(segment, Descriptor.systemType(access))) {
    Table.gp(selector, 0, Why.DescriptorType, low);
    return;
  }
  const high = Table.readUpper(selector, Vector.GP, low);
  if (Event.raised()) return;
  if (!(access & ACCESS_P)) {
    Table.refuse(Vector.NP, selector, 0, Why.DescriptorNotPresent, low, high);
    return;
  }
  const base = Descriptor.systemBase(low, high);
  if (!Memory.isCanonical(base)) {
    Table.refuse(Vector.GP, selector, 0, Why.DescriptorBase, low, high);
    return;
  }
  const busy: u32 = segment == SEGMENT_TR ? ACCESS_BUSY : 0;
  if (busy != 0) Table.setType(selector, low, busy);
  if (!Event.raised()) Segment.fill(segment, selector, base, Descriptor.limit(low), access | busy);
}

/** The type is that of an LDT, or of a TSS that is not busy. */
function fits(segment: u32, type: u32): bool {
  if (segment == SEGMENT_LDTR) return type == SystemType.Ldt;
  return type == SystemType.Tss || (type == SystemType.Tss16 && !Table.isLong());
}
