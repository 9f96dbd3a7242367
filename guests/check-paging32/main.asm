; check-paging32: 32-bit paging, from 32-bit code. Every combination of R/W and U/S in PDE and PTE, read, written and
; fetched at CPL 0 and 3, with and without WP, SMEP and SMAP; then accessed and dirty flags, 4 MiB pages, CR4.PSE,
; PSE-36, reserved bits, pages that straddle, invalidation, and what 32-bit paging has not: XD and protection keys.
; differs(qemu): bit 21 - QEMU leaves P out of the error code
; differs(qemu): across 4 gib - its CR2 does not wrap
; Shows: #PF error codes and CR2, which entries get A and D, which bits count.
; SDM 3A 4.3 32-Bit Paging, 4.6 Access Rights, 4.7 Page-Fault Exceptions, 4.8 Accessed and Dirty Flags.

%include "../inc/guest.inc"
%include "../inc/check.inc"
%include "../inc/legacy.inc"
%include "../inc/matrix.inc"

FRAME           equ 0x2000000                   ; frames for tests
FRAME_2         equ 0x2401000
HIGH_DS         equ FREE_SELECTOR + 24
TABLE           equ 0x2800000                   ; a page table where a 4 MiB page can begin

; show_entries "text": PDE and PTE of the window's first page.
%macro show_entries 1
        print %1
        mov eax, [pd32 + 0x100 * 4]
        and eax, 0xfff
        print ` pde `
        print_hex rax, 3
        mov eax, [window_pt32]
        and eax, 0xfff
        print ` pte `
        print_hex rax, 3
        print `\n`
%endmacro

; fresh pde flags, pte flags: the window's first page anew.
%macro fresh 2
        mov dword [pd32 + 0x100 * 4], window_pt32 + (%1)
        mov dword [window_pt32], FRAME + (%2)
%endmacro

; show_pde "text"
%macro show_pde 1
        print %1
        mov eax, [pd32 + 0x100 * 4]
        print `: pde `
        print_hex rax, 8
        print `\n`
%endmacro

main:
        call check_init
        call legacy_init
        mov dword [abs FRAME], 0x111111c3       ; ret, and a mark
        mov dword [abs FRAME + 0xffc], 0x11223344
        mov dword [abs FRAME_2], 0x222222c3
        mov dword [pd32 + 0x100 * 4], window_pt32 + PTE_P + PTE_RW + PTE_US
        mov dword [window_pt32], FRAME + PTE_P + PTE_RW + PTE_US
        call rights
        call accessed_dirty
        call large_pages
        call straddling
        call wrapping
        call invalidation
        jmp absent_features

; The rights of the window's first page: PDE and PTE with each combination.
rights:
        mov dword [legacy_cr3], pd32
        mov ebx, 1
.pde:   mov ecx, 1
.pte:   lea eax, [rbx + window_pt32]
        mov [pd32 + 0x100 * 4], eax
        lea eax, [rcx + FRAME]
        mov [window_pt32], eax
        print `pde `
        print_dec rbx
        print ` pte `
        print_dec rcx
        print `\n`
        matrix 0, 0
        add ecx, 2
        cmp ecx, 9
        jb .pte
        add ebx, 2
        cmp ebx, 9
        jb .pde
        mov dword [pd32 + 0x100 * 4], window_pt32 + PTE_P + PTE_RW + PTE_US
        mov dword [window_pt32], FRAME + PTE_P + PTE_RW + PTE_US
        ret

accessed_dirty:
        legacy CR0_PG | CR0_WP, pd32, 0, 0
        fresh 7, 7
        legacy_check ad_read, "a read"
          mov eax, [WINDOW]
        legacy_value
        show_entries "sets"
        fresh 7, 7
        legacy_check ad_write, "a write"
          mov dword [WINDOW + 4], 5
        legacy_done
        show_entries "sets"
        fresh 7, 7
        legacy_check ad_late, "a write after a read"
          mov eax, [WINDOW]
          mov dword [WINDOW + 4], 5
        legacy_done
        show_entries "sets"
        fresh 7, 5
        legacy_check ad_denied, "a write that is denied"
          mov dword [WINDOW + 4], 5
        legacy_done
        mov eax, [window_pt32]
        and eax, PTE_D
        print `dirty `
        print_hex rax, 2
        print `\n`
        fresh 7, 7
        legacy_check ad_update, "xchg"
          mov eax, 9
          xchg eax, [WINDOW + 4]
        legacy_value
        show_entries "sets"
        ret

large_pages:
        mov dword [pd32 + 0x100 * 4], FRAME + PTE_P + PTE_RW + PTE_PS
        legacy CR0_PG, pd32, CR4_PSE, 0
        legacy_check large_read, "a 4 MiB page"
          mov eax, [WINDOW + 0xffc]
        legacy_value
        show_pde "read"
        legacy_check large_far, "written near its end"
          mov dword [WINDOW + 0x3ffff8], 0x12345678
          mov eax, [WINDOW + 0x3ffff8]
        legacy_value
        show_pde "written"
        print "the frame holds "
        mov eax, [abs FRAME + 0x3ffff8]
        print_hex rax, 8
        print `\n`
        legacy_check large_reserved, "bit 21 of its entry"
          or dword [pd32 + 0x100 * 4], 1 << 21
          mov eax, [WINDOW]
        legacy_value
        legacy_check large_reserved_write, "bit 21, written"
          mov [WINDOW], eax
        legacy_done
        legacy_user_check large_reserved_user, "bit 21, at cpl 3"
          mov eax, [WINDOW]
        legacy_done
        mov dword [pd32 + 0x100 * 4], FRAME + PTE_P + PTE_RW + PTE_PS + 0x1000 + PTE_G
        legacy_check large_pat, "bit 12 is PAT"
          mov eax, [WINDOW]
        legacy_value
        mov dword [pd32 + 0x100 * 4], FRAME + PTE_P + PTE_RW + PTE_PS + 0x2000
        legacy_check large_36, "bit 13 is address bit 32: not the frame"
          mov eax, [WINDOW]
          cmp eax, 0x111111c3
          setne al
          movzx eax, al
        legacy_value
        mov dword [pd32 + 0x100 * 4], TABLE + PTE_P + PTE_RW + PTE_PS + PTE_US
        mov dword [abs TABLE], FRAME + PTE_P + PTE_RW + PTE_US + PTE_A
        legacy CR0_PG, pd32, 0, 0
        legacy_check small_ps, "ps without pse leads to a table"
          mov eax, [WINDOW]
        legacy_value
        legacy_check pse_on, "pse set while paging: a page now"
          mov eax, [WINDOW + 4]                 ; cached or not
          mov eax, cr4
          or eax, CR4_PSE
          mov cr4, eax
          mov eax, cr3
          mov cr3, eax
          mov eax, [WINDOW]
        legacy_value
        fresh 7, 7
        ret

straddling:
        legacy CR0_PG | CR0_WP, pd32, 0, 0
        mov dword [window_pt32 + 4], FRAME_2 + PTE_P
        legacy_check straddle_read, "a load across two pages"
          mov eax, [WINDOW + 0xffe]
        legacy_value
        legacy_check straddle_write, "a store whose second page is read-only"
          mov dword [WINDOW + 0xffe], -1
        legacy_done
        legacy_check straddle_kept, "has written nothing"
          mov eax, [WINDOW + 0xffc]
        legacy_value
        mov dword [window_pt32 + 4], 0
        legacy_check straddle_absent, "its second page absent"
          mov eax, [WINDOW + 0xffd]
        legacy_done
        legacy_check absent_pde, "a page directory entry that is not present"
          mov eax, [WINDOW + 0x400123]
        legacy_done
        legacy_user_check absent_pde_user, "the same at cpl 3, written"
          mov [WINDOW + 0x400123], eax
        legacy_done
        ret

; The last page and the first one: linear addresses wrap at 4 GiB.
wrapping:
        legacy CR0_PG | CR0_WP, pd32, 0, 0
        mov dword [pd32 + 0x3ff * 4], top_pt32 + PTE_P + PTE_RW
        mov dword [top_pt32 + 0x3ff * 4], FRAME + PTE_P + PTE_RW
        mov dword [pt32], FRAME_2 + PTE_P + PTE_RW
        mov dword [free_slots + HIGH_DS - FREE_SELECTOR], 0xf000ffff    ; base FFFFF000H
        mov dword [free_slots + HIGH_DS - FREE_SELECTOR + 4], 0xff0000ff | FLAT | DESC_D | DESC_P | DESC_DATA
        legacy_check wrap_read, "a load across 4 gib in a segment with a base"
          mov eax, HIGH_DS
          mov fs, ax
          mov eax, [fs:0xffe]
        legacy_value
        legacy_check wrap_write, "a store"
          mov eax, HIGH_DS
          mov fs, ax
          mov dword [fs:0xffd], 0x55667788
          mov eax, [fs:0xffc]
        legacy_value
        legacy_check wrap_low, "its second part"
          mov eax, HIGH_DS
          mov fs, ax
          mov eax, [fs:0x1000]
        legacy_value
        mov dword [pt32], FRAME_2 + PTE_RW
        legacy_check wrap_absent, "across 4 gib, a load from a page that is not present"
          mov eax, HIGH_DS
          mov fs, ax
          mov eax, [fs:0xffe]
        legacy_value
        mov dword [pt32], FRAME_2 + PTE_P
        legacy_check wrap_read_only, "across 4 gib, a store into one that is read-only"
          mov eax, HIGH_DS
          mov fs, ax
          mov [fs:0xffe], eax
        legacy_value
        ret

invalidation:
        legacy CR0_PG, pd32, CR4_PGE, 0
        fresh 7, 7
        legacy_check after_invlpg, "another frame after invlpg"
          mov eax, [WINDOW]
          mov dword [window_pt32], FRAME_2 + 7
          invlpg [WINDOW]
          mov eax, [WINDOW]
        legacy_value
        fresh 7, 7
        legacy_check after_cr3, "another frame after mov cr3"
          mov eax, [WINDOW]
          mov dword [window_pt32], FRAME_2 + 7
          mov eax, cr3
          mov cr3, eax
          mov eax, [WINDOW]
        legacy_value
        fresh 7, 7 + PTE_G
        legacy_check after_pge, "another frame for a global page after pge"
          mov eax, [WINDOW]
          mov dword [window_pt32], FRAME_2 + 7
          mov eax, cr4
          xor eax, CR4_PGE
          mov cr4, eax
          mov eax, [WINDOW]
        legacy_value
        fresh 7, 7 + PTE_G
        legacy_check after_pg, "another frame for a global page after pg"
          mov eax, [WINDOW]
          mov dword [window_pt32], FRAME_2 + 7
          mov eax, cr0
          and eax, ~CR0_PG
          mov cr0, eax
          or eax, CR0_PG
          mov cr0, eax
          mov eax, [WINDOW]
        legacy_value
        legacy_check cr3_low, "low and ignored bits of cr3"
          mov eax, cr3
          or eax, 0xfff
          mov cr3, eax
          mov eax, [WINDOW]
        legacy_value
        fresh 7, 7
        ret

; XD and protection keys belong to other paging modes.
absent_features:
        legacy CR0_PG, pd32, 0, EFER_NXE
        mov dword [window_pt32], 0
        legacy_check fetch_absent, "a fetch, with nxe"
          mov ebx, WINDOW
          call ebx
        legacy_done
        legacy CR0_PG, pd32, CR4_SMEP, 0
        legacy_check fetch_smep, "a fetch, with smep"
          mov ebx, WINDOW
          call ebx
        legacy_done
        fresh 7, 7
        legacy CR0_PG, pd32, CR4_PKE, 0
        legacy_user_check keys, "pkru does not count"
          mov eax, -1
          xor ecx, ecx
          xor edx, edx
          db 0x0f, 0x01, 0xef                   ; wrpkru, which NASM knows in 64-bit code only
          mov eax, [WINDOW]
        legacy_value
        ret

        section .bss
        alignb 4096
top_pt32:       resd 1024                       ; the last 4 MiB
