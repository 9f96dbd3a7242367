; check-mode-refused: the way of check-mode-switch with every step that is none, tried on the way: what each mode needs,
; what may not change while paging is on, what keeps IA-32e mode from being entered or left; and that nothing has
; changed when a step was refused.
; Shows: #GP(0) for each of them, control registers and paging structures as they were, in the mode as it was.
; check-paging-refused, check-control and check-pcid have more of such values, one by one.
; differs(qemu): * - QEMU's TCG accepts most of these, and dies of some
; SDM 3A 4.1.2 Paging-Mode Enabling, 4.4.1 PDPTE Registers, 9.8.5 Initializing IA-32e Mode; 2B MOV Control Registers.

%include "../inc/guest32.inc"
%include "../inc/check32.inc"
%include "../inc/modes.inc"

CODE_L          equ MODES_FREE                  ; 32-bit code with the L bit, which means nothing outside IA-32e mode
TSS16           equ MODES_FREE + 8

; refused label, "text", cr number, bits: one that changes a control register, and the mode afterwards.
%macro refused 4
        check %1, %2
          flip %3, %4
        done
        state "  then"
%endmacro
; refused_efer label, "text", bits
%macro refused_efer 3
        check %1, %2
          flip_efer %3
        done
        state "  then"
%endmacro

main:
        call check_init
        call modes_init
        call unpaged
        call paging32
        call paging_pae
        call entering
        call compatibility
        call long_mode
        call leaving
        ret

unpaged:
        state "protected mode"
        check pg_pe, "pg without pe"
          mov eax, CR0_PG
          mov cr0, eax
        done
        state "  then"
        refused nw, "nw without cd", 0, CR0_NW
        refused unpaged_pcide, "pcide", 4, CR4_PCIDE
        refused_efer lma, "writing lma is ignored", EFER_LMA
        ret

paging32:
        load_cr3 pd32
        flip 0, CR0_PG
        state "32-bit paging"
        refused pe_32, "clearing pe", 0, CR0_PE
        refused_efer lme_32, "lme", EFER_LME
        refused_efer lme_nxe_32, "lme together with nxe", EFER_LME | EFER_NXE
        refused pcide_32, "pcide", 4, CR4_PCIDE
        mov dword [pd32 + 4], 0x80000000 | PTE_P | PTE_RW       ; bits 63:32 of the first PDPTE, if it were one
        refused pae_32, "pae with pdptes that have reserved bits", 4, CR4_PAE
        mov dword [pd32 + 4], 0
        flip 0, CR0_PG
        ret

paging_pae:
        flip 4, CR4_PAE
        load_cr3 pdpt_pae
        or dword [pdpt_pae], PTE_RW
        refused pg_pdpte, "pg with a pdpte that has a reserved bit", 0, CR0_PG
        and dword [pdpt_pae], ~PTE_RW
        flip 0, CR0_PG
        state "pae paging"
        refused pe_pae, "clearing pe", 0, CR0_PE
        refused_efer lme_pae, "lme", EFER_LME
        refused pcide_pae, "pcide", 4, CR4_PCIDE
        or dword [pdpt_pae], PTE_RW
        refused pge_pdpte, "pge, which loads the pdptes, when one has a reserved bit", 4, CR4_PGE
        check cr3_pdpte, "mov to cr3 then"
          load_cr3 pdpt_pae
        done
        state "  then"
        and dword [pdpt_pae], ~PTE_RW
        flip 0, CR0_PG
        ret

entering:
        load_cr3 pml4
        flip_efer EFER_LME
        flip 4, CR4_PAE
        refused pg_no_pae, "pg with lme without pae", 0, CR0_PG
        flip 4, CR4_PAE
        refused lme_pcide, "pcide before ia-32e mode", 4, CR4_PCIDE
        set_segment CODE_L, FLAT | DESC_D | DESC_L | DESC_P | DESC_CODE, 0xffff, pg_l.body
        check pg_l, "pg with lme and cs.l"
          jmp CODE_L:.here - .body
.here:    flip 0, CR0_PG
        done
        state "  then"
        set_segment TSS16, DESC_P | DESC_TSS16, 43, tss
        check pg_tss16, "pg with lme and a 16-bit tss"
          mov eax, TSS16
          ltr ax
          flip 0, CR0_PG
        done
        call legacy_tables
        state "  then"
        ret

compatibility:
        flip 0, CR0_PG
        call long_tables
        state "ia-32e mode"
        refused pae_compat, "clearing pae", 4, CR4_PAE
        refused pe_compat, "clearing pe", 0, CR0_PE
        refused_efer lme_compat, "clearing lme", EFER_LME
        refused la57_compat, "la57", 4, CR4_LA57
        check pcide_low, "pcide with low bits of cr3"
          mov eax, cr3
          or eax, 8
          mov cr3, eax
          flip 4, CR4_PCIDE
        done
        load_cr3 pml4
        flip 4, CR4_PCIDE
        state "with pcide"
        refused pg_pcide, "clearing pg with pcide", 0, CR0_PG
        refused pg_pe_pcide, "clearing pg and pe with pcide", 0, CR0_PG | CR0_PE
        ret

; refused64 label, "text", cr number, bits; and refused64_efer.
%macro refused64 4
        check64 %1, %2
          mov rax, cr%3
          mov ecx, %4
          xor rax, rcx
          mov cr%3, rax
        done64
        state "  then"
%endmacro

long_mode:
        refused64 pg_64, "in 64-bit mode: clearing pg", 0, CR0_PG
        refused64 pg_pe_64, "clearing pg and pe", 0, CR0_PG | CR0_PE
        refused64 pe_64, "clearing pe", 0, CR0_PE
        refused64 pae_64, "clearing pae", 4, CR4_PAE
        refused64 la57_64, "la57", 4, CR4_LA57
        check64 high_64, "bit 32 of cr0"
          mov rax, cr0
          bts rax, 32
          mov cr0, rax
        done64
        check64 lme_64, "clearing lme"
          mov ecx, IA32_EFER
          rdmsr
          and eax, ~EFER_LME
          wrmsr
        done64
        flip 4, CR4_PCIDE
        refused64 pg_64_no_pcide, "clearing pg without pcide", 0, CR0_PG
        ret

leaving:
        flip 0, CR0_PG
        call legacy_tables
        state "ia-32e mode left"
        refused left_pcide, "pcide", 4, CR4_PCIDE
        flip 4, CR4_PAE
        refused left_pg, "pg with lme without pae", 0, CR0_PG
        flip_efer EFER_LME
        load_cr3 pd32
        flip 0, CR0_PG
        state "32-bit paging"
        ret
