/**
 * Hardware task switches (SDM 3A 7.3 Task Switching), which this processor does not make: a switch that
 * passes all checks of its selectors and descriptors ends the run (Absent.TaskSwitch).
 */

import { Why } from '../gen/why';
import { CPL } from '../layout';
import { Memory, SEGMENT_TR } from '../mmu/memory';
import {
  ACCESS_P,
  Descriptor,
  Gate,
  SELECTOR_RPL,
  SELECTOR_TI,
  SystemType,
  Table,
} from './descriptor';
import { Absent, Event, Vector } from './event';
import { Segment } from './segment';

export class TaskSwitch {
  /** JMP or CALL to the TSS whose descriptor is `low`. */
  static toTss(selector: u32, low: u64): void {
    if (TaskSwitch.mayUse(selector, low)) TaskSwitch.enter(selector, low, 0);
  }

  /** JMP or CALL to the task gate `low`. */
  static toGate(selector: u32, low: u64): void {
    if (!TaskSwitch.mayUse(selector, low)) return;
    if (Descriptor.access(low) & ACCESS_P) TaskSwitch.throughGate(low, 0);
    else Table.refuse(Vector.NP, selector, 0, Why.GateNotPresent, low, 0);
  }

  /** Neither CPL nor RPL is above the DPL. */
  static mayUse(selector: u32, low: u64): bool {
    const dpl = Descriptor.dpl(Descriptor.access(low));
    if (load<u32>(CPL) <= dpl && (selector & SELECTOR_RPL) <= dpl) return true;
    return Table.gp(selector, 0, Why.DescriptorPrivilege, low);
  }

  /** The task that the task gate `low`, checked by itself, leads to. */
  static throughGate(low: u64, ext: u32): void {
    const selector = Gate.selector(low);
    if (selector & SELECTOR_TI) {
      Table.gp(selector, ext, Why.SelectorInLdt, 0);
      return;
    }
    const tss = Table.read(selector, Vector.GP, ext);
    if (!Event.raised()) TaskSwitch.enter(selector, tss, ext);
  }

  /** A task that is not busy and present. */
  static enter(selector: u32, low: u64, ext: u32): void {
    const type = Descriptor.systemType(Descriptor.access(low));
    if (type != SystemType.Tss && type != SystemType.Tss16) {
      Table.gp(selector, ext, Why.DescriptorType, low);
    } else if (!(Descriptor.access(low) & ACCESS_P)) {
      Table.refuse(Vector.NP, selector, ext, Why.DescriptorNotPresent, low, 0);
    } else Event.absent(Absent.TaskSwitch);
  }

  /** IRET with NT: back to the task that the link field of the TSS names, which is busy. */
  static back(): void {
    const selector = <u32>Memory.readSystem(Segment.base(SEGMENT_TR), 2);
    if (Event.raised()) return;
    if (selector & SELECTOR_TI) {
      Table.refuse(Vector.TS, selector, 0, Why.SelectorInLdt, 0, 0);
      return;
    }
    const low = Table.read(selector, Vector.TS, 0);
    if (Event.raised()) return;
    const type = Descriptor.systemType(Descriptor.access(low));
    if (type != SystemType.TssBusy && type != SystemType.Tss16Busy) {
      Table.refuse(Vector.TS, selector, 0, Why.DescriptorType, low, 0);
    } else if (!(Descriptor.access(low) & ACCESS_P)) {
      Table.refuse(Vector.NP, selector, 0, Why.DescriptorNotPresent, low, 0);
    } else Event.absent(Absent.TaskSwitch);
  }
}
