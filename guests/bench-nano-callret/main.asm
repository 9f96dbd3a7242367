; bench-nano-callret: two million calls of a function that returns at once, in the kernel. The result is their number.
; Shows: what code costs that needs nothing of the VMM; a binary translator pays for returns. A nanobenchmark of Adams
; and Agesen (bench-nano-in).
; bench: ops=2000000 unit=call-ret

%include "../inc/bench.inc"

%ifndef N
%define N 2000000
%endif

main:
        bench_begin "call and ret"
        xor eax, eax
        mov ecx, N
.next:  call count
        dec ecx
        jnz .next
        bench_end
        ret

count:
        inc eax
        ret
