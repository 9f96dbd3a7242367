; check-pae: PAE paging, from 32-bit code. Every combination of R/W, U/S and XD in PDE and PTE; accessed and dirty flags,
; 2 MiB pages, reserved bits; and the four PDPTEs, which are registers: what loads them, which of their bits a load
; refuses, that nothing else sees a change of them in memory.
; Shows: #PF and #GP error codes, that a PDPTE has no A flag, which MOVs load PDPTEs.
; differs(qemu): pdpte - QEMU reads PDPTEs from memory at each walk, sets A in them, and loads any
; differs(qemu): pde bit - QEMU leaves P out of the error code
; differs(qemu): pte bit - the same
; differs(qemu): 2 MiB page bit - the same
; differs(qemu): without nxe - the same
; SDM 3A 4.4 PAE Paging, 4.4.1 PDPTE Registers, 4.6 Access Rights, 4.7 Page-Fault Exceptions.

%include "../inc/guest.inc"
%include "../inc/check.inc"
%include "../inc/legacy.inc"
%include "../inc/matrix.inc"

FRAME           equ 0x2000000                   ; frames for tests
FRAME_2         equ 0x2201000
TABLE_FLAGS     equ PTE_P | PTE_RW | PTE_US

; fresh pde flags, pte flags: the window's first page anew.
%macro fresh 2
        mov rax, window_pt_pae + (%1)
        mov [window_pd_pae], rax
        mov rax, FRAME + (%2)
        mov [window_pt_pae], rax
%endmacro

; show_entries "text": PDPTE, PDE and PTE of the window's first page.
%macro show_entries 1
        print "pdpte "
        print %1
        mov eax, [pdpt + 8]
        and eax, 0xfff
        print `: `
        print_hex rax, 3
        mov eax, [window_pd_pae]
        and eax, 0xfff
        print ` pde `
        print_hex rax, 3
        mov eax, [window_pt_pae]
        and eax, 0xfff
        print ` pte `
        print_hex rax, 3
        print `\n`
%endmacro

main:
        call check_init
        call legacy_init
        mov dword [abs FRAME], 0x111111c3       ; ret, and a mark
        mov dword [abs FRAME + 0xffc], 0x11223344
        mov dword [abs FRAME_2], 0x222222c3
        mov eax, window_pd_pae + PTE_P
        mov [pdpt + 8], rax
        call rights
        call execute_disable
        call accessed_dirty
        call large_pages
        call reserved_bits
        call straddling
        call pdpte_loads
        call pdpte_bits
        ret

rights:
        mov dword [legacy_cr3], pdpt
        mov ebx, 1
.pde:   mov ecx, 1
.pte:   lea eax, [rbx + window_pt_pae]
        mov [window_pd_pae], rax
        lea eax, [rcx + FRAME]
        mov [window_pt_pae], rax
        print `pde `
        print_dec rbx
        print ` pte `
        print_dec rcx
        print `\n`
        matrix CR4_PAE, 0
        add ecx, 2
        cmp ecx, 9
        jb .pte
        add ebx, 2
        cmp ebx, 9
        jb .pde
        ret

execute_disable:
        fresh TABLE_FLAGS | PTE_XD, TABLE_FLAGS
        print `xd in the pde\n`
        matrix CR4_PAE, EFER_NXE
        fresh TABLE_FLAGS, TABLE_FLAGS | PTE_XD
        print `xd in the pte\n`
        matrix CR4_PAE, EFER_NXE
        fresh TABLE_FLAGS, PTE_P | PTE_RW | PTE_XD
        print `xd in the pte, supervisor\n`
        matrix CR4_PAE, EFER_NXE
        fresh 0, TABLE_FLAGS
        print `pde not present, nxe\n`
        matrix CR4_PAE, EFER_NXE
        ret

accessed_dirty:
        legacy CR0_PG | CR0_WP, pdpt, CR4_PAE, 0
        fresh 7, 7
        legacy_check ad_read, "a read"
          mov eax, [WINDOW]
        legacy_value
        show_entries "then"
        fresh 7, 7
        legacy_check ad_write, "a write"
          mov dword [WINDOW + 4], 5
        legacy_done
        show_entries "then"
        fresh 7, 7
        legacy_check ad_late, "a write after a read"
          mov eax, [WINDOW]
          mov dword [WINDOW + 4], 5
        legacy_done
        show_entries "then"
        ret

large_pages:
        mov rax, FRAME + TABLE_FLAGS + PTE_PS
        mov [window_pd_pae], rax
        legacy_check large_read, "a 2 MiB page"
          mov eax, [WINDOW + 0xffc]
        legacy_value
        show_entries "then"
        legacy_user_check large_write, "written near its end, at cpl 3"
          mov dword [WINDOW + 0x1ffff8], 0x12345678
          mov eax, [WINDOW + 0x1ffff8]
        legacy_value
        show_entries "then"
        legacy CR0_PG | CR0_WP, pdpt, CR4_PAE | CR4_PSE, 0
        legacy_check large_pse, "pse changes nothing"
          mov eax, [WINDOW + 0x1ffff8]
        legacy_value
        ret

; try_bit text, entry, bit: a read through the entry with one more bit.
%macro try_bit 3
        fresh TABLE_FLAGS, TABLE_FLAGS
  %ifidn %2, large
        mov rax, FRAME + TABLE_FLAGS + PTE_PS + (1 << %3)
        mov [window_pd_pae], rax
  %else
        mov rax, 1 << %3
        or [%2], rax
  %endif
        print %1
        print ` bit `
        mov eax, %3
        print_dec rax
        legacy_check bit_%2_%3, ""
          mov eax, [WINDOW]
        legacy_value
%endmacro

reserved_bits:
        legacy CR0_PG, pdpt, CR4_PAE, EFER_NXE
        try_bit "pde", window_pd_pae, 8
        try_bit "pde", window_pd_pae, 11
        try_bit "pde", window_pd_pae, 51
        try_bit "pde", window_pd_pae, 52
        try_bit "pde", window_pd_pae, 59
        try_bit "pde", window_pd_pae, 62
        try_bit "pte", window_pt_pae, 7
        try_bit "pte", window_pt_pae, 51
        try_bit "pte", window_pt_pae, 52
        try_bit "pte", window_pt_pae, 59
        try_bit "pte", window_pt_pae, 62
        try_bit "2 MiB page", large, 12
        try_bit "2 MiB page", large, 13
        try_bit "2 MiB page", large, 20
        try_bit "2 MiB page", large, 52
        legacy CR0_PG, pdpt, CR4_PAE, 0
        try_bit "without nxe, pde", window_pd_pae, 63
        try_bit "without nxe, pte", window_pt_pae, 63
        ret

straddling:
        legacy CR0_PG | CR0_WP, pdpt, CR4_PAE, 0
        fresh 7, 7
        mov rax, FRAME_2 + PTE_P
        mov [window_pt_pae + 8], rax
        legacy_check straddle_read, "a load across two pages"
          mov eax, [WINDOW + 0xffe]
        legacy_value
        legacy_check straddle_write, "a store whose second page is read-only"
          mov dword [WINDOW + 0xffe], -1
        legacy_done
        legacy_check absent_pte, "a pte that is not present"
          mov eax, [WINDOW + 0x5678]
        legacy_done
        legacy_check absent_pde, "a pde that is not present"
          mov eax, [WINDOW + 0x201234]
        legacy_done
        legacy_user_check absent_pdpte, "a third quarter that is not there, written at cpl 3"
          mov [0x80001234], eax
        legacy_done
        ret

; loads label, "text": the body, behind a PDPTE that is cleared in memory; then its quarter is read, which faults if
; the body has loaded the PDPTEs.
%macro loads 2
        mov eax, window_pd_pae + PTE_P
        mov [pdpt + 8], rax
        legacy_check %1, %2
          mov dword [pdpt + 8], 0
%endmacro
%macro loads_end 0
          mov eax, [WINDOW]
        legacy_value
%endmacro

pdpte_loads:
        legacy CR0_PG, pdpt, CR4_PAE, 0
        loads load_nothing, "pdpte, cleared in memory"
        loads_end
        loads load_invlpg, "pdpte, and invlpg"
          invlpg [WINDOW]
        loads_end
        loads load_cr3, "pdpte, and mov cr3"
          mov eax, cr3
          mov cr3, eax
        loads_end
        loads load_cd, "pdpte, and cr0.cd"
          flip 0, CR0_CD
        loads_end
        loads load_nw, "pdpte, and cr0.cd and cr0.nw"
          flip 0, CR0_CD | CR0_NW
        loads_end
        loads load_pge, "pdpte, and cr4.pge"
          flip 4, CR4_PGE
        loads_end
        loads load_pse, "pdpte, and cr4.pse"
          flip 4, CR4_PSE
        loads_end
        loads load_smep, "pdpte, and cr4.smep"
          flip 4, CR4_SMEP
        loads_end
        loads load_tsd, "pdpte, and cr4.tsd"
          flip 4, CR4_TSD
        loads_end
        loads load_same, "pdpte, and cr4 as it was"
          flip 4, 0
        loads_end
        loads load_pg, "pdpte, and cr0.pg off and on"
          flip 0, CR0_PG
          flip 0, CR0_PG
        loads_end
        mov eax, window_pd_pae + PTE_P
        mov [pdpt + 8], rax
        legacy_check low_bits, "pdpte table: bits 4:0 of cr3"
          mov eax, pdpt + 0x1f
          mov cr3, eax
          mov eax, [WINDOW]
        legacy_value
        mov eax, pd_pae + PTE_P
        mov [pdpt + 0xfe0], rax                 ; another table at the end of the page
        mov eax, window_pd_pae + PTE_P
        mov [pdpt + 0xff8], rax
        legacy_check last_table, "pdpte table: bits 11:5 of cr3"
          mov eax, pdpt + 0xfe0
          mov cr3, eax
          mov eax, [0xc0000000]
        legacy_value
        ret

; malformed label, "text", PDPTE: the body, behind a change of the last PDPTE in memory.
%macro malformed 3
        mov qword [pdpt + 24], 0
        legacy_check %1, %2
          mov dword [pdpt + 24], (%3) & 0xffffffff
          mov dword [pdpt + 28], (%3) >> 32
%endmacro

; try_pdpte_bit n: it has one more bit, and CR3 is loaded.
%macro try_pdpte_bit 1
        print `pdpte bit `
        mov eax, %1
        print_dec rax
        malformed pdpte_bit_%1, "", PTE_P | 1 << %1
          flip 3, 0
          mov eax, [WINDOW]
        legacy_value
%endmacro

pdpte_bits:
        legacy CR0_PG, pdpt, CR4_PAE, 0
%assign n 1
%rep 11
        try_pdpte_bit n
  %assign n n + 1
%endrep
        try_pdpte_bit 51
        try_pdpte_bit 52
        try_pdpte_bit 62
        try_pdpte_bit 63
        malformed pdpte_absent, "pdpte of ones, not present", ~PTE_P
          flip 3, 0
        legacy_done
        malformed pdpte_pge, "pdpte malformed, and cr4.pge", 3
          flip 4, CR4_PGE
        legacy_done
        malformed pdpte_cd, "pdpte malformed, and cr0.cd", 3
          flip 0, CR0_CD
        legacy_done
        legacy 0, pdpt, CR4_PAE, 0
        malformed pdpte_pg, "pdpte malformed, and cr0.pg", 3
          flip 0, CR0_PG
        legacy_done
        malformed pdpte_cr3, "pdpte malformed, and cr3 without paging", 3
          flip 3, 0
        legacy_done
        ret
