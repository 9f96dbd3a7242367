/**
 * The only owner of linear-memory offsets: one processor block at a fixed address, then the TLBs, the
 * decode tables, the decoded-code cache, the frame table and machine RAM. asm/index.ts re-exports what
 * TypeScript needs as wasm globals (src/machine/cpu-view.ts reads them at load), so no offset is typed twice.
 *
 * All guest-visible state of one processor lies in [PROCESSOR, PROCESSOR + PROCESSOR_BYTES).
 */

// --- Processor block ---------------------------------------------------------------------------

export const PROCESSOR: usize = 0x1000;

/** General registers `rax rcx rdx rbx rsp rbp rsi rdi r8..r15`: u64[16]. Records hold byte offsets from here. */
export const REGS: usize = PROCESSOR;
/** Pseudo-register that is always 0: base or index of an address that has none. */
export const REG_ZERO: i32 = 0x80;
/** Pseudo-register: GVA of the page that the running block lies in; base of RIP-relative addresses. */
export const REG_PAGE: i32 = 0x88;
export const CODE_PAGE: usize = REGS + 0x88;

/** u64. Valid outside a block; inside one it is CODE_PAGE plus the record's offset. */
export const RIP: usize = REGS + 0x90;
/** u64. System flags always; status flags only while FLAG_OP is EXPLICIT. Bit 1 is always set. */
export const RFLAGS: usize = REGS + 0x98;
/** Lazy status flags (cpu/flags.ts): operation u32, then result and operands sign-extended to i64. */
export const FLAG_OP: usize = REGS + 0xa0;
export const FLAG_RES: usize = REGS + 0xa8;
export const FLAG_A: usize = REGS + 0xb0;
export const FLAG_B: usize = REGS + 0xb8;

/** i64. High 32 bits: instructions left in this run. Low 32 bits: memory accesses made in it. One
 *  subtraction of a block's cost moves both, so counting accesses is free. */
export const FUEL: usize = REGS + 0xc0;

/** From REGS on: what running code keeps writing. REGS is the start of a page (cpu/code-cache.ts). */
export const BUSY_BYTES: usize = 0x100;

// --- What makes one processor another

/** Segment registers: 8 entries `es cs ss ds fs gs ldtr tr` of SEG_BYTES. */
export const SEGS: usize = PROCESSOR + 0x100;
export const SEG_BYTES: usize = 32;
/** Within an entry: base u64, limit u32 (byte granular), access rights u32 as a VMCS holds them
 *  (3:0 type, 4 S, 6:5 DPL, 7 P, 12 AVL, 13 L, 14 D/B, 15 G, 16 unusable), selector u16. */
export const SEG_BASE: usize = 0;
export const SEG_LIMIT: usize = 8;
export const SEG_ACCESS: usize = 12;
export const SEG_SELECTOR: usize = 16;

export const GDTR_BASE: usize = PROCESSOR + 0x200;
export const GDTR_LIMIT: usize = PROCESSOR + 0x208;
export const IDTR_BASE: usize = PROCESSOR + 0x210;
export const IDTR_LIMIT: usize = PROCESSOR + 0x218;

export const CR0: usize = PROCESSOR + 0x220;
export const CR2: usize = PROCESSOR + 0x228;
export const CR3: usize = PROCESSOR + 0x230;
export const CR4: usize = PROCESSOR + 0x238;
export const CR8: usize = PROCESSOR + 0x240;
export const EFER: usize = PROCESSOR + 0x248;
/** DR0..DR3, u64[4]. */
export const DR: usize = PROCESSOR + 0x250;
export const DR6: usize = PROCESSOR + 0x270;
export const DR7: usize = PROCESSOR + 0x278;
/** u32. */
export const PKRU: usize = PROCESSOR + 0x280;
/** u32, the current privilege level: always SS.DPL between instructions. */
export const CPL: usize = PROCESSOR + 0x284;
/** u32, what decoding depends on (cpu/mode.ts): 0 is 64-bit code. */
export const CODE_MODE: usize = PROCESSOR + 0x288;
/** u32, MSR_MISC_FEATURES_ENABLES. */
export const MISC_FEATURES: usize = PROCESSOR + 0x28c;
/** u32, Activity: running, halted, shut down. */
export const ACTIVITY: usize = PROCESSOR + 0x290;
/** u32, level of the INTR pin. */
export const INTR: usize = PROCESSOR + 0x294;
/** u32, NMI latched; u32, NMIs blocked until IRET. */
export const NMI_PENDING: usize = PROCESSOR + 0x298;
export const NMI_BLOCKED: usize = PROCESSOR + 0x29c;
/** u32, bits of DR6 that a #DB trap will report after the running instruction. */
export const DEBUG_PENDING: usize = PROCESSOR + 0x2a0;
/** u32, 1: an event stops the core and is told to the host instead of going through the IDT. */
export const HOSTED: usize = PROCESSOR + 0x2a8;
/** u32, 1 when MONITOR has armed the address monitor. */
export const MONITOR_ARMED: usize = PROCESSOR + 0x2ac;

// Model-specific registers, u64 each.
export const STAR: usize = PROCESSOR + 0x2b0;
export const LSTAR: usize = PROCESSOR + 0x2b8;
export const CSTAR: usize = PROCESSOR + 0x2c0;
export const FMASK: usize = PROCESSOR + 0x2c8;
export const KERNEL_GS_BASE: usize = PROCESSOR + 0x2d0;
export const SYSENTER_CS: usize = PROCESSOR + 0x2d8;
export const SYSENTER_ESP: usize = PROCESSOR + 0x2e0;
export const SYSENTER_EIP: usize = PROCESSOR + 0x2e8;
export const TSC_AUX: usize = PROCESSOR + 0x2f0;
/** What WRMSR(TSC) added to virtual time. */
export const TSC_OFFSET: usize = PROCESSOR + 0x2f8;
export const PAT: usize = PROCESSOR + 0x300;
export const APIC_BASE: usize = PROCESSOR + 0x308;
export const MISC_ENABLE: usize = PROCESSOR + 0x310;
export const MTRR_DEF_TYPE: usize = PROCESSOR + 0x318;
/** u64, IA32_TSC_DEADLINE as last written; the host, whose local APIC it arms, clears it. */
export const TSC_DEADLINE: usize = PROCESSOR + 0x320;
/** u64, HPA of the page of the local APIC, all ones while IA32_APIC_BASE has it off. */
export const APIC_PAGE: usize = PROCESSOR + 0x328;

/** u64, features that this processor has: bit n is entry n of FEATURES in src/isa. */
export const FEATURES: usize = PROCESSOR + 0x330;
/** u64, RAM bytes; HPA below it is RAM, all else goes to the bus. */
export const RAM_BYTES: usize = PROCESSOR + 0x338;

/** u32, PagingMode: which structures the walker reads. Follows CR0, CR4 and EFER. */
export const PAGING_MODE: usize = PROCESSOR + 0x340;

/** TLB context (low bits of a tag, mmu/context.ts), u64 each: of explicit accesses at the running CPL as
 *  the fast path compares it (NO_CONTEXT while every access must be looked at), and as it really is; */
export const CONTEXT: usize = PROCESSOR + 0x348;
export const DATA_CONTEXT: usize = PROCESSOR + 0x350;
/** of instruction fetches; of implicit supervisor accesses. */
export const FETCH_CONTEXT: usize = PROCESSOR + 0x358;
export const SYSTEM_CONTEXT: usize = PROCESSOR + 0x360;

/** u32: map of guest-physical memory (mmu/guest-physical.ts), BY_EPT or 0; and the frames that a map has. */
export const GUEST_MAP: usize = PROCESSOR + 0x368;
export const BY_EPT: u32 = 1;
export const GUEST_FRAMES: usize = PROCESSOR + 0x36c;

/** u32 index of the space in use (SPACES). */
export const SPACE_CURRENT: usize = PROCESSOR + 0x344;

/** For a VMM that keeps what it derives from page tables: which translations the guest has invalidated since the host
 *  cleared this, u32 INVALIDATED_*, and u64 the GVA of the page where it is one. */
export const INVALIDATED: usize = PROCESSOR + 0x370;
export const INVALIDATED_PAGE: usize = PROCESSOR + 0x378;
export const INVALIDATED_NONE: u32 = 0;
export const INVALIDATED_ONE: u32 = 1;
export const INVALIDATED_ALL: u32 = 2;

/** From SEGS on: what makes one processor another. A virtual processor and the one that its guest runs on
 *  directly exchange it (cpu/virtual.ts); the rest they share. */
export const SYSTEM_BYTES: usize = 0x280;

// --- What running code leaves behind

/** u32, interrupts held off until after the next instruction: 1 by STI, 2 by MOV or POP SS. */
export const SHADOW: usize = PROCESSOR + 0x380;
/** State of the generator behind RDRAND and RDSEED. */
export const RANDOM: usize = PROCESSOR + 0x388;
/** u64, virtual time in ns when the run began; with FUEL_START minus the fuel left it is now. */
export const TIME: usize = PROCESSOR + 0x390;
/** u32, instructions that the run may have: less than it began with once it was made to end (cpu/emulation.ts). */
export const FUEL_START: usize = PROCESSOR + 0x398;
/** u32, not 0: a device asks for the run to end at the next boundary. */
export const STOP_REQUEST: usize = PROCESSOR + 0x384;

// Counters, u64 each.
export const COUNT_ACCESSES: usize = PROCESSOR + 0x3a0;
export const COUNT_TLB_MISSES: usize = PROCESSOR + 0x3a8;
export const COUNT_WALK_REFERENCES: usize = PROCESSOR + 0x3b0;
export const COUNT_BLOCKS_DECODED: usize = PROCESSOR + 0x3b8;
export const COUNT_FLUSHES: usize = PROCESSOR + 0x3c0;
/** u64[32], exceptions raised by vector. */
export const COUNT_EXCEPTIONS: usize = PROCESSOR + 0x3c8;

/** What made the running instruction end early (cpu/event.ts). u32. */
export const RAISED: usize = PROCESSOR + 0x4c8;
/** u32, 1 while the instruction that runs is alone in its block, so that it may touch devices and code. */
export const STEPPING: usize = PROCESSOR + 0x4cc;
/** u32, 1 while the last instruction of the run is a string instruction stopped between iterations. */
export const REPEATING: usize = PROCESSOR + 0x4fc;

// Event block: the exception being raised, and the last record of the chain that led to it.
export const EVENT_VECTOR: usize = PROCESSOR + 0x4d0;
export const EVENT_ERROR: usize = PROCESSOR + 0x4d4;
/** u32: fault, trap, software interrupt ... (EventKind). */
export const EVENT_KIND: usize = PROCESSOR + 0x4d8;
/** u32, 1 when EVENT_ERROR is part of the event. */
export const EVENT_HAS_ERROR: usize = PROCESSOR + 0x4dc;
/** u64, linear address of a #PF. */
export const EVENT_ADDRESS: usize = PROCESSOR + 0x4e0;

/** What the walker found (mmu/walk.ts). */
export const WALK_HPA: usize = PROCESSOR + 0x4e8;
export const WALK_SHIFT: usize = PROCESSOR + 0x4f0;
export const WALK_ERROR: usize = PROCESSOR + 0x4f4;
/** u32, length of the instruction that raised a software interrupt: RIP, behind it, minus this is its start. */
export const EVENT_LENGTH: usize = PROCESSOR + 0x4f8;

/** u64, virtual time of the last event plus 1, 0 before the first (Run.event). */
export const EVENT_TIME: usize = PROCESSOR + 0x500;

/** Why the run ended (ExitReason), with details where it has any. */
export const EXIT_REASON: usize = PROCESSOR + 0x508;
/** u32, of ExitReason.Absent. */
export const EXIT_DETAIL: usize = PROCESSOR + 0x50c;

/** u32, the record that the dispatch loop begins with: what is loaded needs no zero-extension each time. */
export const CURRENT: usize = PROCESSOR + 0x510;

/** Fault chain (cpu/event.ts): FAULT_COUNT u32, then 4 records of FAULT_BYTES. */
export const FAULT_COUNT: usize = PROCESSOR + 0x514;
export const FAULTS: usize = PROCESSOR + 0x518;
export const FAULT_BYTES: usize = 80;
export const FAULT_RECORDS: u32 = 4;

/** Why-block: what was read when a check failed, until the next fault record takes it. u32 reason,
 *  u32 level (7:0 level of a paging-structure entry, 15:8 PagingMode), u64 address of the entry, u64[2] the entry. */
export const WHY: usize = PROCESSOR + 0x658;
export const WHY_LEVEL: usize = PROCESSOR + 0x65c;
export const WHY_ADDRESS: usize = PROCESSOR + 0x660;
export const WHY_LOW: usize = PROCESSOR + 0x668;
export const WHY_HIGH: usize = PROCESSOR + 0x670;
/** The stack that it was about, if that came from the TSS: u32 offset of the field in the TSS or 0, u32 1 if the
 *  pointer was read, u64 GVA of the field, u64 the pointer. */
export const WHY_STACK: usize = PROCESSOR + 0x678;
export const WHY_STACK_READ: usize = PROCESSOR + 0x67c;
export const WHY_STACK_ADDRESS: usize = PROCESSOR + 0x680;
export const WHY_STACK_POINTER: usize = PROCESSOR + 0x688;

/** PDPTE registers of PAE paging (mmu/pdptes.ts), u64[4]. */
export const PDPTES: usize = PROCESSOR + 0x690;

/** Of the processor that a guest runs on directly (cpu/virtual.ts): u16[6], the guest's selectors that its segment
 *  registers were loaded for; u16[6], its own then; u32, 1 while they are as they were loaded. */
export const RESUMED_SELECTORS: usize = PROCESSOR + 0x6b0;
export const LOADED_SELECTORS: usize = PROCESSOR + 0x6bc;
export const ARE_LOADED: usize = PROCESSOR + 0x6c8;

/** u32, low half of the entry that maps the page that the walker found; 0 without paging. */
export const WALK_LEAF: usize = PROCESSOR + 0x6cc;

/** Memory type range registers, storage only: the 11 fixed ones, then 8 pairs of base and mask, u64 each. */
export const MTRR_FIXED: usize = PROCESSOR + 0x700;
export const MTRR_VARIABLE: usize = PROCESSOR + 0x760;

/** u64, MSR_PLATFORM_INFO as the host wrote it; the register is not there if it is 0. */
export const PLATFORM_INFO: usize = PROCESSOR + 0x7f8;
/** CPUID leaves: CPUID_COUNT u32, then entries {leaf, subleaf, eax, ebx, ecx, edx} of u32 written by the host. */
export const CPUID_COUNT: usize = PROCESSOR + 0x7f0;
export const CPUID_TABLE: usize = PROCESSOR + 0x800;

// VMX (asm/vmx). u64 each, addresses all ones for none: the VMXON region, the current VMCS; IA32_FEATURE_CONTROL.
export const VMX: usize = PROCESSOR + 0xd00;
export const VMXON_POINTER: usize = VMX;
export const CURRENT_VMCS: usize = VMX + 0x08;
export const FEATURE_CONTROL: usize = VMX + 0x10;
/** u32, VmxMode: outside VMX operation, in root, in non-root operation. */
export const VMX_MODE: usize = VMX + 0x18;
/** u32, 1: on a VM exit the run ends and the host, which is in VMX root operation, goes on; 0: the guest program at
 *  HOST_RIP does. */
export const VMX_HOSTED: usize = VMX + 0x1c;
/** u32, number of the row of src/vmx/checks.ts by which the last VM entry failed, 0: by none. */
export const FAILED_CHECK: usize = VMX + 0x20;
/** u32, SHADOW as the instruction found it that runs alone (STEPPING). */
export const SHADOWED: usize = VMX + 0x24;
/** u32, not 0: in the guest that runs every instruction boundary must be looked at, for one of WATCH_ (vmx/boundary.ts). */
export const VMX_WATCH: usize = VMX + 0x28;
/** u32, 1: IRET has unblocked NMIs and then faulted. */
export const NMI_UNBLOCKED: usize = VMX + 0x2c;
/** The VMX-preemption timer: u32, 1 while it counts; u32, fuel that the run has beyond its end; u64, virtual time of that. */
export const TIMER_ON: usize = VMX + 0x30;
export const TIMER_FUEL: usize = VMX + 0x34;
export const TIMER_END: usize = VMX + 0x38;
/** u32, type of a software interrupt as interruption information has it (vmx/interruption.ts). */
export const SOFTWARE_TYPE: usize = VMX + 0x40;
export const VMX_BYTES: usize = 0x80;

// Translation in VMX non-root operation (mmu/nested.ts). u64, the EPT pointer in use, 0: none; u32, the VPID in use,
// 0 also where there is none.
export const NESTED: usize = PROCESSOR + 0xd80;
export const EPTP: usize = NESTED;
export const VPID: usize = NESTED + 0x08;
/** Page-modification log: u32, 1 while it is kept; u64, HPA of its page; u32, the 16 bits of its index. */
export const PML_ON: usize = NESTED + 0x0c;
export const PML_ADDRESS: usize = NESTED + 0x10;
export const PML_INDEX: usize = NESTED + 0x18;
/** The VM exit that was raised (Event.vmExit): u32 reason (SDM 3C appendix C); u64 qualification, GPA and GVA. */
export const VM_EXIT_REASON: usize = NESTED + 0x1c;
export const VM_EXIT_QUALIFICATION: usize = NESTED + 0x20;
export const VM_EXIT_GPA: usize = NESTED + 0x28;
export const VM_EXIT_GLA: usize = NESTED + 0x30;
/** u64, EPT entries read by walks; COUNT_WALK_REFERENCES has those of the guest's own tables. */
export const COUNT_EPT_REFERENCES: usize = NESTED + 0x38;
export const NESTED_BYTES: usize = 0x80;

export const PROCESSOR_BYTES: usize = 0xe00;

// --- State of the caches, which all processors share --------------------------------------------

export const CACHES: usize = 0x2000;

/** Address spaces known to the TLB (mmu/context.ts): SPACES entries of SPACE_BYTES. */
export const SPACES: usize = CACHES;
export const SPACE_BYTES: usize = 32;
export const SPACE_COUNT: u32 = 32;
/** u32 index of the space that is replaced next, u32 last context number handed out. */
export const SPACE_VICTIM: usize = CACHES + 0x400;
export const CONTEXT_LAST: usize = CACHES + 0x404;

/** u32 each: next free byte of BLOCKS, next unused code page, head of the list of freed code pages. */
export const CACHE_NEXT: usize = CACHES + 0x408;
export const CODE_PAGE_NEXT: usize = CACHES + 0x40c;
export const CODE_PAGE_FREE: usize = CACHES + 0x410;

/** u32, 1: nothing is cached in the TLBs (the walker must be right without them). */
export const TLB_DISABLED: usize = CACHES + 0x414;

/** u32, not 0: instructions whose rows are sensitive run alone, and the run ends after each; then it is WATCH_RAN. */
export const SENSITIVE_WATCH: usize = CACHES + 0x418;
export const WATCH_ON: u32 = 1;
export const WATCH_RAN: u32 = 2;

/** u32, 1: the host hears of accesses that reach DRAM (mmu/dram.ts). */
export const DRAM: usize = CACHES + 0x41c;

/** Bytes of an instruction that crosses a page, gathered for the decoder: u8[16]. */
export const FETCHED: usize = CACHES + 0x420;

/** Hashes of 2 MiB regions that large-page translations were cached for: 4096 bits. */
export const LARGE_PAGES: usize = CACHES + 0x600;
export const LARGE_PAGES_BYTES: usize = 512;

/** One record and its end, decoded outside all caches: an instruction across pages, or near the end of one. */
export const STEP_BLOCK: usize = CACHES + 0x800;

export const CACHES_BYTES: usize = 0xc00;

/** Room for a processor block while two are exchanged (cpu/virtual.ts). */
export const SPARE_BLOCK: usize = 0x3000;

/** The VMCS that is current (asm/vmx/region.ts), with its fields where src/vmx/fields.ts puts them. */
export const VMCS: usize = 0x4000;
export const VMCS_BYTES: usize = 0x1000;

// --- TLBs --------------------------------------------------------------------------------------

/** Entry of 16 bytes: tag u64 (GVA page | context), addend u32 (linear-memory offset minus GVA), frame u32. */
export const TLB_ENTRIES: u32 = 16384;
export const TLB_BYTES: usize = TLB_ENTRIES << 4;
/** Byte offset of an entry within its array is (gva >> 8) & TLB_SLOTS. */
export const TLB_SLOTS: u32 = (TLB_ENTRIES - 1) << 4;
export const TLB_READ: usize = 0x10000;
export const TLB_WRITE: usize = TLB_READ + TLB_BYTES;
export const FETCH_ENTRIES: u32 = 1024;
export const FETCH_SLOTS: u32 = (FETCH_ENTRIES - 1) << 4;
export const TLB_FETCH: usize = TLB_WRITE + TLB_BYTES;
/** Paging-structure cache of EPT (mmu/ept.ts): entries of 16 bytes, each for 2 MiB of guest-physical memory. */
export const EPT_CACHE: usize = TLB_FETCH + (FETCH_ENTRIES << 4);
export const EPT_CACHE_ENTRIES: u32 = 512;
export const EPT_CACHE_BYTES: usize = EPT_CACHE_ENTRIES << 4;
export const TLB_END: usize = EPT_CACHE + EPT_CACHE_BYTES;

// --- Decode tables (src/isa/decode-table.ts), written by the host -------------------------------

export const DECODE_INDEX: usize = TLB_END;
export const DECODE_ENTRIES: usize = DECODE_INDEX + 0x1010;
export const DECODE_ENTRY_BYTES: usize = 32;
export const DECODE_MAX_ENTRIES: usize = 4096;
/** Per decode entry, 8 bytes: u16 handler of the register form, u16 of the memory form, u8 memory accesses
 *  of each, u16 HANDLER_ bits (cpu/decode.ts). */
export const DECODE_HANDLERS: usize = DECODE_ENTRIES + DECODE_MAX_ENTRIES * DECODE_ENTRY_BYTES;
/** Per opcode of the four maps, u8: what follows it where no entry fits (src/isa/opcode-shape.ts). */
export const DECODE_SHAPES: usize = DECODE_HANDLERS + DECODE_MAX_ENTRIES * 8;

// --- Decoded-code cache ------------------------------------------------------------------------

/** Instructions decoded to run alone (cpu/single-steps.ts). */
export const SINGLE_STEPS: usize = 0xc0000;
export const SINGLE_STEP_BYTES: usize = 128;
export const SINGLE_STEP_COUNT: u32 = 2048;

/** Hash table of blocks: entries {hpa u32, mode u32, first record u32, 0}. */
export const BLOCK_TABLE: usize = 0x100000;
export const BLOCK_SLOTS: u32 = 65536;
/** Code pages, from index 1: first block u32, frame u32, bitmap of decoded bytes u8[512]. */
export const CODE_PAGES: usize = 0x200000;
export const CODE_PAGE_COUNT: u32 = 4096;
export const CODE_PAGE_BYTES: usize = 520;
/** Blocks: header, records, end record; none lies at the offset of the registers in a page (cpu/code-cache.ts). */
export const BLOCKS: usize = 0x420000;
export const BLOCKS_END: usize = 0x1700000;

// --- Frames and RAM ----------------------------------------------------------------------------

/** Frames of RAM that there can be: 2 GiB, and what a VMM needs for guests that have all of that. */
export const MAX_FRAMES: u32 = 0x90000;
/** u8 per 4 KiB frame of RAM: FRAME_ flags below. */
export const FRAME_FLAGS: usize = BLOCKS_END;
/** Instructions of the frame are decoded; it was written since the host cleared this; it is in the write TLB. */
export const FRAME_CODE_BIT: u8 = 1;
export const FRAME_DIRTY: u8 = 2;
export const FRAME_WRITABLE: u8 = 4;
/** It may be in more entries of the write TLB than the one in FRAME_SLOT. */
export const FRAME_ALIASED: u8 = 8;
/** Lines of it were flushed from the caches: accesses to it go to the host (mmu/dram.ts). */
export const FRAME_FLUSHED: u8 = 16;
/** u16 per frame: index of its code page, 0 for none. */
export const FRAME_CODE: usize = FRAME_FLAGS + MAX_FRAMES;
/** u16 per frame: number of an entry of the write TLB that has it, if FRAME_WRITABLE is set. */
export const FRAME_SLOT: usize = FRAME_CODE + 2 * MAX_FRAMES;
/** Maps of guest-physical memory, u32 a frame; blocks of virtual processors, GUEST_BLOCK apart, each laid out as
 *  the processor block. The VMM in src/vmm hands both out. */
export const GUEST_MAPS: usize = 0x1a00000;
export const GUEST_MAPS_END: usize = 0x1c00000;
export const GUEST_BLOCKS: usize = GUEST_MAPS_END;
export const GUEST_BLOCKS_END: usize = 0x2000000;
export const GUEST_BLOCK_BYTES: usize = 0x1000;
/** HPA under which the host is asked for the local APIC, wherever IA32_APIC_BASE has put it: beyond what
 *  page tables can name. The APIC hides what else lies in its page, RAM included. */
export const LOCAL_APIC: u64 = 0x80000000000;

/** Set in the HPA of RAM where an access may get to DRAM, and where the page is uncacheable (mmu/dram.ts). Both lie
 *  beyond what page tables can name. */
export const DRAM_ALIAS: u64 = 0x20000000000;
export const DRAM_UNCACHED: u64 = 0x10000000000;

/** Machine RAM: HPA 0 lies here. */
export const RAM: usize = GUEST_BLOCKS_END;
