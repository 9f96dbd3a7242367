; bench-sysenter-32: two million SYSENTERs from CPL 3 in 32-bit protected mode, each to a handler that counts and
; returns with SYSEXIT. The result is the count.
; Shows: what the fast way into a 32-bit kernel and back costs; bench-syscall is the 64-bit one.
; bench: ops=2000000 unit=sysenter

%define WIDTH 32
%include "../inc/bench.inc"

%ifndef N
%define N 2000000
%endif

; set_msr32 number, 32-bit value: changes EAX, ECX, EDX.
%macro set_msr32 2
        mov ecx, %1
        mov eax, %2
        xor edx, edx
        wrmsr
%endmacro

main:
        call gdt_init
        call idt_init
        mov edx, PTE_P | PTE_RW | PTE_US
        call identity_map
        set_gate 0x81, finished, GATE_INTERRUPT | GATE_DPL3
        set_msr32 IA32_SYSENTER_CS, KERNEL_CS
        set_msr32 IA32_SYSENTER_ESP, interrupt_stack_top
        set_msr32 IA32_SYSENTER_EIP, count
        bench_begin "sysenter and sysexit"
        enter_user program

program:
        xor eax, eax
        mov ebx, N
        mov ecx, esp                            ; SYSEXIT takes ESP and EIP from here
        mov edx, .back
.next:  sysenter
.back:  dec ebx
        jnz .next
        int 0x81

count:
        inc eax
        sysexit

finished:
        bench_end
        exit 0
