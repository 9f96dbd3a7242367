; bench-mixed-counter: a checksum routine that counts its calls, half a million times. The counter lies behind it, as
; the variables of a small kernel do.
; Shows: a variable on a code page that is changed every 20 instructions; about 11 million instructions.
; bench: ops=500000 unit=call

%include "../inc/mixed.inc"

%ifndef N
%define N 500000                                ; calls
%endif

        code_page
main:
        bench_begin "a counter on the page of its code"
        xor eax, eax
        mov edx, N
.next:  call step
        dec edx
        jnz .next
        add xax, [calls]
        bench_end
        ret

; EAX = the sum so far.
step:
        inc xword [calls]
        mov ecx, 4
.round: rol eax, 5
        add eax, edx
        dec ecx
        jnz .round
        ret

        on_page calls, 16
