; bench-nano-pgfault: two hundred thousand reads of a page that is not present; the handler goes on behind the read.
; The result is the number of faults.
; Shows: what a page fault costs that is the guest's own: the VMM must find out that it is, and pass it on. A
; nanobenchmark of Adams and Agesen (bench-nano-in).
; bench: ops=200000 unit=page-fault

%include "../inc/bench.inc"

%ifndef N
%define N 200000
%endif
ABSENT          equ 0x40000000

main:
        call gdt_init
        call idt_init
        mov edx, PTE_P | PTE_RW
        call identity_map
        set_gate 14, on_page_fault, GATE_INTERRUPT
        bench_begin "page fault"
        xor eax, eax
        mov ecx, N
.next:  mov ebx, [abs ABSENT]
.behind:
        dec ecx
        jnz .next
        bench_end
        ret

on_page_fault:
        gate_entry
        inc eax
        mov xword [xsp + XSIZE], main.behind
        add xsp, XSIZE                          ; the error code
        interrupt_return
