; bench-int80: a million INT 80h from CPL 3, each through a gate of DPL 3 to a handler that counts and returns
; with IRETQ. The result is the count.
; Shows: what entering and leaving the kernel by a software interrupt costs.
; bench: ops=1000000 unit=int80

%include "../inc/guest.inc"
%include "../inc/cpu.inc"
%include "../inc/gdt.inc"
%include "../inc/idt.inc"
%include "../inc/paging.inc"
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
        bench_begin "int 0x80 and iretq"
        push USER_DS
        push user_stack_top
        push 2
        push USER_CS
        push program
        iretq

program:
        xor eax, eax
        mov ecx, N
.next:  int 0x80
        dec ecx
        jnz .next
        int 0x81

count:
        inc eax
        iretq

finished:
        bench_end
        exit 0

        section .bss
                resb 4096
user_stack_top:
