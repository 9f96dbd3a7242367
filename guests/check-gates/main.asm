; check-gates: interrupts and exceptions through every sort of gate: type, DPL, presence, the code segment it
; names, the end of the IDT, IST entries, RSP0; what is pushed, and what happens to the flags and SS.
; Shows: #GP, #NP, #SS and #TS while delivering, with the vector or selector, the EXT and IDT bits; that DPL
; counts for INT n only.
; SDM 3A 6.12 Exception and Interrupt Handling, 6.13 Error Code, 6.14 ... in 64-bit Mode.

%include "../inc/guest.inc"
%include "../inc/check.inc"
%include "../inc/descriptors.inc"

VECTOR          equ 0x40                        ; the gate that the checks bend
RING1_CS        equ FREE_SELECTOR + 8 * 36

main:
        call check_init
        call descriptors_init
        mov dword [gdt + RING1_CS + 4], FLAT | DESC_A | DESC_L | DESC_P | DESC_CODE | (1 << 13)
        call gate_types
        call gate_segments
        call delivery
        call stacks
        jmp table_end

landing:
        mov eax, cs
        int VECTOR_VALUE

; gate byte 5 = 0x80 | type with DPL 3, from CPL 0 and 3.
gate_types:
        xor r12d, r12d
next_type:
        lea eax, [r12 + 0x80 + GATE_DPL3]
        mov [idt + VECTOR * 16 + 5], al
        print `gate type `
        print_dec r12
        ; differs(qemu): gate type - vector * 16 as error code
        check int_type, " int n"
          int VECTOR
        done
        inc r12d
        cmp r12d, 32
        jb next_type

        mov byte [idt + VECTOR * 16 + 5], GATE_INTERRUPT
        ; differs(qemu): dpl 0 from - vector * 16 as error code
        user_check dpl0, "dpl 0 from cpl 3"
          int VECTOR
        done
        mov byte [idt + VECTOR * 16 + 5], GATE_INTERRUPT | (2 << 5)
        ; differs(qemu): dpl 2 from - vector * 16 as error code
        user_check dpl2, "dpl 2 from cpl 3"
          int VECTOR
        done
        mov byte [idt + VECTOR * 16 + 5], (GATE_INTERRUPT | GATE_DPL3) & 0x7f
        ; differs(qemu): absent gate: - vector * 16 as error code
        user_check absent, "absent gate"
          int VECTOR
        done
        mov byte [idt + VECTOR * 16 + 5], GATE_INTERRUPT & 0x7f
        ; differs(qemu): absent gate of - vector * 16 as error code
        user_check absent_dpl, "absent gate of dpl 0 from cpl 3"
          int VECTOR
        done
        ; differs(qemu): int3 through a gate of dpl - vector * 16 as error code
        user_check int3_dpl, "int3 through a gate of dpl 0 from cpl 3"
          int3
        done
        user_check ud_dpl, "ud2 through a gate of dpl 0 from cpl 3"
          ud2
        done
        mov byte [idt + 6 * 16 + 5], GATE_INTERRUPT & 0x7f
        ; differs(qemu): ud2 through an absent - vector * 16 as error code
        check ud_absent, "ud2 through an absent gate"
          ud2
        done
        ; differs(qemu): int 6 through an absent - vector * 16 as error code
        check int6_absent, "int 6 through an absent gate"
          int 6
        done
        mov byte [idt + 6 * 16 + 5], GATE_INTERRUPT
        mov byte [idt + 3 * 16 + 5], GATE_INTERRUPT & 0x7f
        ; differs(qemu): int3 through an absent - vector * 16 as error code
        check int3_absent, "int3 through an absent gate"
          int3
        done
        mov byte [idt + 3 * 16 + 5], 0x80
        ; differs(qemu): int3 through a gate of type - vector * 16 as error code
        check int3_type, "int3 through a gate of type 0"
          int3
        done
        mov byte [idt + 3 * 16 + 5], GATE_INTERRUPT
        ret

gate_segments:
        set_gate VECTOR, landing, GATE_INTERRUPT | GATE_DPL3
        mov qword [tss + TSS_RSP1], ist_stack_top
        xor r12d, r12d
next_kind:
        movzx r13d, word [kind_selectors + r12 * 2]
        mov [idt + VECTOR * 16 + 2], r13w
        call print_kind
        check kind_kernel, "as the gate's segment, cpl 0"
          int VECTOR
        done
        call print_kind
        user_check kind_user, "as the gate's segment, cpl 3"
          int VECTOR
        done
        inc r12d
        cmp r12d, KIND_COUNT
        jb next_kind
        mov word [idt + VECTOR * 16 + 2], 0
        check null_segment, "null segment"
          int VECTOR
        done
        mov word [idt + VECTOR * 16 + 2], KERNEL_CS | 3
        check rpl, "the gate's rpl does not count"
          int VECTOR
        done
        mov word [idt + VECTOR * 16 + 2], 0x2000
        check beyond, "segment beyond the gdt"
          int VECTOR
        done
        mov word [idt + 6 * 16 + 2], 0x2000
        ; differs(qemu): ud2: segment beyond - no EXT bit in the error code
        check ud_beyond, "ud2: segment beyond the gdt"
          ud2
        done
        mov word [idt + 6 * 16 + 2], KERNEL_CS
        mov word [idt + VECTOR * 16 + 2], KERNEL_CS
        mov dword [idt + VECTOR * 16 + 8], 0x8000
        ; differs(qemu): non-canonical offset - faults at the target
        check noncanonical, "non-canonical offset"
          int VECTOR
        done
        mov dword [idt + VECTOR * 16 + 8], 0
        ret

; Entry points that report what they see: RAX = it.
seen_ss:
        mov eax, ss
        shl rax, 32
        mov ecx, [rsp + 32]
        or rax, rcx
        int VECTOR_VALUE
seen_rflags:
        pushfq
        pop rax
        shl rax, 32
        or rax, [rsp + 16]
        int VECTOR_VALUE
seen_rsp:
        mov rax, [rsp + 24]
        sub rax, rsp
        int VECTOR_VALUE
seen_cs:
        mov rax, [rsp + 8]
        int VECTOR_VALUE

delivery:
        set_gate VECTOR, seen_ss, GATE_INTERRUPT | GATE_DPL3
        check ss_same, "ss inside, ss pushed: from cpl 0"
          int VECTOR
        done
        user_check ss_user, "ss inside, ss pushed: from cpl 3"
          int VECTOR
        done
        check ss_null, "ss inside, ss pushed: from cpl 0 with a null ss"
          xor eax, eax
          mov ss, eax
          int VECTOR
        done
        set_gate VECTOR, seen_cs, GATE_INTERRUPT | GATE_DPL3
        user_check cs_user, "cs pushed from cpl 3"
          int VECTOR
        done
        set_gate VECTOR, seen_rflags, GATE_INTERRUPT | GATE_DPL3
        check flags_interrupt, "flags inside and pushed: interrupt gate"
          mov eax, RFLAGS_NT | RFLAGS_IOPL3 | RFLAGS_AC | RFLAGS_DF | 0x8d7
          push rax
          popfq
          int VECTOR
        done
        user_check flags_user, "flags inside and pushed: from cpl 3", RFLAGS_IF | RFLAGS_NT | 2
          int VECTOR
        done
        set_gate VECTOR, seen_rflags, GATE_TRAP | GATE_DPL3
        user_check flags_trap, "flags inside and pushed: trap gate from cpl 3", RFLAGS_IF | 2
          int VECTOR
        done
        set_gate 6, seen_rflags, GATE_INTERRUPT
        ; differs(qemu): flags pushed by a fault - RF is not set
        check flags_fault, "flags pushed by a fault have rf"
          ud2
        done
        set_gate 3, seen_rflags, GATE_INTERRUPT
        check flags_int3, "flags pushed by int3 have not"
          int3
        done
        set_gate VECTOR, seen_rsp, GATE_INTERRUPT | GATE_DPL3
        check align_0, "the frame is aligned: rsp 0 modulo 16"
          and rsp, -16
          int VECTOR
        done
        check align_9, "the frame is aligned: rsp 9 modulo 16"
          and rsp, -16
          sub rsp, 7
          int VECTOR
        done
        ret

stacks:
        set_gate VECTOR, seen_stack, GATE_INTERRUPT | GATE_DPL3, 1
        check ist_kernel, "ist 1 from cpl 0: bytes below its top"
          int VECTOR
        done
        user_check ist_user, "ist 1 from cpl 3: bytes below its top"
          int VECTOR
        done
        mov qword [tss + TSS_IST1], ist_stack_top - 5
        check ist_unaligned, "an odd ist 1"
          int VECTOR
        done
        mov qword [tss + TSS_IST1], ist_stack_top
        set_gate VECTOR, seen_stack, GATE_INTERRUPT | GATE_DPL3
        mov qword [tss + TSS_RSP0], ist_stack_top
        user_check rsp0, "rsp0 from cpl 3: bytes below its top"
          int VECTOR
        done
        mov qword [tss + TSS_RSP0], interrupt_stack_top
        set_gate VECTOR, seen_stack, GATE_INTERRUPT | GATE_DPL3, 7
        mov rax, 0x0000800000000000
        mov [tss + TSS_IST1 + 48], rax
        ; differs(bochs): a non-canonical ist - SS as error code; the manual has #SS(EXT)
        check ist_noncanonical, "a non-canonical ist 7"
          int VECTOR
        done
        mov rax, 0x7000000000
        mov [tss + TSS_IST1 + 48], rax
        check ist_unmapped, "ist 7 in a page that is not present"
          int VECTOR
        done
        set_gate 6, seen_stack, GATE_INTERRUPT, 7
        check ist_unmapped_ud, "ud2 with it"
          ud2
        done
        set_gate VECTOR, seen_cs, GATE_INTERRUPT | GATE_DPL3
        mov word [idt + VECTOR * 16 + 2], RING1_CS
        user_check to_ring1, "a gate to ring 1 from cpl 3"
          int VECTOR
        done
        ret

seen_stack:
        mov rax, ist_stack_top
        sub rax, rsp
        int VECTOR_VALUE

table_end:
        mov word [idt_pointer], 16 * 0xf2 - 1   ; the last gate is VECTOR_VALUE's
        lidt [idt_pointer]
        ; differs(qemu): int beyond - vector * 16 as error code
        check beyond_idt, "int beyond the idt"
          int 0xf2
        done
        user_check beyond_idt_user, "int beyond the idt from cpl 3"
          int 0xf2
        done
        mov word [idt_pointer], 16 * 0xf3 - 2   ; one byte short
        lidt [idt_pointer]
        ; differs(qemu): a gate that the limit - vector * 16 as error code
        check short_gate, "a gate that the limit cuts"
          int 0xf2
        done
        ret
