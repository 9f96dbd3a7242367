; bench-int80: a million INT 80h from CPL 3, each through a gate of DPL 3 to a handler that counts and returns
; with IRET. The result is the count.
; Shows: what entering and leaving the kernel by a software interrupt costs.
; bench: ops=1000000 unit=int80

%include "../inc/bench.inc"

%ifndef N
%define N 1000000
%endif

main:
        call gdt_init
        call idt_init
        mov edx, PTE_P | PTE_RW | PTE_US
        call identity_map
        set_gate 0x80, count, GATE_INTERRUPT | GATE_DPL3
        set_gate 0x81, finished, GATE_INTERRUPT | GATE_DPL3
        bench_begin "int 0x80 and iret"
        enter_user program

program:
        xor eax, eax
        mov ecx, N
.next:  int 0x80
        dec ecx
        jnz .next
        int 0x81

count:
        gate_entry
        inc eax
        interrupt_return

finished:
        bench_end
        exit 0
