/**
 * The guest-state area of the current VMCS (SDM 3C 25.4): filled from the registers at a VM exit (28.3), loaded into them
 * at VM entry (27.3.2).
 */

import { CR0_CD, CR0_ET, CR0_NW, EFER_LMA, EFER_LME } from '../cpu/control';
import { Flags, RF } from '../cpu/flags';
import { Mode } from '../cpu/mode';
import { Register } from '../cpu/operand';
import { SHADOW_MOV_SS, SHADOW_STI } from '../cpu/shadow';
import {
  ENABLE_EPT,
  ENABLE_PML,
  ENABLE_VPID,
  IA_32E_MODE_GUEST,
  LOAD_DEBUG_CONTROLS,
  LOAD_IA32_EFER,
  LOAD_IA32_PAT,
  SAVE_DEBUG_CONTROLS,
  SAVE_IA32_EFER,
  SAVE_IA32_PAT,
} from '../gen/vmx-controls';
import {
  EPT_POINTER,
  GUEST_ACTIVITY_STATE,
  GUEST_CR0,
  GUEST_CR3,
  GUEST_CR4,
  GUEST_DR7,
  GUEST_ES_ACCESS_RIGHTS,
  GUEST_ES_BASE,
  GUEST_ES_LIMIT,
  GUEST_ES_SELECTOR,
  GUEST_GDTR_BASE,
  GUEST_GDTR_LIMIT,
  GUEST_IA32_DEBUGCTL,
  GUEST_IA32_EFER,
  GUEST_IA32_PAT,
  GUEST_IA32_SYSENTER_CS,
  GUEST_IA32_SYSENTER_EIP,
  GUEST_IA32_SYSENTER_ESP,
  GUEST_IDTR_BASE,
  GUEST_IDTR_LIMIT,
  GUEST_INTERRUPTIBILITY_STATE,
  GUEST_PDPTE0,
  GUEST_PENDING_DEBUG_EXCEPTIONS,
  GUEST_RFLAGS,
  GUEST_RIP,
  GUEST_RSP,
  VIRTUAL_PROCESSOR_IDENTIFIER,
  VM_ENTRY_CONTROLS,
  PML_ADDRESS as VMCS_PML_ADDRESS,
  PML_INDEX as VMCS_PML_INDEX,
} from '../gen/vmx-fields';
import {
  ACTIVITY,
  CPL,
  CR0,
  CR3,
  CR4,
  DEBUG_PENDING,
  DR7,
  EFER,
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  NMI_BLOCKED,
  PAGING_MODE,
  PAT,
  PDPTES,
  PML_ADDRESS,
  PML_INDEX,
  PML_ON,
  RIP,
  SEG_ACCESS,
  SEG_BASE,
  SEG_BYTES,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEGS,
  SHADOW,
  SYSENTER_CS,
  SYSENTER_EIP,
  SYSENTER_ESP,
} from '../layout';
import { SEGMENT_SS } from '../mmu/memory';
import { Nested } from '../mmu/nested';
import { Paging, PagingMode } from '../mmu/paging-mode';
import { Pdptes } from '../mmu/pdptes';
import { Controls } from './controls';

const SEGMENTS: u32 = 8;
/** Fields of one kind follow one another in the order of the segment registers. */
const FIELD_BYTES: usize = 8;
const RSP: u32 = 4;

/** Interruptibility state: blocking by STI and by MOV SS are as SHADOW has them; blocking by NMI. */
const SHADOW_MASK = SHADOW_STI | SHADOW_MOV_SS;
const BLOCKED_BY_NMI: u32 = 1 << 3;

/** Pending debug exceptions, in the bits of DR6: B0 to B3, and BS; bit 12: one of those breakpoints is enabled. */
const PENDING_BREAKPOINTS: u32 = 15;
const PENDING_ENABLED: u32 = 1 << 12;
const PENDING_STEP: u32 = 1 << 14;

/** Bits of CR0 that VM entries and exits leave as they are. */
export const CR0_KEPT: u32 = CR0_ET | CR0_NW | CR0_CD;

export class GuestState {
  /** `resume`: RF as it is saved. */
  static save(resume: u32): void {
    store<u64>(GUEST_CR0, load<u64>(CR0));
    store<u64>(GUEST_CR3, load<u64>(CR3));
    store<u64>(GUEST_CR4, load<u64>(CR4));
    if (Controls.exit(SAVE_DEBUG_CONTROLS)) {
      store<u64>(GUEST_DR7, load<u64>(DR7));
      store<u64>(GUEST_IA32_DEBUGCTL, 0);
    }
    store<u64>(GUEST_RSP, Register.get(RSP));
    store<u64>(GUEST_RIP, load<u64>(RIP));
    store<u64>(GUEST_RFLAGS, (Flags.image() & ~(<u64>RF)) | resume);
    for (let n: u32 = 0; n < SEGMENTS; n++) GuestState.saveSegment(n);
    store<u64>(GUEST_GDTR_BASE, load<u64>(GDTR_BASE));
    store<u64>(GUEST_GDTR_LIMIT, load<u32>(GDTR_LIMIT));
    store<u64>(GUEST_IDTR_BASE, load<u64>(IDTR_BASE));
    store<u64>(GUEST_IDTR_LIMIT, load<u32>(IDTR_LIMIT));
    store<u64>(GUEST_IA32_SYSENTER_CS, load<u32>(SYSENTER_CS));
    store<u64>(GUEST_IA32_SYSENTER_ESP, load<u64>(SYSENTER_ESP));
    store<u64>(GUEST_IA32_SYSENTER_EIP, load<u64>(SYSENTER_EIP));
    if (Controls.exit(SAVE_IA32_PAT)) store<u64>(GUEST_IA32_PAT, load<u64>(PAT));
    if (Controls.exit(SAVE_IA32_EFER)) store<u64>(GUEST_IA32_EFER, load<u64>(EFER));
    GuestState.saveMode();
    store<u64>(GUEST_INTERRUPTIBILITY_STATE, GuestState.interruptibility());
    store<u64>(GUEST_ACTIVITY_STATE, load<u32>(ACTIVITY));
    store<u64>(GUEST_PENDING_DEBUG_EXCEPTIONS, GuestState.pendingDebug());
    if (Controls.secondary(ENABLE_EPT) && load<u32>(PAGING_MODE) == PagingMode.Pae) {
      memory.copy(GUEST_PDPTE0, PDPTES, 4 * FIELD_BYTES);
    }
    if (load<u32>(PML_ON) != 0) store<u64>(VMCS_PML_INDEX, load<u32>(PML_INDEX));
  }

  /** LMA, as IA32_VMX_MISC[5] promises. */
  static saveMode(): void {
    const controls = load<u32>(VM_ENTRY_CONTROLS) & ~IA_32E_MODE_GUEST;
    const mode = (load<u32>(EFER) & EFER_LMA) != 0 ? IA_32E_MODE_GUEST : 0;
    store<u64>(VM_ENTRY_CONTROLS, controls | mode);
  }

  @inline static saveSegment(n: u32): void {
    const from = SEGS + n * SEG_BYTES;
    const field = n * FIELD_BYTES;
    store<u64>(GUEST_ES_SELECTOR + field, load<u16>(from, SEG_SELECTOR));
    store<u64>(GUEST_ES_BASE + field, load<u64>(from, SEG_BASE));
    store<u64>(GUEST_ES_LIMIT + field, load<u32>(from, SEG_LIMIT));
    store<u64>(GUEST_ES_ACCESS_RIGHTS + field, load<u32>(from, SEG_ACCESS));
  }

  static interruptibility(): u32 {
    return (load<u32>(SHADOW) & SHADOW_MASK) | (load<u32>(NMI_BLOCKED) != 0 ? BLOCKED_BY_NMI : 0);
  }

  static pendingDebug(): u32 {
    const pending = load<u32>(DEBUG_PENDING);
    const enabled = (pending & PENDING_BREAKPOINTS) != 0 ? PENDING_ENABLED : 0;
    return (pending & (PENDING_BREAKPOINTS | PENDING_STEP)) | enabled;
  }

  /** What has passed the checks of VM entry. */
  static load(): void {
    const kept = load<u32>(CR0) & CR0_KEPT;
    store<u64>(CR0, (load<u64>(GUEST_CR0) & ~(<u64>CR0_KEPT)) | kept);
    store<u64>(CR3, load<u64>(GUEST_CR3));
    store<u64>(CR4, load<u64>(GUEST_CR4));
    if (Controls.entry(LOAD_DEBUG_CONTROLS)) store<u64>(DR7, load<u64>(GUEST_DR7));
    GuestState.loadEfer();
    if (Controls.entry(LOAD_IA32_PAT)) store<u64>(PAT, load<u64>(GUEST_IA32_PAT));
    for (let n: u32 = 0; n < SEGMENTS; n++) GuestState.loadSegment(n);
    store<u64>(GDTR_BASE, load<u64>(GUEST_GDTR_BASE));
    store<u32>(GDTR_LIMIT, load<u32>(GUEST_GDTR_LIMIT));
    store<u64>(IDTR_BASE, load<u64>(GUEST_IDTR_BASE));
    store<u32>(IDTR_LIMIT, load<u32>(GUEST_IDTR_LIMIT));
    store<u64>(SYSENTER_CS, load<u32>(GUEST_IA32_SYSENTER_CS));
    store<u64>(SYSENTER_ESP, load<u64>(GUEST_IA32_SYSENTER_ESP));
    store<u64>(SYSENTER_EIP, load<u64>(GUEST_IA32_SYSENTER_EIP));
    Register.set(RSP, load<u64>(GUEST_RSP));
    store<u64>(RIP, load<u64>(GUEST_RIP));
    Flags.setImage(load<u64>(GUEST_RFLAGS));
    store<u32>(CPL, (load<u32>(SEGS + SEGMENT_SS * SEG_BYTES, SEG_ACCESS) >> 5) & 3);
    GuestState.loadEvents();
    GuestState.loadPaging();
    Mode.update();
  }

  /** Without the control, LMA and LME follow what the guest is entered in. */
  static loadEfer(): void {
    if (Controls.entry(LOAD_IA32_EFER)) {
      store<u64>(EFER, load<u64>(GUEST_IA32_EFER));
      return;
    }
    const modes: u64 = <u64>(EFER_LMA | EFER_LME);
    const efer = load<u64>(EFER) & ~modes;
    store<u64>(EFER, Controls.entry(IA_32E_MODE_GUEST) ? efer | modes : efer);
  }

  @inline static loadSegment(n: u32): void {
    const to = SEGS + n * SEG_BYTES;
    const field = n * FIELD_BYTES;
    store<u16>(to, load<u16>(GUEST_ES_SELECTOR + field), SEG_SELECTOR);
    store<u64>(to, load<u64>(GUEST_ES_BASE + field), SEG_BASE);
    store<u32>(to, load<u32>(GUEST_ES_LIMIT + field), SEG_LIMIT);
    store<u32>(to, load<u32>(GUEST_ES_ACCESS_RIGHTS + field), SEG_ACCESS);
  }

  static loadEvents(): void {
    const state = load<u32>(GUEST_INTERRUPTIBILITY_STATE);
    store<u32>(SHADOW, state & SHADOW_MASK);
    store<u32>(NMI_BLOCKED, (state & BLOCKED_BY_NMI) != 0 ? 1 : 0);
    store<u32>(ACTIVITY, load<u32>(GUEST_ACTIVITY_STATE));
    const pending = load<u32>(GUEST_PENDING_DEBUG_EXCEPTIONS);
    store<u32>(DEBUG_PENDING, pending & (PENDING_BREAKPOINTS | PENDING_STEP));
  }

  /** The address space. The PDPTEs, which were checked, come from memory, or with EPT from their fields. */
  static loadPaging(): void {
    Paging.update();
    const ept = Controls.secondary(ENABLE_EPT);
    if (load<u32>(PAGING_MODE) == PagingMode.Pae) {
      if (ept) memory.copy(PDPTES, GUEST_PDPTE0, 4 * FIELD_BYTES);
      else Pdptes.load(load<u32>(CR3));
    }
    const logs = ept && Controls.secondary(ENABLE_PML);
    store<u32>(PML_ON, logs ? 1 : 0);
    store<u64>(PML_ADDRESS, load<u64>(VMCS_PML_ADDRESS));
    store<u32>(PML_INDEX, load<u32>(VMCS_PML_INDEX));
    const vpid = Controls.secondary(ENABLE_VPID) ? load<u32>(VIRTUAL_PROCESSOR_IDENTIFIER) : 0;
    Nested.use(ept ? load<u64>(EPT_POINTER) : 0, vpid);
    if (vpid == 0) Nested.dropVpid(0);
  }
}
