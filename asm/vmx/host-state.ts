/**
 * The host-state area of the current VMCS (SDM 3C 25.5), which a VM exit loads (28.5). What is not in it has the values that
 * the manual gives. The fields were checked at VM entry, and can be anything by now: whatever they are, the
 * processor goes on.
 */

import { CR4_PAE, CR4_PCIDE, EFER_LMA, EFER_LME } from '../cpu/control';
import { ACCESS_DB, ACCESS_L, ACCESS_UNUSABLE } from '../cpu/descriptor-fields';
import { Flags } from '../cpu/flags';
import { Activity, Mode } from '../cpu/mode';
import { Register } from '../cpu/operand';
import {
  HOST_ADDRESS_SPACE_SIZE,
  LOAD_HOST_IA32_EFER,
  LOAD_HOST_IA32_PAT,
} from '../gen/vmx-controls';
import {
  HOST_CR0,
  HOST_CR3,
  HOST_CR4,
  HOST_CS_SELECTOR,
  HOST_DS_SELECTOR,
  HOST_ES_SELECTOR,
  HOST_FS_BASE,
  HOST_FS_SELECTOR,
  HOST_GDTR_BASE,
  HOST_GS_BASE,
  HOST_GS_SELECTOR,
  HOST_IA32_EFER,
  HOST_IA32_PAT,
  HOST_IA32_SYSENTER_CS,
  HOST_IA32_SYSENTER_EIP,
  HOST_IA32_SYSENTER_ESP,
  HOST_IDTR_BASE,
  HOST_RIP,
  HOST_RSP,
  HOST_SS_SELECTOR,
  HOST_TR_BASE,
  HOST_TR_SELECTOR,
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
  MONITOR_ARMED,
  PAGING_MODE,
  PAT,
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
import {
  SEGMENT_CS,
  SEGMENT_DS,
  SEGMENT_ES,
  SEGMENT_FS,
  SEGMENT_GS,
  SEGMENT_LDTR,
  SEGMENT_SS,
  SEGMENT_TR,
} from '../mmu/memory';
import { Nested } from '../mmu/nested';
import { Paging, PagingMode } from '../mmu/paging-mode';
import { Pdptes } from '../mmu/pdptes';
import { Controls } from './controls';
import { CR0_KEPT } from './guest-state';

const RSP: u32 = 4;
const RFLAGS_FIXED: u64 = 2;
const DR7_FIXED: u64 = 0x400;
const TABLE_LIMIT: u32 = 0xffff;
const TSS_LIMIT: u32 = 0x67;

/** Access rights: code and data that were accessed, present, G; a busy TSS. */
const CODE: u32 = 0x809b;
const DATA: u32 = 0xc093;
const TSS: u32 = 0x8b;

export class HostState {
  /** False if the PDPTEs of the host are not valid: a VMX abort. */
  static load(): bool {
    const isLong = Controls.exit(HOST_ADDRESS_SPACE_SIZE);
    HostState.loadControl(isLong);
    HostState.loadSegments(isLong);
    store<u64>(GDTR_BASE, load<u64>(HOST_GDTR_BASE));
    store<u32>(GDTR_LIMIT, TABLE_LIMIT);
    store<u64>(IDTR_BASE, load<u64>(HOST_IDTR_BASE));
    store<u32>(IDTR_LIMIT, TABLE_LIMIT);
    store<u64>(SYSENTER_CS, load<u32>(HOST_IA32_SYSENTER_CS));
    store<u64>(SYSENTER_ESP, load<u64>(HOST_IA32_SYSENTER_ESP));
    store<u64>(SYSENTER_EIP, load<u64>(HOST_IA32_SYSENTER_EIP));
    Register.set(RSP, load<u64>(HOST_RSP));
    const rip = load<u64>(HOST_RIP);
    store<u64>(RIP, isLong ? rip : <u64>(<u32>rip));
    Flags.setImage(RFLAGS_FIXED);
    store<u32>(CPL, 0);
    store<u32>(SHADOW, 0);
    store<u32>(DEBUG_PENDING, 0);
    store<u32>(ACTIVITY, Activity.Running);
    store<u32>(MONITOR_ARMED, 0);
    Paging.update();
    Nested.use(0, 0);
    Mode.update();
    return load<u32>(PAGING_MODE) != PagingMode.Pae || Pdptes.load(load<u32>(CR3));
  }

  @inline static loadControl(isLong: bool): void {
    const kept = load<u32>(CR0) & CR0_KEPT;
    store<u64>(CR0, (load<u64>(HOST_CR0) & ~(<u64>CR0_KEPT)) | kept);
    store<u64>(CR3, load<u64>(HOST_CR3));
    const cr4 = load<u64>(HOST_CR4);
    store<u64>(CR4, isLong ? cr4 | CR4_PAE : cr4 & ~(<u64>CR4_PCIDE));
    store<u64>(DR7, DR7_FIXED);
    const modes: u64 = <u64>(EFER_LMA | EFER_LME);
    const loads = Controls.exit(LOAD_HOST_IA32_EFER);
    const efer = (loads ? load<u64>(HOST_IA32_EFER) : load<u64>(EFER)) & ~modes;
    store<u64>(EFER, isLong ? efer | modes : efer);
    if (Controls.exit(LOAD_HOST_IA32_PAT)) store<u64>(PAT, load<u64>(HOST_IA32_PAT));
  }

  @inline static loadSegments(isLong: bool): void {
    HostState.fill(
      SEGMENT_CS,
      load<u16>(HOST_CS_SELECTOR),
      0,
      CODE | (isLong ? ACCESS_L : ACCESS_DB),
    );
    HostState.data(SEGMENT_SS, load<u16>(HOST_SS_SELECTOR), 0);
    HostState.data(SEGMENT_DS, load<u16>(HOST_DS_SELECTOR), 0);
    HostState.data(SEGMENT_ES, load<u16>(HOST_ES_SELECTOR), 0);
    HostState.data(SEGMENT_FS, load<u16>(HOST_FS_SELECTOR), load<u64>(HOST_FS_BASE));
    HostState.data(SEGMENT_GS, load<u16>(HOST_GS_SELECTOR), load<u64>(HOST_GS_BASE));
    HostState.fill(SEGMENT_TR, load<u16>(HOST_TR_SELECTOR), load<u64>(HOST_TR_BASE), TSS);
    store<u32>(SEGS + SEGMENT_TR * SEG_BYTES, TSS_LIMIT, SEG_LIMIT);
    HostState.fill(SEGMENT_LDTR, 0, 0, ACCESS_UNUSABLE);
  }

  /** Unusable with a null selector; a base is loaded in any case. */
  @inline static data(segment: u32, selector: u32, base: u64): void {
    HostState.fill(segment, selector, base, selector == 0 ? ACCESS_UNUSABLE | DATA : DATA);
  }

  static fill(segment: u32, selector: u32, base: u64, access: u32): void {
    const to = SEGS + segment * SEG_BYTES;
    store<u64>(to, base, SEG_BASE);
    store<u32>(to, 0xffffffff, SEG_LIMIT);
    store<u32>(to, access, SEG_ACCESS);
    store<u16>(to, <u16>selector, SEG_SELECTOR);
  }
}
