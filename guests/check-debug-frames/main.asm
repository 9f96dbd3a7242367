; check-debug-frames: data breakpoints on what the processor itself pushes in 64-bit mode: frames of interrupts and
; exceptions on the running stack, on that of RSP0 and on one of the IST, and what a call gate leaves.
; Shows: that the trap comes at the first instruction of the handler, after the whole frame.
; differs(qemu): * - QEMU's TCG dies of them
; SDM 3B 17.2.4 Debug Control Register (DR7), 17.3.1.2 Data Memory and I/O Breakpoint Exception Conditions.

%include "../inc/guest.inc"
%include "../inc/check.inc"

VECTOR          equ 0x40
CALL_GATE       equ FREE_SELECTOR
WRITE_8         equ 9                           ; DR7: R/W and LEN of a write of 8 bytes

; watch address: breakpoint 0 for a write of 8 bytes.
%macro watch 1
        mov rax, %1
        mov dr0, rax
        mov eax, 1 | (WRITE_8 << 16)
        mov dr7, rax
%endmacro

; entry vector, IST, label: leads there.
%macro entry_at 3
        set_gate %1, %3, GATE_INTERRUPT | GATE_DPL3, %2
%endmacro

main:
        call check_init
        set_gate_type 1, GATE_INTERRUPT, 2      ; #DB has a stack of its own
        mov qword [tss + TSS_IST1 + 8], debug_stack_top
        entry_at VECTOR, 0, int_user.there
        watch interrupt_stack_top - 8
        user_check int_user, "int n from cpl 3: ss on the stack of rsp0"
          int VECTOR
.there:   nop
        done
        entry_at VECTOR, 0, int_user_rip.there
        watch interrupt_stack_top - 40
        user_check int_user_rip, "int n from cpl 3: rip"
          int VECTOR
.there:   nop
        done
        entry_at VECTOR, 0, int_user_below.there
        watch interrupt_stack_top - 48
        user_check int_user_below, "int n from cpl 3: nothing below it"
          int VECTOR
.there:   nop
        done
        entry_at 13, 0, fault_user.there
        watch interrupt_stack_top - 48
        user_check fault_user, "#GP at cpl 3: its error code"
          hlt
.there:   nop
        done
        entry_at VECTOR, 1, int_ist.there
        watch ist_stack_top - 16
        check int_ist, "int n at cpl 0: rsp on a stack of the ist"
          int VECTOR
.there:   nop
        done
        entry_at VECTOR, 1, int_ist_user.there
        watch ist_stack_top - 16
        user_check int_ist_user, "int n at cpl 3: the same"
          int VECTOR
.there:   nop
        done
        entry_at VECTOR, 0, int_kernel.there
        check int_kernel, "int n at cpl 0: rflags on the running stack"
          mov rsp, interrupt_stack_top
          watch interrupt_stack_top - 24
          int VECTOR
.there:   nop
        done
        mov eax, gate_user.there
        mov [gdt + CALL_GATE], ax
        mov word [gdt + CALL_GATE + 2], KERNEL_CS
        and eax, 0xffff0000
        or eax, DESC_P | DESC_DPL3 | DESC_CALL_GATE
        mov [gdt + CALL_GATE + 4], eax
        watch interrupt_stack_top - 24
        user_check gate_user, "call gate: cs on the stack of rsp0"
          call far [gate_pointer]
          nop
.there:   nop
        done
        ret

        section .data
        align 8, db 0
gate_pointer:   dq 0
                dw CALL_GATE | 3
        section .bss
        alignb 16
                resb 4096
debug_stack_top:
        section .text
