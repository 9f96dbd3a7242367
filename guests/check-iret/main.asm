; check-iret: IRETQ to every ring and with every bad frame, IRET with 32-bit and 16-bit operands, and which flags
; an IRET or POPF may change at CPL 0 and 3 and each IOPL.
; Shows: #GP with the selector, null SS, NT, a fault at the IRET itself against one at its target, RF.
; SDM 2A IRET; 2B POPF; 3A 6.14.3 IRET in IA-32e Mode.

%include "../inc/guest.inc"
%include "../inc/check.inc"
%include "../inc/descriptors.inc"

RING1_CS        equ FREE_SELECTOR + 8 * 36
RING1_DS        equ FREE_SELECTOR + 8 * 37
FLAGS           equ 0x257cd5                    ; all defined ones but TF, IF, VM, VIF, VIP

main:
        call check_init
        call descriptors_init
        mov dword [gdt + RING1_CS + 4], FLAT | DESC_A | DESC_L | DESC_P | DESC_CODE | (1 << 13)
        mov dword [gdt + RING1_DS + 4], FLAT | DESC_A | DESC_D | DESC_P | DESC_DATA | (1 << 13)
        ; differs(qemu): code l and d - QEMU's TCG runs it as 64-bit code
        xor r12d, r12d
next_kind:
        movzx r13d, word [kind_selectors + r12 * 2]
        call each_kind
        inc r12d
        cmp r12d, KIND_COUNT
        jb next_kind
        call frames
        call widths
        call flags
        ret

landing:
        mov ecx, ss
        mov eax, cs
        shl rcx, 32
        or rax, rcx
        int VECTOR_VALUE

; frame ss, rsp, rflags, cs, rip: what an interrupt would have pushed.
%macro frame 5
        push %1
        push %2
        push %3
        push %4
        push %5
%endmacro

each_kind:
        call print_kind
        check kernel_cs, "as cs, rpl 0"
          frame KERNEL_DS, interrupt_stack_top, 2, r13, landing
          iretq
        done
        call print_kind
        or r13d, 3
        check user_cs, "as cs, rpl 3"
          frame USER_DS, user_stack_top, 2, r13, landing
          iretq
        done
        call print_kind
        check user_ss, "as ss, to cpl 3"
          frame r13, user_stack_top, 2, USER_CS, landing
          iretq
        done
        call print_kind
        and r13d, ~3
        check kernel_ss, "as ss, to cpl 0"
          frame r13, interrupt_stack_top, 2, KERNEL_CS, landing
          iretq
        done
        call print_kind
        user_check from_user, "as cs, rpl 0, from cpl 3"
          frame USER_DS, user_stack_top, 2, r13, landing
          iretq
        done
        ret

frames:
        check null_cs, "null cs"
          frame KERNEL_DS, interrupt_stack_top, 2, 0, landing
          iretq
        done
        check null_ss, "null ss to cpl 0"
          frame 0, interrupt_stack_top, 2, KERNEL_CS, landing
          iretq
        done
        check null_ss3, "null ss to cpl 3"
          frame 0, user_stack_top, 2, USER_CS, landing
          iretq
        done
        check null_ss3_rpl3, "null ss with rpl 3 to cpl 3"
          frame 3, user_stack_top, 2, USER_CS, landing
          iretq
        done
        check null_ss1, "null ss with rpl 1 to ring 1"
          frame 1, interrupt_stack_top, 2, RING1_CS | 1, landing
          iretq
        done
        check ring1, "to ring 1"
          frame RING1_DS | 1, interrupt_stack_top, 2, RING1_CS | 1, landing
          iretq
        done
        check beyond, "cs beyond the gdt"
          frame KERNEL_DS, interrupt_stack_top, 2, 0x2000, landing
          iretq
        done
        check ss_beyond, "ss beyond the gdt"
          frame 0x2003, user_stack_top, 2, USER_CS, landing
          iretq
        done
        check nt, "with nt set"
          push RFLAGS_NT | 2
          popfq
          frame KERNEL_DS, interrupt_stack_top, 2, KERNEL_CS, landing
          iretq
        done
        ; differs(qemu): to a non-canonical rip - QEMU's TCG faults at the target
        check noncanonical, "to a non-canonical rip"
          mov rax, 0x0000800000000000
          frame KERNEL_DS, interrupt_stack_top, 2, KERNEL_CS, rax
          iretq
        done
        check noncanonical_user, "to a non-canonical rip at cpl 3"
          mov rax, 0x0000800000000000
          frame USER_DS, user_stack_top, 2, USER_CS, rax
          iretq
        done
        check noncanonical_rsp, "to a non-canonical rsp at cpl 3"
          mov rax, 0x0000800000000000
          frame USER_DS, rax, 2, USER_CS, landing
          iretq
        done
        check clears, "to cpl 3 clears ds with dpl 0 and keeps es with dpl 3"
          mov eax, KERNEL_DS
          mov ds, eax
          mov eax, USER_DS
          mov es, eax
          frame USER_DS, user_stack_top, 2, USER_CS, .here
          iretq
.here:    mov eax, ds
          shl eax, 16
          mov ecx, es
          or eax, ecx
        done_value
        check same_ring_rsp, "to the same ring loads rsp, too"
          frame KERNEL_DS, interrupt_stack_top, 2, KERNEL_CS, .here
          iretq
.here:    mov rax, interrupt_stack_top
          sub rax, rsp
        done_value
        user_check user_rsp, "from cpl 3 to cpl 3"
          frame USER_DS, user_stack_top - 128, 2, USER_CS, landing
          iretq
        done
        ret

; The operand size is also the size of the five items that are popped.
widths:
        check iretd, "iretd"
          sub rsp, 20
          mov dword [rsp], landing
          mov dword [rsp + 4], KERNEL_CS
          mov dword [rsp + 8], 2
          mov dword [rsp + 12], interrupt_stack_top
          mov dword [rsp + 16], KERNEL_DS
          iretd
        done
        check iretd_user, "iretd to cpl 3"
          sub rsp, 20
          mov dword [rsp], landing
          mov dword [rsp + 4], USER_CS
          mov dword [rsp + 8], 2
          mov dword [rsp + 12], user_stack_top
          mov dword [rsp + 16], USER_DS
          iretd
        done
        mov byte [abs 0x8000], 0xeb                 ; jmp $+2: then int VECTOR_DONE
        mov byte [abs 0x8001], 0
        mov word [abs 0x8002], 0xcd | VECTOR_DONE << 8
        check iretw, "iretw"
          sub rsp, 10
          mov word [rsp], 0x8000
          mov word [rsp + 2], KERNEL_CS
          mov word [rsp + 4], 2
          mov word [rsp + 6], 0x7000
          mov word [rsp + 8], KERNEL_DS
          iretw
        done
        ret

flags:
        check all_flags, "iretq at cpl 0: flags"
          frame KERNEL_DS, interrupt_stack_top, FLAGS, KERNEL_CS, .here
          iretq
.here:    pushfq
          pop rax
        done_value
        check all_popf, "popfq at cpl 0: flags"
          push FLAGS
          popfq
          pushfq
          pop rax
        done_value
        check popf_vm, "popfq at cpl 0 with vm, vif and vip"
          push 0x1a0002
          popfq
          pushfq
          pop rax
        done_value
        check popfw, "popfw at cpl 0 keeps the upper flags"
          push RFLAGS_AC | 2
          popfq
          push word 0x4ed7
          popfw
          pushfq
          pop rax
        done_value
        check id_flag, "the id flag can be changed"
          push (1 << 21) | 2
          popfq
          pushfq
          pop rax
        done_value
        mov r13d, 2
next_iopl:
        user_check user_popf, "popfq at cpl 3: flags", r13
          push FLAGS | RFLAGS_IF
          popfq
          pushfq
          pop rax
        done_value
        user_check user_iret, "iretq at cpl 3: flags", r13
          frame USER_DS, user_stack_top, FLAGS | RFLAGS_IF, USER_CS, .here
          iretq
.here:    pushfq
          pop rax
        done_value
        user_check user_cli, "cli at cpl 3", r13
          cli
        done
        add r13d, 1 << 12
        cmp r13d, 4 << 12
        jb next_iopl
        ret
