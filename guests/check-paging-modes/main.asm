; check-paging-modes: from one paging mode to another, in 32-bit code. IA-32e mode entered and left, with EFER.LMA
; before, within and after it; 32-bit paging to PAE paging and back without a break; then 4-level paging under
; compatibility mode: access rights, XD and protection keys.
; Shows: which tables count after each write to a control register.
; SDM 3A 4.1.2 Paging-Mode Enabling, 9.8.5 Initializing IA-32e Mode; 2B MOV Control Registers.

%include "../inc/guest.inc"
%include "../inc/check.inc"
%include "../inc/legacy.inc"
%include "../inc/compat.inc"

FRAME           equ 0x2000000                   ; frames for tests
FRAME_2         equ 0x2001000
FRAME_3         equ 0x2002000
ALIAS           equ 0x2000000                   ; in tables for both modes: the first 2 MiB once more

main:
        call check_init
        call legacy_init
        mov dword [abs FRAME], 0x111111c3
        mov dword [abs FRAME_2], 0x222222c3
        mov dword [abs FRAME_3], 0x333333c3
        call build_tables
        call long_mode
        call while_paging
        call compatibility
        ret

; One top structure that 32-bit and PAE paging can both use. Its first entry leads to a table that is a page table to
; the one and a page directory to the other; the window has a frame of its own in each.
build_tables:
        mov esi, pt32
        mov edi, both_table
        mov ecx, 1024
        rep movsd
        mov rax, [pd_pae]
        mov [both_table], rax
        mov rax, [pd_pae + 8]
        mov [both_table + 8], rax
        mov rax, [pd_pae]
        mov [both_table + (ALIAS >> 21) * 8], rax
        mov dword [both_root + (ALIAS >> 22) * 4], both_table + PTE_P + PTE_RW
        mov dword [both_root + 0x100 * 4], window_pt32 + PTE_P + PTE_RW + PTE_US
        mov dword [window_pt32], FRAME + PTE_P + PTE_RW + PTE_US
        mov dword [both_root + 8], window_pd_pae + PTE_P
        mov eax, window_pt_pae + PTE_P + PTE_RW + PTE_US
        mov [window_pd_pae], rax
        mov eax, FRAME_2 + PTE_P + PTE_RW + PTE_US
        mov [window_pt_pae], rax
        map WINDOW, FRAME_3 + PTE_P + PTE_RW + PTE_US

; clean: the entry that both modes share, without A, which no PDPTE may have.
clean:
        mov dword [both_root], both_table + PTE_P
        ret

; without_a: in 32-bit code: makes the entry without A again. It goes on at an alias of the code, for which 32-bit paging has
; another entry: each fetch may set A in that which it goes through.
%macro without_a 0
          mov ecx, %%alias + ALIAS
          jmp ecx
%%alias:  and dword [both_root], ~PTE_A
%endmacro

; read_efer: into EBX, in 32-bit code.
%macro read_efer 0
          mov ecx, IA32_EFER
          rdmsr
          mov ebx, eax
%endmacro

long_mode:
        legacy 0, page_root, CR4_PAE, EFER_LME
        legacy_check long_before, "efer before pg"
          read_efer
          mov eax, ebx
        legacy_value
        legacy_check long_within, "efer within ia-32e mode"
          flip 0, CR0_PG
          read_efer
          flip 0, CR0_PG
          mov eax, ebx
        legacy_value
        legacy_check long_after, "efer after it"
          flip 0, CR0_PG
          flip 0, CR0_PG
          read_efer
          mov eax, ebx
        legacy_value
        legacy_check long_window, "a read within it"
          flip 0, CR0_PG
          mov ebx, [WINDOW]
          flip 0, CR0_PG
          mov eax, ebx
        legacy_value
        ret

while_paging:
        legacy CR0_PG, both_root, 0, 0
        call clean
        legacy_check bits32, "32-bit paging"
          mov eax, [WINDOW]
        legacy_value
        legacy_check to_pae, "to pae paging"
          mov eax, [WINDOW]
          without_a
          flip 4, CR4_PAE
          mov eax, [WINDOW]
        legacy_value
        call clean
        legacy_check to_pae_and_back, "to pae paging and back"
          without_a
          flip 4, CR4_PAE
          mov eax, [WINDOW]
          flip 4, CR4_PAE
          mov eax, [WINDOW]
        legacy_value
        call clean
        legacy CR0_PG, both_root, CR4_PAE, 0
        legacy_check from_pae, "from pae paging to 32-bit paging"
          mov eax, [WINDOW]
          flip 4, CR4_PAE
          mov eax, [WINDOW]
        legacy_value
        call clean
        legacy_check unpaged, "from pae paging to none"
          flip 0, CR0_PG
          mov eax, [FRAME_3]
        legacy_value
        ret

; 4-level paging under 32-bit code.
compatibility:
        compat_check compat_read, "compatibility mode: a read"
          mov eax, [WINDOW]
        compat_value
        compat_check compat_pse, "compatibility mode: pse, pge"
          flip 4, CR4_PSE | CR4_PGE
          flip 4, CR4_PSE | CR4_PGE
        compat_done
        compat_check compat_absent, "compatibility mode: an address that is not mapped"
          mov eax, [WINDOW + 0x12345678]
        compat_done
        compat_user_check compat_user, "compatibility mode: the same at cpl 3, written"
          mov [WINDOW + 0x12345678], eax
        compat_done
        map WINDOW, FRAME_3 + PTE_P + PTE_RW
        invlpg [abs WINDOW]
        compat_user_check compat_supervisor, "compatibility mode: a supervisor page at cpl 3"
          mov eax, [WINDOW]
        compat_done
        set_efer EFER_NXE
        map WINDOW, FRAME_3 + PTE_P + PTE_RW + PTE_US + PTE_XD
        invlpg [abs WINDOW]
        compat_user_check compat_xd, "compatibility mode: a fetch from a page with xd"
          mov ebx, WINDOW
          call ebx
        compat_done
        cpuid_bit 7, ecx, 3
        jnc no_keys
        set_cr4 CR4_PKE
        map WINDOW, FRAME_3 + PTE_P + PTE_RW + PTE_US + (5 << 59)
        invlpg [abs WINDOW]
        mov eax, 1 << 10
        xor ecx, ecx
        xor edx, edx
        wrpkru
        compat_user_check compat_key, "compatibility mode: a page whose key forbids it"
          mov eax, [WINDOW]
        compat_done
        clear_cr4 CR4_PKE
no_keys:
        ret

        section .bss
        alignb 4096
both_root:      resd 1024
both_table:     resd 1024
