; The library: what programs share. Its pages are the same frames in all processes.

        section .library vstart=LIBRARY align=4096
library_begin:

; show: the zero-terminated string RDI.
show:
        push rbx
        push rbp
        mov rbx, rdi
        mov rbp, rdi
.length:
        cmp byte [rbp], 1
        inc rbp
        jae .length
        dec rbp
        jmp .check
.next:  mov rdi, rbx
        mov rsi, rbp
        sub rsi, rbx
        system SYS_WRITE
        add rbx, rax
.check: cmp rbx, rbp
        jb .next
        pop rbp
        pop rbx
        ret

; show_number: the signed number RDI.
show_number:
        xor esi, esi

; show_column: the signed number RDI, with blanks before it up to ESI characters.
show_column:
        push rbx
        sub rsp, 48
        lea rbx, [rsp + 47]
        mov byte [rbx], 0
        lea r9, [rbx]
        sub r9, rsi                             ; the column begins here
        mov r8d, 10
        mov rax, rdi
        neg rdi
        cmovns rax, rdi                         ; the absolute value
.next:  xor edx, edx
        div r8
        add dl, '0'
        dec rbx
        mov [rbx], dl
        test rax, rax
        jnz .next
        test rdi, rdi                           ; negated: it was negative if it is not
        jle .pad
        dec rbx
        mov byte [rbx], '-'
.pad:   cmp rbx, r9
        jbe .print
        dec rbx
        mov byte [rbx], ' '
        jmp .pad
.print: mov rdi, rbx
        call show
        add rsp, 48
        pop rbx
        ret

; start_child: RAX = PID of a copy of this process that calls RDI, with RSI and the caller's RBX, RBP and R12 to R15,
; and ends with what that returns.
start_child:
        push rbx
        push rbp
        mov rbx, rdi
        mov rbp, rsi
        system SYS_FORK
        test rax, rax
        jz .child
        pop rbp
        pop rbx
        ret
.child: mov rax, rbx
        mov rsi, rbp
        pop rbp
        pop rbx
        call rax
        mov edi, eax
        system SYS_EXIT

; wait_for: RAX = the status with which the child EDI ends.
wait_for:
        push 0
        mov rsi, rsp
        xor edx, edx
        system SYS_WAIT
        pop rax
        ret

; process_info: finds the process with PID EDI and puts its INFO_SIZE bytes at RSI. RAX = its PID, or 0.
process_info:
        push rbx
        push rbp
        push r12
        mov ebx, edi
        mov rbp, rsi
        xor r12d, r12d
.next:  mov edi, r12d
        mov rsi, rbp
        system SYS_PROCESS
        cmp rax, rbx
        je .done
        inc r12d
        cmp r12d, PROCESS_COUNT
        jb .next
        xor eax, eax
.done:  pop r12
        pop rbp
        pop rbx
        ret

; count_primes: RAX = how many primes are below ESI, by a sieve of ESI bytes at HEAP.
count_primes:
        mov r8, HEAP
        mov rdi, r8
        mov ecx, esi
        xor eax, eax
        rep stosb
        mov ecx, 2
.next:  cmp byte [r8 + rcx], 0
        jne .composite
        inc eax
        mov edx, ecx
        imul rdx, rcx
        jmp .check
.cross: mov byte [r8 + rdx], 1
        add rdx, rcx
.check: cmp rdx, rsi
        jb .cross
.composite:
        inc ecx
        cmp ecx, esi
        jb .next
        ret

library_end:
