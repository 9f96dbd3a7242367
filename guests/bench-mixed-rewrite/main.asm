; bench-mixed-rewrite: a loop that changes the constant in one of its own instructions, twenty thousand times, and runs it
; sixteen times each. Apart, the constant is a variable.
; Shows: self-modifying code; about a million instructions.
; bench: ops=20000 unit=rewrite

%include "../inc/mixed.inc"

%ifndef N
%define N 20000                                 ; rewrites
%endif

        code_page
main:
        bench_begin "a loop that rewrites itself"
        xor eax, eax
        mov edx, N
.next:  mov [constant], edx
        mov ecx, 16
%ifdef APART
.round: add eax, [constant]
%else
.round: add eax, 0x12345678
constant        equ $ - 4
%endif
        rol eax, 3
        dec ecx
        jnz .round
        dec edx
        jnz .next
        bench_end
        ret

%ifdef APART
        on_page constant, 4
%endif
