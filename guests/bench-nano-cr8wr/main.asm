; bench-nano-cr8wr: two hundred thousand writes of CR8, the priority of the task. The result is the sum of what the
; first sixteen have left there, times the number of writes.
; Shows: what a control register costs that the kernel writes often and that has no other effect. A nanobenchmark of
; Adams and Agesen (bench-nano-in).
; bench: ops=200000 unit=cr8-write
; para: none, since Xen's PV ABI has no CR8

%include "../inc/bench.inc"

%ifndef N
%define N 200000
%endif

main:
        bench_begin "mov to cr8"
        xor ebx, ebx
        xor ecx, ecx
.check: write_cr cr8, rcx
        read_cr rax, cr8
        add ebx, eax
        inc ecx
        cmp ecx, 16
        jb .check
        mov ecx, N
.next:  mov eax, ecx
        and eax, 15
        write_cr cr8, rax
        dec ecx
        jnz .next
        write_cr cr8, rcx
        imul eax, ebx, N
        bench_end
        ret
