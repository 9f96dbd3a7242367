; A guest with 16 MiB and more address spaces than a VMM can keep shadows or PCIDs for. In each it reads, at one address,
; a number that is another one in each; the sum of all must be right.

        bits 64
        org 0x100000

TABLES          equ 0x180000        ; a page table for all that maps the kernel
NUMBERS         equ 0x200000        ; 2 MiB: pages with a number each, as the PML4s of as many spaces
SPACES          equ 512
ROUNDS          equ 10
PLACE           equ 0x8000000000    ; slot 1 of every PML4
PRESENT         equ 3
LARGE           equ 0x83

        mov qword [TABLES], TABLES + 0x1000 + PRESENT
        mov edi, TABLES + 0x1000    ; 16 MiB, one to one
        mov eax, LARGE
.large: mov [rdi], rax
        add edi, 8
        add eax, 0x200000
        cmp eax, 0x1000000
        jb .large

; Space n: PML4 at NUMBERS + n pages, its PDPT at 4 MiB, directory at 6 MiB and table at 8 MiB, and its page at 10 MiB.
        xor ecx, ecx
.make:  mov edi, ecx
        shl edi, 12
        add edi, NUMBERS
        mov qword [rdi], TABLES + PRESENT
        lea eax, [rdi + 0x200000 + PRESENT]
        mov [rdi + 8], rax
        add eax, 0x200000
        mov [rdi + 0x200000], rax
        add eax, 0x200000
        mov [rdi + 0x400000], rax
        add eax, 0x200000
        mov [rdi + 0x600000], rax
        mov [rdi + 0x800000], ecx
        inc ecx
        cmp ecx, SPACES
        jb .make

        xor ebx, ebx
        mov ebp, ROUNDS
        mov rsi, PLACE
.round: xor ecx, ecx
.enter: mov eax, ecx
        shl eax, 12
        add eax, NUMBERS
        mov cr3, rax
        mov edx, [rsi]
        cmp edx, ecx
        jne .wrong
        add rbx, rdx
        inc ecx
        cmp ecx, SPACES
        jb .enter
        dec ebp
        jnz .round
        mov al, 0
        out 0xf4, al
.wrong: mov al, 1
        out 0xf4, al
