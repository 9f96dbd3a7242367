; bench-switch: eight address spaces of 64 pages each take turns, two hundred thousand times: load CR3, count up in
; eight of the pages. The result is the sum of what was counted.
; Shows: what a change of address space costs, and whether what was known of one is still known when it comes again.
; bench: ops=200000 unit=switch

%define TABLE_COUNT 64
%include "../inc/bench.inc"

%ifndef N
%define N 200000
%endif
SPACES          equ 8
PAGES           equ 64
TOUCHED         equ 8
WINDOW          equ 1 << 39                     ; under an entry of the root that each space has for itself
FRAMES          equ 0x1000000

main:
        mov edx, PTE_P | PTE_RW
        call identity_map
        xor ebp, ebp
.space: call new_table                          ; a root: the kernel's entry, and a window of its own
        mov [roots + rbp * 8], r9
        read_entry rax, page_root
        write_entry r9, rax
        xor ebx, ebx
.page:  mov rdi, rbx
        shl rdi, 12
        mov rax, WINDOW
        add rdi, rax
        mov ecx, LEVEL_4K
        mov rax, [roots + rbp * 8]
        call page_entry_in
        mov edx, ebp
        imul edx, PAGES
        add edx, ebx
        shl edx, 12
        add edx, FRAMES + (PTE_P | PTE_RW)
        write_entry rax, rdx
        inc ebx
        cmp ebx, PAGES
        jb .page
        begin_root qword [roots + rbp * 8]
        inc ebp
        cmp ebp, SPACES
        jb .space

        bench_begin "switches of address space"
        mov ecx, N
.next:  mov eax, ecx
        and eax, SPACES - 1
        mov rax, [roots + rax * 8]
        write_cr cr3, rax
        mov rdi, WINDOW
        mov eax, ecx                            ; which eight pages: by turns
        shr eax, 3
        and eax, PAGES / TOUCHED - 1
        shl eax, 15
        add rdi, rax
        mov edx, TOUCHED
.touch: inc dword [rdi]
        add rdi, 4096
        dec edx
        jnz .touch
        dec ecx
        jnz .next

        xor eax, eax
        add_frames FRAMES, SPACES * PAGES
        bench_end
        ret

        section .bss
        alignb 8
roots:  resq SPACES
