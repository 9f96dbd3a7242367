; check-shadow: when a pending interrupt is let in. The timer keeps IRQ 0 pending (its request is masked at the
; PIC until the check), so that the interrupt comes at the first instruction boundary that admits it; the saved
; RIP shows which.
; Shows: the shadow of STI; that a second STI has none; POPF, IRET and HLT; CLI in the shadow; a fault in the shadow; interrupts between the iterations of a string instruction.
; SDM 3A 6.8 Enabling and Disabling Interrupts; 2B STI.

%include "../inc/guest.inc"
%include "../inc/check.inc"
%include "../inc/pic.inc"
%include "../inc/pit.inc"

REP_COUNT       equ 50000000                    ; bytes, more than a millisecond's work

main:
        call check_init
        call pic_init
        on_interrupt PIC_VECTOR + IRQ_PIT, on_timer
        pit_start 1000
        call shadows
        call flags
        call strings
        pic_mask 0xff
        ret

on_timer:
        end_of_interrupt
        dec dword [ignored]
        js check_report
        ret

; wait_pending: returns when IRQ 0 is requested, with its line open and IF clear.
wait_pending:
        push rax
        pic_mask 0xff
        mov al, 0x0a                            ; OCW3: read the IRR
        out PIC1, al
.wait:  in al, PIC1
        test al, 1 << IRQ_PIT
        jz .wait
        pic_mask ~(1 << IRQ_PIT)
        pop rax
        ret

; pending label, "text": a check that begins with the request pending and IF clear.
%macro pending 2
        call wait_pending
        check %1, %2
%endmacro

shadows:
        pending sti_one, "sti: one more instruction"
          sti
          nop
          nop
        done
        pending sti_cli, "sti, cli: nothing gets in"
          sti
          cli
          nop
        done
        pending sti_sti, "sti, sti: the second has no shadow"
          sti
          sti
          nop
          nop
        done
        pending sti_hlt, "sti, hlt"
          sti
          hlt
          nop
        done
        pending sti_set, "sti with if set already: no shadow"
          sti
          nop
          nop
        done
        pending sti_fault, "sti, then a fault"
          sti
          ud2
        done
        pending sti_jump, "sti, jmp"
          sti
          jmp .there
          nop
.there:   nop
        done
        ret

flags:
        pending popf_if, "popfq: no shadow"
          push RFLAGS_IF | 2
          popfq
          nop
        done
        pending iret_if, "iretq: no shadow"
          push KERNEL_DS
          push interrupt_stack_top
          push RFLAGS_IF | 2
          push KERNEL_CS
          push .there
          iretq
.there:   nop
        done
        pending iret_user, "iretq to cpl 3"
          push USER_DS
          push user_stack_top
          push RFLAGS_IF | 2
          push USER_CS
          push .there
          iretq
.there:   nop
        done
        pending stays, "if clear: nothing"
          nop
        done
        ret

strings:
        mov dword [ignored], 1
        call wait_pending
        check rep_lodsb, "the timer interrupts a rep lodsb"
          sti
          hlt                                   ; the tick that is ignored; the next comes a millisecond later
          mov esi, IMAGE_BASE
          mov ecx, REP_COUNT
          rep lodsb
        done
        lea rax, [rsi + rcx - IMAGE_BASE]
        print `done and left together `
        print_dec rax
        cmp ecx, 0
        je .whole
        cmp ecx, REP_COUNT
        je .whole
        print `, both more than nothing`
.whole: print `\n`
        mov edi, buffer
        mov ecx, 100
        pending rep_zero, "rep movsb with rcx 0 in the shadow is one instruction"
          xor ecx, ecx
          sti
          rep movsb
          nop
        done
        ret

        section .bss
ignored:        resd 1                          ; ticks that only return
buffer:         resb 64
