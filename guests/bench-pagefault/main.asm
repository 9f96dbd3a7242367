; bench-pagefault: a million page faults. Each write to a page that is not present faults; the handler maps the
; page that CR2 names and returns; the write is done again; then the page is unmapped. 256 pages take turns. The
; result is the number of faults plus the number of touches found in the frames.
; Shows: what a page fault with its repair costs.
; bench: ops=1000000 unit=page-fault

%include "../inc/guest.inc"
%include "../inc/gdt.inc"
%include "../inc/idt.inc"
%include "../inc/paging.inc"
%include "../inc/bench.inc"

%ifndef N
%define N 1000000
%endif
WINDOW          equ 0x40000000
FRAMES          equ 0x1000000
PAGES           equ 256

main:
        call gdt_init
        call idt_init
        mov edx, PTE_P | PTE_RW
        call identity_map
        set_gate 14, on_page_fault, GATE_INTERRUPT
        mov rdi, WINDOW
        mov ecx, LEVEL_4K
        call page_entry
        mov rbp, rax                            ; the page table of the window
        bench_begin "page fault and repair"
        xor r12d, r12d                          ; faults
        mov ecx, N
.next:  mov eax, ecx
        and eax, PAGES - 1
        mov edx, eax
        shl edx, 12
        inc dword [rdx + WINDOW]
        mov qword [rbp + rax * 8], 0
        invlpg [rdx + WINDOW]
        dec ecx
        jnz .next

        mov eax, r12d
        mov ebx, FRAMES
.sum:   mov edx, [rbx]
        add rax, rdx
        add ebx, 4096
        cmp ebx, FRAMES + PAGES * 4096
        jb .sum
        bench_end
        ret

on_page_fault:
        push rax
        push rdx
        mov rax, cr2
        sub rax, WINDOW
        shr eax, 12
        mov edx, eax
        shl edx, 12
        add edx, FRAMES + PTE_P + PTE_RW
        mov [rbp + rax * 8], rdx
        inc r12d
        pop rdx
        pop rax
        add rsp, 8                              ; the error code
        iretq
