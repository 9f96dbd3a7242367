/**
 * Writing CR0, CR3, CR4 and EFER: what is refused, and what is flushed (SDM 3A 2.5 Control Registers,
 * 4.10.4 Invalidation of TLBs, 9.8.5 Initializing IA-32e Mode; SDM 2B MOV Control Registers).
 *
 * Each function returns false if it raised #GP(0); nothing has changed then. The PDPTEs of PAE paging are
 * loaded here and nowhere else (SDM 3A 4.4.1 PDPTE Registers).
 */

import { Why } from '../gen/why';
import { CR0, CR3, CR4, EFER, PAGING_MODE } from '../layout';
import { Context } from '../mmu/context';
import { PHYSICAL_BITS } from '../mmu/entry';
import { SEGMENT_CS, SEGMENT_TR } from '../mmu/memory';
import { Paging, PagingMode } from '../mmu/paging-mode';
import { Pdptes } from '../mmu/pdptes';
import { FixedBits } from '../vmx/fixed-bits';
import { Operation } from '../vmx/operation';
import {
  CR0_AM,
  CR0_CD,
  CR0_EM,
  CR0_ET,
  CR0_MP,
  CR0_NE,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR4_DE,
  CR4_FSGSBASE,
  CR4_MCE,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_PAE,
  CR4_PCE,
  CR4_PCIDE,
  CR4_PGE,
  CR4_PKE,
  CR4_PSE,
  CR4_PVI,
  CR4_SMAP,
  CR4_SMEP,
  CR4_TSD,
  CR4_UMIP,
  CR4_VME,
  CR4_VMXE,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  EFER_SCE,
} from './control';
import { Cpuid, CpuidRegister } from './cpuid';
import { ACCESS_L, SystemType } from './descriptor';
import { Absent, Event } from './event';
import { Mode } from './mode';
import { Segment } from './segment';

const CR0_BITS: u32 =
  CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG;
/** CR3 bit 63, with CR4.PCIDE: keep the translations of the new PCID. Not stored. */
const NO_FLUSH: u64 = 1 << 63;
const PCID: u32 = 0xfff;
/** A change of one of these bits loads the PDPTEs, if PAE paging is in use after it. */
const CR0_LOADS: u32 = CR0_PG | CR0_CD | CR0_NW;
const CR4_LOADS: u32 = CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP;
/** EFER bits that software may set; LMA is read-only and ignored. */
export const EFER_BITS: u32 = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;

export class ControlWrite {
  /** CR0 := `value`; reserved bits of the lower half are ignored, ET reads as 1. */
  static cr0(value: u64): bool {
    if (value >> 32 != 0) return ControlWrite.refuse(Why.ControlReserved);
    const next = (<u32>value & CR0_BITS) | CR0_ET;
    const before = load<u32>(CR0);
    if ((next & CR0_PG) != 0 && (next & CR0_PE) == 0)
      return ControlWrite.refuse(Why.ControlConflict);
    if ((next & CR0_NW) != 0 && (next & CR0_CD) == 0)
      return ControlWrite.refuse(Why.ControlConflict);
    if (!Operation.isOutside() && !FixedBits.allowCr0(next)) {
      return ControlWrite.refuse(Why.VmxFixedBits);
    }
    const toggled = (next ^ before) & CR0_PG;
    if (toggled != 0 && !ControlWrite.mayTogglePaging(next)) {
      return ControlWrite.refuse(Why.ControlConflict);
    }
    const loads = ((next ^ before) & CR0_LOADS) != 0 && ControlWrite.isPae(next, load<u32>(CR4));
    if (loads && !Pdptes.load(load<u32>(CR3))) return ControlWrite.refusePdptes();
    if (before & ~next & CR0_PE) {
      Event.absent(Absent.RealMode);
      return false;
    }
    store<u64>(CR0, next);
    if (toggled != 0) ControlWrite.setLongMode((next & CR0_PG) != 0);
    if (toggled != 0 || loads) Context.flushAll();
    Paging.update();
    Context.select();
    if (toggled != 0) Mode.update();
    return true;
  }

  /** Paging may be switched on, or off (SDM 3A 9.8.5). */
  static mayTogglePaging(next: u32): bool {
    const cr4 = load<u32>(CR4);
    if (!(next & CR0_PG)) return !Mode.isLong() && (cr4 & CR4_PCIDE) == 0;
    if (!(load<u32>(EFER) & EFER_LME)) return true;
    if (!(cr4 & CR4_PAE) || (Segment.access(SEGMENT_CS) & ACCESS_L) != 0) return false;
    const task = Segment.access(SEGMENT_TR) & 15;
    return task != SystemType.Tss16 && task != SystemType.Tss16Busy;
  }
  /** PAE paging is in use with these values. */
  static isPae(cr0: u32, cr4: u32): bool {
    return Paging.select(cr0, cr4) == PagingMode.Pae;
  }
  /** EFER.LMA follows CR0.PG where EFER.LME is set. */
  static setLongMode(paging: bool): void {
    const efer = load<u32>(EFER) & ~EFER_LMA;
    store<u64>(EFER, paging && (efer & EFER_LME) != 0 ? efer | EFER_LMA : efer);
  }

  /** CR3 := `value`, with the flush that goes with it. */
  static cr3(value: u64): bool {
    const tagged = (load<u32>(CR4) & CR4_PCIDE) != 0;
    const next = tagged ? value & ~NO_FLUSH : value;
    if (next >> PHYSICAL_BITS != 0) return ControlWrite.refuse(Why.ControlReserved);
    if (load<u32>(PAGING_MODE) == PagingMode.Pae && !Pdptes.load(<u32>next)) {
      return ControlWrite.refusePdptes();
    }
    store<u64>(CR3, next);
    if (!tagged) Context.flushPcid(0);
    else if (!(value & NO_FLUSH)) Context.flushPcid(<u32>next & PCID);
    Context.select();
    return true;
  }

  /** CR4 := `value`. */
  static cr4(value: u64): bool {
    if (value >> 32 != 0 || (<u32>value & ~ControlWrite.cr4Bits()) != 0) {
      return ControlWrite.refuse(Why.ControlReserved);
    }
    const next = <u32>value;
    const before = load<u32>(CR4);
    const isLong = (load<u32>(EFER) & EFER_LMA) != 0;
    if (isLong && (next & CR4_PAE) == 0) return ControlWrite.refuse(Why.ControlConflict);
    if ((next & ~before & CR4_PCIDE) != 0 && (!isLong || (load<u32>(CR3) & PCID) != 0)) {
      return ControlWrite.refuse(Why.ControlConflict);
    }
    if (!Operation.isOutside() && !FixedBits.allowCr4(next)) {
      return ControlWrite.refuse(Why.VmxFixedBits);
    }
    const toggled = before ^ next;
    const loads = (toggled & CR4_LOADS) != 0 && ControlWrite.isPae(load<u32>(CR0), next);
    if (loads && !Pdptes.load(load<u32>(CR3))) return ControlWrite.refusePdptes();
    store<u64>(CR4, next);
    if ((toggled & CR4_PGE) != 0 || (before & ~next & CR4_PCIDE) != 0 || loads) Context.flushAll();
    else if ((toggled & CR4_PAE) != 0 || (next & ~before & CR4_SMEP) != 0) {
      Context.flushPcid(before & CR4_PCIDE ? load<u32>(CR3) & PCID : 0);
    }
    Paging.update();
    Context.select();
    return true;
  }

  /**
   * Bits of CR4 that the features in CPUID allow.
   * DIVERGES: OSFXSR and OSXMMEXCPT can be set though there is no SSE: kernels set them unasked, since
   * every 64-bit processor made has it.
   */
  static cr4Bits(): u32 {
    let bits: u32 = CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    bits |= ControlWrite.when(1, CpuidRegister.Edx, 1, CR4_VME | CR4_PVI);
    bits |= ControlWrite.when(1, CpuidRegister.Edx, 2, CR4_DE);
    bits |= ControlWrite.when(1, CpuidRegister.Edx, 3, CR4_PSE);
    bits |= ControlWrite.when(1, CpuidRegister.Edx, 4, CR4_TSD);
    bits |= ControlWrite.when(1, CpuidRegister.Edx, 6, CR4_PAE);
    bits |= ControlWrite.when(1, CpuidRegister.Edx, 7, CR4_MCE);
    bits |= ControlWrite.when(1, CpuidRegister.Edx, 13, CR4_PGE);
    bits |= ControlWrite.when(1, CpuidRegister.Ecx, 17, CR4_PCIDE);
    bits |= ControlWrite.when(1, CpuidRegister.Ecx, 5, CR4_VMXE);
    bits |= ControlWrite.when(7, CpuidRegister.Ebx, 0, CR4_FSGSBASE);
    bits |= ControlWrite.when(7, CpuidRegister.Ebx, 7, CR4_SMEP);
    bits |= ControlWrite.when(7, CpuidRegister.Ebx, 20, CR4_SMAP);
    bits |= ControlWrite.when(7, CpuidRegister.Ecx, 2, CR4_UMIP);
    return bits | ControlWrite.when(7, CpuidRegister.Ecx, 3, CR4_PKE);
  }
  static when(leaf: u32, register: CpuidRegister, bit: u32, bits: u32): u32 {
    return Cpuid.has(leaf, register, bit) ? bits : 0;
  }

  /** EFER := `value`: LME may not change while paging is on. */
  static efer(value: u64): bool {
    let valid = EFER_BITS;
    if (!Cpuid.has(0x80000001, CpuidRegister.Edx, 20)) valid &= ~EFER_NXE;
    const before = load<u32>(EFER);
    if ((value & ~(<u64>valid)) != 0) return ControlWrite.refuse(Why.MsrValue);
    if (((<u32>value ^ before) & EFER_LME) != 0 && (load<u32>(CR0) & CR0_PG) != 0) {
      return ControlWrite.refuse(Why.ControlConflict);
    }
    store<u64>(EFER, (<u32>value & ~EFER_LMA) | (before & EFER_LMA));
    Context.select();
    return true;
  }

  /** Pdptes.load has failed. */
  static refusePdptes(): bool {
    return Event.raised() ? false : ControlWrite.refuse(Why.PdpteReserved);
  }
  static refuse(why: Why): bool {
    Event.gp(0, why);
    return false;
  }
}
