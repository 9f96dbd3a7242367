; Address spaces: a PML4 for each process, whose first slot is the kernel's and the same in all, and whose slot
; USER_SLOT holds the tables of the process alone.
;
; fork copies the tables and shares the frames: where a page is writable, both sides get it read-only and marked
; with PTE_COW, and the first write of either faults (user-memory.asm).

PTE_COW         equ 1 << 9          ; one of the bits that the processor leaves to software
PTE_USER        equ PTE_P | PTE_US
PTE_PRIVATE     equ PTE_P | PTE_RW | PTE_US | PTE_XD

        section .text

; space_new: RAX = a PML4 with nothing but the kernel in it, or 0.
space_new:
        call frame_take
        test rax, rax
        jz .done
        read_entry rcx, page_root
        write_entry rax, rcx
        begin_root rax
.done:  ret

; space_map: in the space RDI the page at RSI becomes the entry RDX. Returns RAX = 0 if there was no memory.
space_map:
        mov rax, rdi
        mov rdi, rsi
        mov ecx, LEVEL_4K
        call page_entry_in
        test rax, rax
        jz .done
        write_entry rax, rdx
.done:  ret

; space_copy: RAX = a copy-on-write copy of the space RDI, or 0. Translations of RDI must be flushed afterwards.
space_copy:
        push rbx
        push r12
        lea r12, [rdi + USER_SLOT * 8]
        call space_new
        mov rbx, rax
        test rax, rax
        jz .done
        read_entry rdi, r12
        mov esi, 3
        call copy_table
        test rax, rax
        jz .failed
        or rax, PTE_P | PTE_RW | PTE_US
        write_entry rbx + USER_SLOT * 8, rax
        mov rax, rbx
.done:  pop r12
        pop rbx
        ret
.failed:
        end_root rbx
        mov rdi, rbx
        call frame_drop
        xor eax, eax
        jmp .done

; copy_table: RAX = a copy of the table of level ESI that the entry RDI leads to, or 0.
copy_table:
        push rbx                                ; the entry to copy
        push rbp                                ; its place
        push r12                                ; the new table
        push r13                                ; its level
        mov r13d, esi
        mov rax, PTE_ADDRESS
        and rdi, rax
        mov rbx, rdi
        xor ebp, ebp
        call frame_take
        mov r12, rax
        test rax, rax
        jz .done
        begin_table r12
.next:  test byte [rbx + rbp * 8], PTE_P
        jz .skip
        lea rdi, [rbx + rbp * 8]
        mov esi, r13d
        call copy_entry
        test rax, rax
        jz .failed
        write_entry r12 + rbp * 8, rax
.skip:  inc ebp
        cmp ebp, 512
        jb .next
        mov rax, r12
.done:  pop r13
        pop r12
        pop rbp
        pop rbx
        ret
.failed:
        mov rdi, r12
        mov esi, r13d
        call free_table
        xor eax, eax
        jmp .done

; copy_entry: RAX = what the entry at RDI is in the copy of its table, which has level ESI; 0 if there is no memory.
copy_entry:
        read_entry rax, rdi
        cmp esi, LEVEL_4K
        je .page
        mov rdi, rax
        dec esi
        call copy_table
        test rax, rax
        jz .done
        or rax, PTE_P | PTE_RW | PTE_US
.done:  ret
.page:  test al, PTE_RW
        jz .share
        and rax, ~PTE_RW
        or rax, PTE_COW
        write_entry rdi, rax
.share: mov rdi, PTE_ADDRESS
        and rdi, rax
        jmp frame_share                         ; which keeps RAX

; space_free: gives back the space RDI, which must not be the one in use.
space_free:
        end_root rdi
        push rdi
        read_entry rdi, rdi + USER_SLOT * 8
        test dil, PTE_P
        jz .empty
        mov rax, PTE_ADDRESS
        and rdi, rax
        mov esi, 3
        call free_table
.empty: pop rdi
        jmp frame_drop

; free_table: drops the table RDI of level ESI, and all that it leads to.
free_table:
        push rbx
        push rbp
        push r13
        mov rbx, rdi
        mov r13d, esi
        xor ebp, ebp
.next:  read_entry rdi, rbx + rbp * 8
        test dil, PTE_P
        jz .skip
        mov rax, PTE_ADDRESS
        and rdi, rax
        cmp r13d, LEVEL_4K
        je .page
        lea esi, [r13 - 1]
        call free_table
        jmp .skip
.page:  call frame_drop
.skip:  inc ebp
        cmp ebp, 512
        jb .next
        end_table rbx
        mov rdi, rbx
        call frame_drop
        pop r13
        pop rbp
        pop rbx
        ret
