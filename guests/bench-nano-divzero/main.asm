; bench-nano-divzero: two hundred thousand divisions by zero; the handler goes on behind the division. The result is the
; number of faults.
; Shows: what an exception costs that has nothing to do with paging. A nanobenchmark of Adams and Agesen
; (bench-nano-in).
; bench: ops=200000 unit=divide-error

%include "../inc/bench.inc"

%ifndef N
%define N 200000
%endif

main:
        call gdt_init
        call idt_init
        set_gate 0, on_divide_error, GATE_INTERRUPT
        bench_begin "divide error"
        xor esi, esi
        xor ebx, ebx
        mov ecx, N
.next:  div ebx
.behind:
        dec ecx
        jnz .next
        mov eax, esi
        bench_end
        ret

on_divide_error:
        gate_entry
        inc esi
        mov xword [xsp], main.behind
        interrupt_return
