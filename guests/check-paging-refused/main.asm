; check-paging-refused: which values CR0, CR4 and EFER refuse in each paging mode, and in compatibility mode: what the
; mode needs, what may not change while paging is on, what keeps IA-32e mode from being entered.
; Shows: #GP(0) for every change of paging mode that the manual forbids.
; differs(qemu): * - QEMU's TCG accepts most of these, and dies of some
; SDM 3A 4.1.2 Paging-Mode Enabling, 9.8.5 Initializing IA-32e Mode; 2B MOV Control Registers.

%include "../inc/guest.inc"
%include "../inc/check.inc"
%include "../inc/legacy.inc"
%include "../inc/compat.inc"

LONG_CS         equ FREE_SELECTOR + 24          ; 32-bit code with the L bit, which means nothing outside IA-32e mode
TSS16           equ FREE_SELECTOR + 32

main:
        call check_init
        call legacy_init
        mov dword [free_slots + LONG_CS - FREE_SELECTOR], 0xffff
        mov dword [free_slots + LONG_CS - FREE_SELECTOR + 4], FLAT | DESC_D | DESC_L | DESC_P | DESC_CODE
        mov edi, free_slots + TSS16 - FREE_SELECTOR
        mov esi, legacy_tss
        mov edx, DESC_P | 0x100                 ; available 16-bit TSS
        mov ecx, 103
        call write_system_descriptor
        call without_long_mode
        call entering
        jmp within

without_long_mode:
        legacy 0, pd32, 0, 0
        legacy_check none_pg_pe, "no paging: pg without pe"
          mov eax, CR0_PG
          mov cr0, eax
        legacy_done
        legacy_check none_nw, "no paging: nw without cd"
          flip 0, CR0_NW
        legacy_done
        legacy_check none_pcide, "no paging: pcide"
          flip 4, CR4_PCIDE
        legacy_done
        legacy_check none_reserved, "no paging: bit 31 of cr4"
          flip 4, 1 << 31
        legacy_done
        legacy_check none_lme, "no paging: lme"
          flip_efer EFER_LME
          rdmsr
        legacy_value
        legacy_check none_lma, "no paging: writing lma changes nothing"
          flip_efer EFER_LMA
          rdmsr
        legacy_value
        legacy_check none_efer, "no paging: a reserved bit of efer"
          flip_efer 1 << 9
        legacy_done
        legacy CR0_PG, pd32, 0, 0
        legacy_check bits32_lme, "32-bit paging: lme"
          flip_efer EFER_LME
        legacy_done
        legacy_check bits32_nxe, "32-bit paging: nxe"
          flip_efer EFER_NXE
          rdmsr
        legacy_value
        legacy_check bits32_pcide, "32-bit paging: pcide"
          flip 4, CR4_PCIDE
        legacy_done
        legacy_check bits32_pe, "32-bit paging: clearing pe"
          flip 0, CR0_PE
        legacy_done
        legacy CR0_PG, pdpt, CR4_PAE, 0
        legacy_check pae_lme, "pae paging: lme"
          flip_efer EFER_LME
        legacy_done
        legacy_check pae_pcide, "pae paging: pcide"
          flip 4, CR4_PCIDE
        legacy_done
        ret

; IA-32e mode cannot be entered without PAE, from code with L, or with a 16-bit TSS.
entering:
        legacy 0, page_root, 0, EFER_LME
        legacy_check long_no_pae, "lme, pg without pae"
          flip 0, CR0_PG
        legacy_done
        legacy 0, page_root, CR4_PAE, EFER_LME
        legacy_check long_tss16, "lme and pg with a 16-bit tss"
          mov byte [gdt + TSS16 + 5], (DESC_P | 0x100) >> 8
          mov eax, TSS16
          ltr ax
          flip 0, CR0_PG
        legacy_done
        legacy_check long_cs_l, "lme and pg with cs.l"
          jmp LONG_CS:.far
.far:     flip 0, CR0_PG
        legacy_done
        ret

within:
        compat_check compat_pae, "compatibility mode: clearing pae"
          flip 4, CR4_PAE
        compat_done
        compat_check compat_lme, "compatibility mode: clearing lme"
          flip_efer EFER_LME
        compat_done
        compat_check compat_pcide, "compatibility mode: pg cleared with pcide"
          flip 4, CR4_PCIDE
          flip 0, CR0_PG
        compat_done
        clear_cr4 CR4_PCIDE
        ret
