; bench-syscall: two million SYSCALLs from CPL 3, each to a handler that counts and returns with SYSRET. The
; result is the count.
; Shows: what the fast way into the kernel and back costs.
; bench: ops=2000000 unit=syscall

%include "../inc/bench.inc"

%ifndef N
%define N 2000000
%endif

main:
        call gdt_init
        call idt_init
        mov edx, PTE_P | PTE_RW | PTE_US
        call identity_map
        set_gate 0x81, finished, GATE_INTERRUPT | GATE_DPL3
        set_efer EFER_SCE
        set_msr IA32_STAR, (0x1b << 48) | (KERNEL_CS << 32)
        set_msr IA32_LSTAR, count
        set_msr IA32_FMASK, RFLAGS_IF
        bench_begin "syscall and sysret"
        enter_user program

program:
        xor eax, eax
        mov ebx, N                              ; SYSCALL takes RCX and R11
.next:  syscall
        dec ebx
        jnz .next
        int 0x81

count:
        system_entry
        inc eax
        system_return

finished:
        bench_end
        exit 0
