; A guest with 2 MiB that fills its memory with numbers that nobody else has, reads them back, and ends.

        bits 64
        org 0x100000

DATA            equ 0x140000
DATA_END        equ 0x1f0000
ROUNDS          equ 8

        mov rbx, 0x9e3779b97f4a7c15
        mov ebp, ROUNDS
.round: mov r8, rbx
        mov edi, DATA
.fill:  mov rax, rbx                    ; xorshift
        shl rax, 13
        xor rbx, rax
        mov rax, rbx
        shr rax, 7
        xor rbx, rax
        mov rax, rbx
        shl rax, 17
        xor rbx, rax
        mov [rdi], rbx
        add edi, 8
        cmp edi, DATA_END
        jb .fill
        mov edi, DATA
        xor edx, edx
.check: rol rdx, 1
        xor rdx, [rdi]
        add edi, 8
        cmp edi, DATA_END
        jb .check
        dec ebp
        jnz .round
        mov al, 0
        out 0xf4, al
