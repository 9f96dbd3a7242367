; bench-forks: a kernel that maps two thousand pages and touches them, gives each another frame and touches it, forks: the
; tables are copied and the frames shared, read-only on both sides; lets the child write to 64 of the pages, each of which
; is copied; ends the child, writes to the same pages itself, and unmaps all; a hundred times. The result is the sum of what
; was counted in the frames, and of the page faults.
; Shows: what changes of page tables cost when there are many at once, as in a real kernel: a VMM sees each of them, or
; finds them out, or is told of many by one call.
; bench: ops=204800 unit=page

%include "../inc/bench.inc"

%ifndef N
%define N 100
%endif
PAGES           equ 2048
TOUCHED         equ 64
STRIDE          equ PAGES / TOUCHED * 4096      ; between pages that are written to after the fork
WINDOW          equ 1 << 39                     ; under an entry of the root that each space has for itself
WINDOW_END      equ WINDOW + PAGES * 4096
FRAMES          equ 0x1000000
COPIES          equ 0x2000000                   ; the frames that the child gets
LINK            equ PTE_P | PTE_RW | PTE_US
L1_TABLES       equ PAGES / 512
SPACE_TABLES    equ 3 + L1_TABLES               ; a space: root, L3, L2 and L1 tables, one after the other
SPACE_SIZE      equ SPACE_TABLES * 4096
L1              equ 3 * 4096                    ; where the L1 tables are in it: one array of entries

        section .bss
        alignb 4096
parent:         resb SPACE_SIZE
child:          resb SPACE_SIZE
current_space:  resq 1
free_copy:      resq 1                          ; the next frame for the child
        section .text

main:
        call gdt_init
        call idt_init
        mov edx, PTE_P | PTE_RW
        call identity_map
        set_cr0 CR0_WP                          ; shared pages are read-only to the kernel, too
        set_gate 14, on_page_fault, GATE_INTERRUPT
        mov ebx, parent
        call begin_space
        call load_space
        bench_begin "map, remap, fork, unmap"
        xor r12d, r12d                          ; page faults
        mov ebp, N
.next:  xor ecx, ecx
        call map_pages
        mov ecx, 4096
        call touch_pages
        mov ecx, ebp                            ; another frame each time
        call map_pages
        read_cr rax, cr3
        write_cr cr3, rax
        mov ecx, 4096
        call touch_pages
        call fork
        mov ebx, child
        call load_space
        mov ecx, STRIDE
        call touch_pages
        mov ebx, parent
        call load_space
        mov ebx, child
        call end_space
        mov ecx, STRIDE
        call touch_pages
        call unmap_pages
        dec ebp
        jnz .next

        mov eax, r12d
        add_frames FRAMES, PAGES
        add_frames COPIES, TOUCHED
        bench_end
        ret

; begin_space: EBX = a space without pages, which is made ready for use.
begin_space:
        read_entry rax, page_root
        write_entry rbx, rax
        lea rax, [rbx + 4096 + LINK]
        write_entry rbx + 8, rax
        lea rax, [rbx + 2 * 4096 + LINK]
        write_entry rbx + 4096, rax
        lea rax, [rbx + L1 + LINK]
        lea rdi, [rbx + 2 * 4096]
        mov ecx, L1_TABLES
.link:  write_entry rdi, rax
        add rax, 4096
        add rdi, 8
        dec ecx
        jnz .link
        mov ecx, SPACE_TABLES - 1
        mov rax, rbx
.table: add rax, 4096
        begin_table rax
        dec ecx
        jnz .table
        begin_root rbx
        ret

; load_space: the space EBX is used from now on.
load_space:
        mov [current_space], rbx
        write_cr cr3, rbx
        ret

; map_pages: page n of the parent gets frame n + ECX.
map_pages:
        mov edi, parent + L1
        mov edx, PAGES
.next:  and ecx, PAGES - 1
        mov eax, ecx
        shl eax, 12
        add eax, FRAMES + (PTE_P | PTE_RW)
        write_entry rdi, rax
        add rdi, 8
        inc ecx
        dec edx
        jnz .next
        apply_entries
        ret

unmap_pages:
        mov edi, parent + L1
        mov edx, PAGES
.next:  clear_entry rdi
        add rdi, 8
        dec edx
        jnz .next
        read_cr rax, cr3
        write_cr cr3, rax
        ret

; touch_pages: counts in the first page, and in each as many bytes further as ECX says.
touch_pages:
        mov rdi, WINDOW
        mov rdx, WINDOW_END
.next:  inc dword [rdi]
        add rdi, rcx
        cmp rdi, rdx
        jb .next
        ret

; fork: the child becomes a copy of the parent, with which it shares all frames.
fork:
        mov edi, child
        xor eax, eax
        mov ecx, SPACE_SIZE / 8
        rep stosq
        mov esi, parent + L1
        mov edi, child + L1
        mov ecx, PAGES
.next:  read_entry rax, rsi
        and rax, ~PTE_RW
        write_entry rsi, rax
        write_entry rdi, rax
        add rsi, 8
        add rdi, 8
        dec ecx
        jnz .next
        mov qword [free_copy], COPIES
        mov ebx, child
        jmp begin_space

; end_space: the tables of the space EBX, which is not loaded, are pages again.
end_space:
        end_root rbx
        mov ecx, SPACE_TABLES - 1
.next:  add rbx, 4096
        end_table rbx
        dec ecx
        jnz .next
        ret

; on_page_fault: the child gets a copy of the page; the parent, whose child has ended by then, may write to it again.
on_page_fault:
        gate_entry
        push rax
        push rbx
        push rcx
        push rdi
        push rsi
        inc r12d
        read_cr rbx, cr2
        mov rcx, rbx
        shr ecx, 12                             ; the page: WINDOW is 0 in what is left
        mov rax, [current_space]
        lea rdi, [rax + L1 + rcx * 8]
        read_entry rax, rdi
        cmp qword [current_space], child
        jne .write
        push rdi
        mov rsi, PTE_ADDRESS
        and rsi, rax
        mov rdi, [free_copy]
        mov rax, rdi
        mov ecx, 4096 / 8
        rep movsq
        pop rdi
        add qword [free_copy], 4096
.write: or rax, PTE_P | PTE_RW
        write_entry rdi, rax
        flush_page [rbx]
        pop rsi
        pop rdi
        pop rcx
        pop rbx
        pop rax
        add rsp, 8                              ; the error code
        interrupt_return
