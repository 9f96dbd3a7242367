; check-tables: page tables in all the ways that a kernel may use them: mapped in themselves, linked several times, with
; different rights, read and written as data while they are in use and afterwards, shared by address spaces; large pages
; split and joined; entries written byte by byte, by locked instructions, across two entries; accessed and dirty flags.
; Shows: what a VMM with shadow page tables must get right. After each edit the translation is flushed as a kernel must.
; SDM 3A 4.5 4-Level Paging; 4.8 Accessed and Dirty Flags; 4.10.4 Invalidation.

%include "../inc/guest.inc"
%include "../inc/check.inc"

WINDOW          equ 1 << 39                     ; entry 1 of the PML4, with tables of its own
SELF            equ 510
SELF_BASE       equ 0xffff000000000000 | (SELF << 39)
SELF_PTE        equ SELF_BASE | (WINDOW >> 9)   ; the entries of WINDOW at each level, by the self-map
SELF_PDE        equ SELF_BASE | (SELF << 30) | (WINDOW >> 18)
SELF_PDPTE      equ SELF_BASE | (SELF << 30) | (SELF << 21) | (WINDOW >> 27)
SELF_PML4E      equ SELF_BASE | (SELF << 30) | (SELF << 21) | (SELF << 12) | (WINDOW >> 36)
LARGE           equ 0x1000000                   ; 2 MiB of memory, and the same again
LINK            equ PTE_P | PTE_RW | PTE_US
DATA            equ PTE_P | PTE_RW | PTE_US

; show "text": RAX, in one line.
%macro show 1
        print %1
        print `: `
        print_hex rax
        print `\n`
%endmacro

; show_flags "text", memory operand: flags of an entry.
%macro show_flags 2
        mov rax, %2
        and eax, 0xfff
        show %1
%endmacro

; set_entry memory operand, value: and forgets what may be known of WINDOW.
%macro set_entry 2
        mov rax, %2
        mov %1, rax
        invlpg [r12]
%endmacro

main:
        call check_init
        mov qword [page_a], 0xa
        mov qword [page_b], 0xb
        mov qword [page_c], 0xc
        mov r12, WINDOW
        mov qword [page_root + 8], pdpt + LINK
        mov qword [pdpt], pd + LINK
        mov qword [pd], pt + LINK
        mov qword [pt], page_a + DATA
        call flags
        call self_map
        call aliases
        call reuse
        call large
        call roots
        jmp stores

; --- Accessed and dirty -----------------------------------------------------------------------------

flags:
        set_entry [pt], page_a + DATA
        show_flags "never touched: pte", [pt]
        show_flags "pde", [pd]
        mov rax, [r12]
        show_flags "read: pte", [pt]
        show_flags "pde", [pd]
        show_flags "pdpte", [pdpt]
        show_flags "pml4e", [page_root + 8]
        mov [r12], rax
        show_flags "written: pte", [pt]
        show_flags "pde", [pd]
        set_entry [pt], page_a + DATA
        mov [r12], rax
        show_flags "written first: pte", [pt]
        set_entry [pt], page_a + (PTE_P | PTE_US)
        set_cr0 CR0_WP
        check at_read_only, "write to a page that is read-only"
          mov [r12], rax
        done
        show_flags "pte", [pt]
        clear_cr0 CR0_WP
        mov rax, [r12]
        show_flags "read: pte", [pt]
        mov [r12], rax
        show_flags "written without wp: pte", [pt]
        set_cr0 CR0_WP
        set_entry [pt], page_code + (PTE_P | PTE_US)
        call r12
        show "result of code there"
        show_flags "executed: pte", [pt]
        set_entry [pt], page_a + DATA
        mov eax, 0xb
        xor ecx, ecx
        lock cmpxchg [r12], rcx                 ; it is not equal, and yet is written
        show_flags "compared by cmpxchg: pte", [pt]
        set_entry [pt], page_a + DATA + PTE_A + PTE_D
        set_entry [pd], pt + LINK
        mov [r12 + 8], rax
        show_flags "flags set by the kernel: pte", [pt]
        show_flags "pde", [pd]
        set_entry [pt], 0
        check at_absent, "write to an absent page"
          mov [r12], rax
        done
        show_flags "pte", [pt]
        user_check at_user, "program writes to it"
          mov [r12], rax
        done
        mov rax, page_a + DATA                  ; from absent to present nothing needs to be flushed
        mov [pt], rax
        mov rax, [r12]
        show "mapped without a flush"
        ret

; --- Tables that map themselves ---------------------------------------------------------------------

self_map:
        mov qword [page_root + SELF * 8], page_root + LINK
        mov r13, SELF_PTE
        set_entry [r13], page_b + DATA
        mov rax, [r12]
        show "pte written by the self-map"
        show_flags "pte", [r13]
        mov rax, [r13]
        xor rax, [pt]
        show "the same as in its table, xor"
        mov rbx, SELF_PDE
        show_flags "pde, by which the table was written as a page", [rbx]
        mov rbx, SELF_PDPTE
        show_flags "pdpte", [rbx]
        mov rbx, SELF_PML4E
        show_flags "pml4e", [rbx]
        mov rbx, SELF_PDE
        mov rax, pt2 + LINK
        mov qword [pt2], page_c + DATA
        mov [rbx], rax
        invlpg [r12]
        invlpg [r13]
        mov rax, [r12]
        show "pde written by the self-map"
        mov rax, [r13]
        and rax, ~0xfff
        sub rax, page_c
        show "pte of the other table, by the self-map"
        mov rax, pt + LINK
        mov [rbx], rax
        invlpg [r12]
        invlpg [r13]
        mov rax, [r12]
        show "and back"
        mov rbx, SELF_PML4E
        mov rax, SELF_BASE | (SELF << 30) | (SELF << 21) | (SELF << 12) | (SELF << 3)
        show_flags "pml4e of the self-map, by itself", [rax]
        mov rax, SELF_BASE | (SELF << 30) | (SELF << 21) | (SELF << 12) | (SELF << 3)
        mov qword [rax], 0                      ; it takes itself away
        read_cr rax, cr3
        write_cr cr3, rax
        check at_gone, "the self-map has unmapped itself"
          mov rax, [r13]
        done
        ret

; --- Tables that are linked several times -----------------------------------------------------------

ALIAS_PT        equ WINDOW + (1 << 21)
ALIAS_PD        equ WINDOW + (1 << 30)
ALIAS_PDPT      equ WINDOW + (1 << 39)

aliases:
        set_entry [pt], page_a + DATA
        mov qword [pd + 8], pt + (PTE_P | PTE_US) ; the same table, read-only
        mov qword [pdpt + 8], pd + (PTE_P | PTE_RW) ; the same directory, for the kernel
        mov qword [page_root + 16], pdpt + LINK
        mov rsi, ALIAS_PT
        mov rdi, ALIAS_PD
        mov rbp, ALIAS_PDPT
        mov qword [r12], 0x1a
        mov rax, [rsi]
        show "by another pde"
        mov rax, [rdi]
        show "by another pdpte"
        mov rax, [rbp]
        show "by another pml4e"
        check at_alias_write, "write by the read-only pde"
          mov rsi, ALIAS_PT
          mov [rsi], rax
        done
        user_check at_alias_user, "program reads by the kernel's pdpte"
          mov rdi, ALIAS_PD
          mov rax, [rdi]
        done
        user_check at_alias_user_read, "program reads by the read-only pde"
          mov rsi, ALIAS_PT
          mov rax, [rsi]
        done_value
        mov rsi, ALIAS_PT
        mov rdi, ALIAS_PD
        mov rbp, ALIAS_PDPT
        mov qword [pt], page_b + DATA
        invlpg [r12]
        invlpg [rsi]
        invlpg [rdi]
        invlpg [rbp]
        mov rax, [rsi]
        show "one entry changed: by the pde"
        show_flags "pte", [pt]
        mov rax, [rbp]
        show "by the pml4e"
        mov [rdi], rax
        show_flags "written by the pdpte: pte", [pt]
        or qword [pd + 8], PTE_RW
        invlpg [rsi]
        mov qword [rsi], 0x1b
        mov rax, [r12]
        show "pde made writable, written by it"
        mov qword [pd + 8], 0
        mov qword [pdpt + 8], 0
        mov qword [page_root + 16], 0
        read_cr rax, cr3
        write_cr cr3, rax
        check at_alias_gone, "the pdpte is gone"
          mov rax, [rdi]
        done
        mov rax, [r12]
        show "the first way is still there"
        ret

; --- Tables as data, data as tables -----------------------------------------------------------------

reuse:
        set_entry [pt], pt + DATA               ; the table is a page of its own
        mov rax, [r12]
        and eax, ~(PTE_A | PTE_D)
        sub rax, pt
        show "a table mapped by itself: its first entry"
        mov rax, page_c + DATA
        mov [r12 + 8], rax
        mov rax, [r12 + 4096]
        show "the page after it, whose entry was written there"
        mov rax, page_b + DATA
        mov [r12], rax                          ; what maps the table now maps something else
        invlpg [r12]
        mov rax, [r12]
        show "after its own entry was written"
        mov qword [pd], 0                       ; out of use
        read_cr rax, cr3
        write_cr cr3, rax
        mov edi, pt
        mov eax, 0x7e
        mov ecx, 512
        rep stosq
        mov rax, [pt + 4088]
        show "the table as data"
        mov edi, page_d                         ; data that becomes a table
        mov eax, page_a + DATA
        mov ecx, 512
.fill:  mov [rdi], rax
        add edi, 8
        dec ecx
        jnz .fill
        mov qword [pd], page_d + LINK
        mov qword [r12 + 511 * 4096], 0x1a
        mov rax, [page_a]
        show "data as a table, written by its last entry"
        mov rax, [r12 + 17 * 4096]
        show "read by another"
        mov qword [pd], page_root + LINK        ; the PML4 as a page table
        read_cr rax, cr3
        write_cr cr3, rax
        mov rax, [r12 + 4096]                   ; entry 1 of the PML4 leads to the PDPT
        and rax, ~(PTE_A | PTE_D)
        sub rax, pd
        show "the pml4 as a page table: the pdpt as a page"
        mov qword [pd], pt + LINK
        mov edi, pt
        xor eax, eax
        mov ecx, 512
        rep stosq
        set_entry [pt], page_a + DATA
        ret

; --- Large pages ------------------------------------------------------------------------------------

large:
        mov qword [pd], LARGE + (DATA | PTE_PS)
        read_cr rax, cr3
        write_cr cr3, rax
        mov rax, [r12]
        show_flags "large page read: pde", [pd]
        xor ecx, ecx
.write: mov [r12 + rcx], rcx
        add ecx, 4096
        cmp ecx, 0x200000
        jb .write
        show_flags "large page written: pde", [pd]
        mov edi, pt                             ; split
        mov eax, LARGE + DATA
        mov ecx, 512
.split: mov [rdi], rax
        add eax, 4096
        add edi, 8
        dec ecx
        jnz .split
        mov qword [pd], pt + LINK
        read_cr rax, cr3
        write_cr cr3, rax
        mov rax, [r12 + 0x1ff000]
        show "split: its last page"
        show_flags "pte", [pt + 511 * 8]
        show_flags "pte of the page before", [pt + 510 * 8]
        mov rax, page_b + DATA
        mov [pt + 8 * 8], rax
        invlpg [r12 + 0x8000]
        mov rax, [r12 + 0x8000]
        show "one page replaced"
        mov rax, [r12 + 0x9000]
        show "the next one"
        and qword [pt + 9 * 8], ~PTE_RW
        invlpg [r12 + 0x9000]
        check at_split_write, "and write to it, read-only"
          mov [r12 + 0x9000], rax
        done
        mov qword [pd], LARGE + (DATA | PTE_PS) ; joined
        read_cr rax, cr3
        write_cr cr3, rax
        mov rax, [r12 + 0x8000]
        show "joined: the page that was replaced"
        mov [r12 + 0x9000], rax
        show_flags "and the other written: pde", [pd]
        mov qword [pd], LARGE + 0x200000 + (PTE_P | PTE_PS)
        read_cr rax, cr3
        write_cr cr3, rax
        mov rax, [r12 + 0x8000]
        show "another large page"
        check at_large_write, "write to it, read-only"
          mov [r12 + 0x8000], rax
        done
        user_check at_large_user, "program reads it"
          mov rax, [r12 + 0x8000]
        done
        show_flags "pde", [pd]
        mov qword [pd], pt + LINK
        read_cr rax, cr3
        write_cr cr3, rax
        ret

; --- Address spaces that share tables ---------------------------------------------------------------

roots:
        set_entry [pt], page_a + DATA
        mov qword [page_a], 0xa
        mov esi, page_root
        mov edi, root2
        mov ecx, 512
        rep movsq
        mov eax, root2
        write_cr cr3, rax
        mov rax, [r12]
        show "a second root with the same pdpt"
        mov qword [pt], page_b + DATA           ; changed while the second root is in use
        mov qword [page_b], 0xb
        invlpg [r12]
        mov rax, [r12]
        show "entry changed there"
        mov eax, page_root
        write_cr cr3, rax
        mov rax, [r12]
        show "seen from the first"
        mov qword [pt2], page_c + DATA          ; tables of its own for the second
        mov qword [pd2], pt2 + LINK
        mov qword [pdpt2], pd2 + LINK
        mov qword [root2 + 8], pdpt2 + LINK
        mov eax, root2
        write_cr cr3, rax
        mov rax, [r12]
        show "a pdpt of its own: the second root"
        mov qword [r12], 0x1c
        mov eax, page_root
        write_cr cr3, rax
        mov rax, [r12]
        show "the first root"
        xor ebx, ebx
        mov ecx, 1000
.switch:
        mov eax, root2
        write_cr cr3, rax
        add rbx, [r12]
        mov eax, page_root
        write_cr cr3, rax
        add rbx, [r12]
        dec ecx
        jnz .switch
        mov rax, rbx
        show "the sum of a thousand looks at each"
        mov edi, root2                          ; the second root is freed, and used for data
        mov eax, 0x55
        mov ecx, 512
        rep stosq
        mov rax, [root2 + 8]
        show "the root as data"
        mov esi, page_root
        mov edi, root2
        mov ecx, 512
        rep movsq
        mov eax, root2
        write_cr cr3, rax
        mov rax, [r12]
        show "and as a root again"
        mov eax, page_root
        write_cr cr3, rax
        ret

; --- How entries are written ------------------------------------------------------------------------

stores:
        set_entry [pt], page_a + DATA
        mov rax, [r12]
        mov byte [pt], 0
        invlpg [r12]
        check at_byte, "one byte written: not present"
          mov rax, [r12]
        done
        mov byte [pt], DATA
        mov rax, [r12]
        show "and present"
        mov eax, page_b
        shr eax, 8
        mov [pt + 1], ax                        ; bits 23:8
        invlpg [r12]
        mov rax, [r12]
        show "two bytes in the middle"
        mov rax, [r12 + 4096 - 8]
        mov qword [pt + 8], page_a + DATA
        mov rax, [r12 + 4096]
        show "the next page"
        mov eax, page_c + DATA
        shl rax, 32                             ; upper half of the first entry, lower half of the next
        mov [pt + 4], rax
        invlpg [r12]
        invlpg [r12 + 4096]
        mov rax, [r12]
        show "across two entries: the first page"
        mov rax, [r12 + 4096]
        show "the next page"
        mov eax, page_a + DATA
        xchg [pt], rax
        invlpg [r12]
        and eax, 0xfff
        show "xchg: flags that were there"
        mov rax, [r12]
        show "what is there now"
        lock btr qword [pt], 0
        setc al
        movzx eax, al
        invlpg [r12]
        show "lock btr of present: it was"
        check at_btr, "now"
          mov rax, [r12]
        done
        lock bts qword [pt], 0
        mov rax, [r12]
        show "lock bts"
        mov rax, [pt]
        mov rcx, page_c + DATA
        lock cmpxchg [pt], rcx
        sete al
        movzx eax, al
        invlpg [r12]
        show "lock cmpxchg: it was equal"
        mov rax, [r12]
        show "what is there now"
        mov qword [pt2], page_a + DATA
        mov qword [pt2 + 8], page_b + DATA
        mov esi, pt2
        mov edi, pt
        mov ecx, 512
        rep movsq
        read_cr rax, cr3
        write_cr cr3, rax
        mov rax, [r12 + 4096]
        show "a whole table copied"
        xor eax, eax
        mov edi, pt
        mov ecx, 4096
        rep stosb
        read_cr rax, cr3
        write_cr cr3, rax
        check at_cleared, "a whole table cleared"
          mov rax, [r12 + 4096]
        done
        ret

        section .data
        align 4096
page_code:      mov eax, 0xc0de
                ret
        section .bss
        alignb 4096
pdpt:           resb 4096
pd:             resb 4096
pt:             resb 4096
pdpt2:          resb 4096
pd2:            resb 4096
pt2:            resb 4096
root2:          resb 4096
page_a:         resb 4096
page_b:         resb 4096
page_c:         resb 4096
page_d:         resb 4096
        section .text
