; A 64-bit ELF kernel that is entered in 64-bit mode: it prints where it runs and what .data and .bss hold.

        bits 64
        default rel
        global _start

        section .bss
zeroed: resq 512

        section .data
initialized: dq 0x600df00d

        section .text
_start: mov rsp, 0x80000
        lea rsi, [message]
        call print
        mov rax, [initialized]
        lea rdi, [zeroed]
        mov ecx, 512
.sum:   or rax, [rdi + rcx * 8 - 8]
        loop .sum
        call print_hex
        lea rax, [_start]
        call print_hex
        mov eax, cs
        call print_hex
        mov al, 0
        out 0xf4, al

print:  lodsb
        test al, al
        jz .done
        out 0xe9, al
        jmp print
.done:  ret

print_hex:
        mov rdx, rax
        mov ecx, 60
.digit: mov rax, rdx
        shr rax, cl
        and eax, 15
        cmp al, 10
        sbb bl, bl
        and bl, -39
        lea eax, [rax + rbx + 87]
        out 0xe9, al
        sub ecx, 4
        jns .digit
        mov al, ' '
        out 0xe9, al
        ret

        section .rodata
message: db "ELF64 ", 0
