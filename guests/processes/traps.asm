; Exceptions. A page fault may be part of the plan (user-memory.asm); any other exception that a program raises
; ends it, with a message. One that the kernel raises ends the run (unexpected_interrupt in idt.inc).

VECTOR_NMI      equ 2
VECTOR_BP       equ 3
VECTOR_DF       equ 8
VECTOR_PF       equ 14
VECTOR_MC       equ 18

        section .bss
        alignb 16
                resb 4096
ist_stack_top:                      ; for what may come while RSP is not to be trusted
        section .text

traps_init:
%assign vector 0
%rep 32
  %if vector != VECTOR_NMI && vector != VECTOR_DF && vector != VECTOR_MC
        on_interrupt vector, on_exception
  %endif
  %assign vector vector + 1
%endrep
        on_interrupt VECTOR_PF, on_page_fault
        set_gate_type VECTOR_BP, GATE_INTERRUPT | GATE_DPL3
%ifndef PARA
        mov qword [tss + TSS_IST1], ist_stack_top
%endif
        set_gate_type VECTOR_NMI, GATE_INTERRUPT, 1
        set_gate_type VECTOR_DF, GATE_INTERRUPT, 1
        set_gate_type VECTOR_MC, GATE_INTERRUPT, 1
        ret

on_exception:
        test byte [rdi + FRAME_CS], 3
        jz unexpected_interrupt
        call report
        print `\n`

kill_current:
        mov rdi, KILLED
        jmp process_exit

on_page_fault:
        mov rbx, rdi
        read_cr rbp, cr2
        mov rdi, rbp
        mov esi, [rbx + FRAME_ERROR]
        call resolve_fault
        mov rdi, rbx
        test rax, rax
        jz .done
        test byte [rbx + FRAME_CS], 3
        jz .in_kernel
        call report
        cmp rax, E_NOMEM
        je .no_memory
        call report_access
        jmp kill_current
.no_memory:
        print `: out of memory\n`
        jmp kill_current
.in_kernel:
        mov rcx, [fault_resume]
        jrcxz .unexpected
        mov [rbx + FRAME_RIP], rcx
.done:  ret
.unexpected:
        jmp unexpected_interrupt

; report: begins the message about the exception in the frame RDI. Keeps all registers.
report:
        push rax
        push rsi
        mov rax, [current]
        lea rsi, [rax + P_NAME]
        call write_string
        print ` (`
        mov eax, [rax + P_PID]
        call write_dec
        print `) killed by `
        call write_exception
        print ` at `
        print_hex [rdi + FRAME_RIP], 10
        pop rsi
        pop rax
        ret

; report_access: ends the message about a page fault: RDI = frame, RBP = address.
report_access:
        mov eax, [rdi + FRAME_ERROR]
        test eax, FAULT_I
        jnz .fetch
        test eax, FAULT_W
        jnz .write
        print `, reading `
        jmp .address
.fetch: print `, fetching from `
        jmp .address
.write: print `, writing `
.address:
        print_hex rbp
        test eax, FAULT_P
        jnz .protected
        print `, not mapped\n`
        ret
.protected:
        print `, protected\n`
        ret
