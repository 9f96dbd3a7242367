; The memory of the current process: pages that come into being when they are touched, and how the kernel reaches
; them for it.
;
; Pages of heap and stack are mapped by the first touch. A page marked PTE_COW is copied by the first write; its
; last owner just gets it writable again. It does not matter whether the program touched the page or the kernel,
; on its behalf, in copy_from_user or copy_to_user; these fail if the address is not the program's.

FAULT_P         equ 1 << 0          ; bits of a page fault's error code: the page was present,
FAULT_W         equ 1 << 1          ; written to,
FAULT_I         equ 1 << 4          ; fetched from

        section .bss
fault_resume:   resq 1              ; where the kernel goes on if a program's address proves bad, or 0
        section .text

; resolve_fault: RDI = address, ESI = error code of a page fault. RAX = 0 if the access may be tried again, or an
; error.
resolve_fault:
        mov rax, rdi
        shr rax, 39
        cmp eax, USER_SLOT
        jne .bad
        test sil, FAULT_P
        jz page_on_demand
        test sil, FAULT_W
        jnz copy_on_write
.bad:   mov rax, E_FAULT
        ret

; page_on_demand: a zeroed page at RDI, if that is in the heap or the stack.
page_on_demand:
        mov rax, STACK_LIMIT
        cmp rdi, rax
        jb .bad
        mov rax, STACK_TOP                      ; which is HEAP
        cmp rdi, rax
        jb .good
        mov rcx, [current]
        cmp rdi, [rcx + P_BREAK]
        jae .bad
.good:  push rbx
        push r12
        mov r12, rdi
        call frame_take
        mov rbx, rax
        test rax, rax
        jz .no_frame
        mov rcx, [current]
        mov rdi, [rcx + P_ROOT]
        mov rsi, r12
        mov rdx, PTE_PRIVATE
        or rdx, rbx
        call space_map
        test rax, rax
        jz .no_table
        mov rcx, [current]
        inc dword [rcx + P_PAGES]
        xor eax, eax
.done:  pop r12
        pop rbx
        ret
.no_table:
        mov rdi, rbx
        call frame_drop
.no_frame:
        mov rax, E_NOMEM
        jmp .done
.bad:   mov rax, E_FAULT
        ret

; copy_on_write: the present page at RDI becomes writable, if it is marked.
copy_on_write:
        push rbx                                ; the entry
        push rbp                                ; the address
        push r12                                ; the shared frame
        mov rbp, rdi
        call current_entry
        mov rbx, rax
        read_entry rax, rbx
        test eax, PTE_COW
        jz .bad
        mov r12, PTE_ADDRESS
        and r12, rax
        mov rcx, r12
        shr rcx, 12
        cmp word [frame_owners + rcx * 2], 1
        je .sole
        call frame_take
        test rax, rax
        jz .no_memory
        mov rdi, rax
        mov rsi, r12
        mov ecx, 4096 / 8
        rep movsq
        mov rdi, r12
        mov r12, rax
        push rax
        call frame_drop
        pop r12
.sole:  mov rax, PTE_PRIVATE
        or rax, r12
        write_entry rbx, rax
        flush_page [rbp]
        xor eax, eax
.done:  pop r12
        pop rbp
        pop rbx
        ret
.bad:   mov rax, E_FAULT
        jmp .done
.no_memory:
        mov rax, E_NOMEM
        jmp .done

; current_entry: RAX = the entry for the address RDI of the current process, or 0 if there is no memory for its table.
current_entry:
        mov rcx, [current]
        mov rax, [rcx + P_ROOT]
        mov ecx, LEVEL_4K
        jmp page_entry_in

; drop_pages: takes the pages from RDI up to RSI away from the current process. Both are multiples of 4096.
drop_pages:
        push rbx
        push rbp
        mov rbx, rdi
        mov rbp, rsi
        jmp .check
.next:  mov rdi, rbx
        call current_entry
        test rax, rax
        jz .skip
        read_entry rdi, rax
        test dil, PTE_P
        jz .skip
        xor ecx, ecx
        write_entry rax, rcx
        flush_page [rbx]
        mov rax, PTE_ADDRESS
        and rdi, rax
        call frame_drop
        mov rax, [current]
        dec dword [rax + P_PAGES]
.skip:  add rbx, 4096
.check: cmp rbx, rbp
        jb .next
        pop rbp
        pop rbx
        ret

; copy_to_user: RDX bytes from RSI to the program's address RDI. RAX = 0, or an error.
copy_to_user:
        mov rax, rdi
        jmp copy_user

; copy_from_user: RDX bytes from the program's address RSI to RDI. RAX = 0, or an error.
copy_from_user:
        mov rax, rsi

; copy_user: ... the program's address is also in RAX. The copy may fault: either the fault is resolved, or the
; kernel goes on at .bad.
copy_user:
        cmp rdx, 4096                           ; nothing longer is ever asked for
        ja .bad
        lea rcx, [rax + rdx]
        shr rax, 39
        cmp eax, USER_SLOT
        jne .bad
        shr rcx, 39
        cmp ecx, USER_SLOT
        jne .bad
        mov rcx, rdx
        mov qword [fault_resume], .bad
        rep movsb
        xor eax, eax
        jmp .done
.bad:   mov rax, E_FAULT
.done:  mov qword [fault_resume], 0
        ret
