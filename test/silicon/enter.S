# Entering and leaving one test case.
#
# enter() loads every general register, the data selectors, FS and GS base and, by IRETQ, RIP, RFLAGS and
# RSP. The only way back is a signal: on_signal() runs on the alternate stack, saves what the kernel does
# not put into the signal context, restores what C needs (RFLAGS, selectors, FS base) and returns from
# enter() without sigreturn.

        .text

# void enter(void): state in `launch` (see harness.c)
        .globl  enter
enter:
        push    %rbx
        push    %rbp
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        mov     %rsp, c_rsp(%rip)
        rdfsbase %rax
        mov     %rax, c_fs_base(%rip)

        lea     launch_selectors(%rip), %rdx
        mov     0(%rdx), %ds
        mov     2(%rdx), %es
        mov     4(%rdx), %fs
        mov     6(%rdx), %gs
        mov     launch_fs_base(%rip), %rax
        wrfsbase %rax
        mov     launch_gs_base(%rip), %rax
        wrgsbase %rax

        mov     launch(%rip), %rsp
        pop     %rax
        pop     %rcx
        pop     %rdx
        pop     %rbx
        pop     %rbp
        pop     %rsi
        pop     %rdi
        pop     %r8
        pop     %r9
        pop     %r10
        pop     %r11
        pop     %r12
        pop     %r13
        pop     %r14
        pop     %r15
        iretq

# void on_signal(int, siginfo_t *, void *ucontext)
        .globl  on_signal
on_signal:
        sub     $8, %rsp
        push    $2
        popfq
        lea     after_selectors(%rip), %rcx
        mov     %ds, 0(%rcx)
        mov     %es, 2(%rcx)
        mov     %fs, 4(%rcx)
        mov     %gs, 6(%rcx)
        rdfsbase %rax
        mov     %rax, after_fs_base(%rip)
        rdgsbase %rax
        mov     %rax, after_gs_base(%rip)
        xor     %eax, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %fs
        mov     %eax, %gs
        mov     c_fs_base(%rip), %rax
        wrfsbase %rax
        call    record

        mov     c_rsp(%rip), %rsp
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbp
        pop     %rbx
        ret

        .bss
        .balign 8
c_rsp:          .skip 8
c_fs_base:      .skip 8

        .section .note.GNU-stack, "", @progbits
