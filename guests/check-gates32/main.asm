; check-gates32: interrupts and exceptions in 32-bit protected mode, through gates of each type with each kind of
; descriptor behind them, at CPL 0, 1 and 3; what they push, the flags they leave, stacks out of a 32-bit and a
; 16-bit TSS with everything that can be wrong with them, the end of the IDT, faults while a fault is delivered.
; Shows: DPL counts for INT n only; error codes with their EXT, IDT and TI bits; 16-bit gates; #TS, #SS and #NP.
; SDM 3A 6.11 IDT Descriptors, 6.12 Exception and Interrupt Handling, 6.13 Error Code; 2A INT n/INTO/INT3/INT1.

%include "../inc/guest32.inc"
%include "../inc/check32.inc"
%include "../inc/descriptors32.inc"

VECTOR          equ 0x40                        ; the gate that the checks bend
GATE_3          equ GATE | DESC_DPL3
GATE16          equ DESC_P | DESC_INT_GATE16
TRAP            equ DESC_P | DESC_TRAP_GATE
RING1_STACK     equ FREE_SELECTOR + 8 * (KIND_COUNT + 1)
STACK_SLOT      equ FREE_SELECTOR + 8 * (KIND_COUNT + 2)
CODE_SLOT       equ FREE_SELECTOR + 8 * (KIND_COUNT + 3)
TSS16_SLOT      equ FREE_SELECTOR + 8 * (KIND_COUNT + 4)
LANDING16       equ 0x8000                      ; where gates with 16-bit offsets lead

; gate vector, flags, selector, offset
%macro gate 4
        gate_at idt + (%1) * 8, %2, %3, %4
%endmacro

main:
        call check_init
        call descriptors_init
        mov esi, landing16
        mov edi, LANDING16
        mov ecx, landing16_end - landing16
        rep movsb
        call gate_types
        call privileges
        call gate_segments
        call frames
        call flags
        call stacks
        call tss16_stacks
        call task_gates
        call delivery_faults
        jmp table_end

landing:
        mov eax, cs
        int VECTOR_VALUE
landing16:
        mov eax, cs
        or eax, 0x16000000
        int VECTOR_VALUE
landing16_end:
        bits 16
code16_landing:
        mov eax, 0x12345678
        mov ax, cs
        int VECTOR_VALUE
        bits 32

; A gate with each value of bits 12:8, from CPL 0; 0x05 is a task gate.
gate_types:
        xor ebp, ebp
next_type:
        cmp ebp, 5
        je skip_type
        mov eax, ebp
        shl eax, 8
        or eax, DESC_P | DESC_DPL3
        mov dword [idt + VECTOR * 8], KERNEL_CS << 16 | LANDING16
        mov [idt + VECTOR * 8 + 4], eax
        print `gate type `
        print_dec ebp
        check int_type, " int n"
          int VECTOR
        done
skip_type:
        inc ebp
        cmp ebp, 32
        jb next_type
        gate VECTOR, GATE | 0xff, KERNEL_CS, landing
        check unused_bits, "bits 7:0 set in the gate"
          int VECTOR
        done
        ret

privileges:
        gate VECTOR, GATE, KERNEL_CS, landing
        check dpl0_kernel, "dpl 0 from cpl 0"
          int VECTOR
        done
        user_check dpl0, "dpl 0 from cpl 3"
          int VECTOR
        done
        ring_check dpl0_ring1, "dpl 0 from cpl 1", RING1_CS, RING1_DS
          int VECTOR
        done
        gate VECTOR, GATE | DESC_DPL1, KERNEL_CS, landing
        ring_check dpl1_ring1, "dpl 1 from cpl 1", RING1_CS, RING1_DS
          int VECTOR
        done
        gate VECTOR, GATE_3 & ~DESC_P, KERNEL_CS, landing
        user_check absent, "absent gate"
          int VECTOR
        done
        gate VECTOR, GATE & ~DESC_P, KERNEL_CS, landing
        user_check absent_dpl, "absent gate of dpl 0 from cpl 3"
          int VECTOR
        done
        user_check int3_dpl, "int3 through a gate of dpl 0 from cpl 3"
          int3
        done
        user_check into_dpl, "into through a gate of dpl 0 from cpl 3"
          mov al, 0x7f
          inc al
          into
        done
        user_check into_clear, "into without overflow"
          xor eax, eax
          into
        done
        check into_kernel, "into with overflow"
          mov al, 0x7f
          inc al
          into
        done
        user_check ud_dpl, "ud2 through a gate of dpl 0 from cpl 3"
          ud2
        done
        ; differs(qemu): int1 through - #UD
        user_check int1_dpl, "int1 through a gate of dpl 0 from cpl 3"
          db 0xf1
        done
        user_check bound_dpl, "bound through a gate of dpl 0 from cpl 3"
          mov eax, 5
          bound eax, [cs:bounds]
        done
        and dword [idt + 6 * 8 + 4], ~DESC_P
        ; differs(qemu): ud2 through an absent - no EXT bit in the error code
        check ud_absent, "ud2 through an absent gate"
          ud2
        done
        check int6_absent, "int 6 through an absent gate"
          int 6
        done
        or dword [idt + 6 * 8 + 4], DESC_P
        and dword [idt + 3 * 8 + 4], ~DESC_P
        check int3_absent, "int3 through an absent gate"
          int3
        done
        or dword [idt + 3 * 8 + 4], DESC_P
        ret

; Each kind of descriptor as the code segment of the gate.
gate_segments:
        gate VECTOR, GATE_3, 0, landing
        ; differs(qemu): code small - TCG checks no limits
        for_each_kind gate_segment
        mov word [idt + VECTOR * 8 + 2], 0
        check null_segment, "null segment"
          int VECTOR
        done
        mov word [idt + VECTOR * 8 + 2], 3
        check null_rpl, "null segment with rpl 3"
          int VECTOR
        done
        mov word [idt + VECTOR * 8 + 2], KERNEL_CS | 3
        check rpl, "the gate's rpl does not count"
          int VECTOR
        done
        mov word [idt + VECTOR * 8 + 2], 0x2000
        check beyond, "segment beyond the gdt"
          int VECTOR
        done
        mov word [idt + VECTOR * 8 + 2], 0x2004
        check beyond_ldt, "segment beyond the ldt"
          int VECTOR
        done
        mov word [idt + 6 * 8 + 2], 0x2000
        ; differs(qemu): ud2: segment beyond - no EXT bit in the error code
        check ud_beyond, "ud2: segment beyond the gdt"
          ud2
        done
        mov word [idt + 6 * 8 + 2], 0
        ; differs(qemu): ud2: null segment - no EXT bit in the error code
        check ud_null, "ud2: null segment"
          ud2
        done
        mov word [idt + 6 * 8 + 2], KERNEL_CS
        set_segment CODE_SLOT, DESC_D | DESC_P | DESC_CODE, 0xfff, 0
        mov word [idt + VECTOR * 8 + 2], CODE_SLOT
        ; differs(qemu): offset beyond - TCG checks no limits
        check limit, "offset beyond the limit"
          int VECTOR
        done
        ; differs(qemu): from cpl 3 offset - TCG checks no limits
        user_check limit_user, "from cpl 3 offset beyond the limit"
          int VECTOR
        done
        set_segment CODE_SLOT, DESC_P | DESC_CODE, 0xffff, code16_landing
        gate VECTOR, GATE_3, CODE_SLOT, 0
        check code16, "16-bit code"
          int VECTOR
        done
        ret

gate_segment:
        mov eax, [kind_selector]
        mov [idt + VECTOR * 8 + 2], ax
        call print_kind
        check kind_kernel, "as the gate's segment, cpl 0"
          int VECTOR
        done
        call print_kind
        ring_check kind_ring1, "as the gate's segment, cpl 1", RING1_CS, RING1_DS
          int VECTOR
        done
        call print_kind
        user_check kind_user, "as the gate's segment, cpl 3"
          int VECTOR
        done
        ret

; Entry points that print doublewords of the stack from ESP upwards, EIP relative to the body.
dump_error:
        mov ebp, 4
        jmp dump_frame
dump_plain:
        xor ebp, ebp
dump_frame:
        mov eax, KERNEL_DS
        mov ds, eax
        mov es, eax
        mov eax, [check_origin]
        sub [ss:esp + ebp], eax
        mov ebp, esp
        print `: stack`
        mov ecx, 7
.next:  print ` `
        mov eax, [ss:ebp]
        print_hex eax
        add ebp, 4
        loop .next
        int VECTOR_DONE

; A 16-bit gate pushes words, of EIP and EFLAGS the lower ones.
frames:
        gate VECTOR, GATE_3, KERNEL_CS, dump_plain
        mov dword [interrupt_stack_top], 0x55555555
        mov dword [interrupt_stack_top + 4], 0x66666666
        mov dword [interrupt_stack_top + 8], 0x77777777
        check frame_kernel, "32-bit gate, cpl 0"
          push 0x44444444
          push 0x33333333
          push 0x22222222
          push 0x11111111
          int VECTOR
        done
        user_check frame_user, "32-bit gate, cpl 3", 0x202
          mov esp, 0x12345678
          int VECTOR
        done
        gate 13, GATE, KERNEL_CS, dump_error
        ; differs(qemu): with an error code - no RF in the frame of a fault
        user_check frame_error, "with an error code, cpl 3"
          mov esp, 0x12345678
          hlt
        done
        gate VECTOR, GATE16 | DESC_DPL3, KERNEL_CS, LANDING16
        mov esi, dump16
        mov edi, LANDING16
        mov ecx, dump16_end - dump16
        rep movsb
        check frame16_kernel, "16-bit gate, cpl 0"
          push 0x44444444
          push 0x33333333
          push 0x22222222
          push 0x11111111
          int VECTOR
        done
        user_check frame16_user, "16-bit gate, cpl 3", 0x202
          mov esp, 0x12345678
          int VECTOR
        done
        gate 13, GATE16, KERNEL_CS, LANDING16
        user_check frame16_error, "16-bit gate with an error code, cpl 3"
          mov esp, 0x12345678
          hlt
        done
        gate 13, GATE, KERNEL_CS, interrupt_stubs + 13 * STUB_SIZE
        ret

; The same for words.
dump16:
        mov ebp, esp
        mov eax, KERNEL_DS
        mov ds, eax
        mov es, eax
        mov eax, dump_words
        jmp eax
dump16_end:
dump_words:
        mov ecx, 8
        print `: stack`
.next:  movzx eax, word [ss:ebp]
        mov edx, [check_origin]
        sub dx, ax
        cmp dx, -128
        jb .word
        neg dx
        movzx eax, dx
.word:  print ` `
        print_hex eax, 4
        add ebp, 2
        loop .next
        int VECTOR_DONE

; Entry points that report EFLAGS, and those in the frame in the upper half.
seen_flags:
        pushfd
        mov eax, [ss:esp + 12]
        shl eax, 16
        mov ax, [ss:esp]
        int VECTOR_VALUE

flags:
        mov esi, landing16
        mov edi, LANDING16
        mov ecx, landing16_end - landing16
        rep movsb
        gate VECTOR, GATE_3, KERNEL_CS, seen_flags
        user_check flags_interrupt, "flags in an interrupt gate", 0x7ed7
          int VECTOR
        done
        user_check flags_user, "with if and nt", 0x7246
          int VECTOR
        done
        gate VECTOR, TRAP | DESC_DPL3, KERNEL_CS, seen_flags
        user_check flags_trap, "flags in a trap gate", 0x7ed7
          int VECTOR
        done
        check flags_kernel, "trap gate at cpl 0"
          push 0x4dd7
          popfd
          int VECTOR
        done
        check flags_ac, "ac, id and rf"
          push 0x250002
          popfd
          pushfd
          pop eax
        done_value
        ret

; Stacks of ring 1 out of the TSS. ring1 label, "text": INT at CPL 3 leads there.
%macro ring1 2
        user_check %1, %2
          int VECTOR
        done
        mov dword [tss + TSS_SS1], RING1_DS
        mov dword [tss + TSS_ESP1], ring1_stack_top
%endmacro

; ESP, relative to ESP1.
esp_landing:
        mov eax, esp
        sub eax, [cs:tss + TSS_ESP1]
        int VECTOR_VALUE

stacks:
        gate VECTOR, GATE_3, RING1_CS, esp_landing
        ring1 stack_good, "to ring 1"
        mov dword [tss + TSS_SS1], 0
        ring1 stack_null, "ss1 null"
        mov dword [tss + TSS_SS1], 1
        ring1 stack_null1, "ss1 null with rpl 1"
        mov dword [tss + TSS_SS1], 0x2001
        ring1 stack_beyond, "ss1 beyond the gdt"
        mov dword [tss + TSS_SS1], RING1_DS & ~3
        ring1 stack_rpl, "ss1 with rpl 0"
        mov dword [tss + TSS_SS1], USER_DS
        ring1 stack_dpl, "ss1 of dpl 3"
        mov dword [tss + TSS_SS1], KERNEL_DS | 1
        ring1 stack_dpl0, "ss1 of dpl 0"
        mov dword [tss + TSS_SS1], RING1_CS
        ring1 stack_code, "ss1 a code segment"
        mov dword [tss + TSS_SS1], 5
        ring1 stack_ldt, "ss1 in the ldt, empty"
        set_segment RING1_STACK, (DATA32 & ~0x200) | DESC_DPL1, 0xffff, 0
        mov dword [tss + TSS_SS1], RING1_STACK | 1
        ring1 stack_ro, "ss1 read-only"
        set_segment RING1_STACK, (DATA32 & ~DESC_P) | DESC_DPL1, 0xffff, 0
        mov dword [tss + TSS_SS1], RING1_STACK | 1
        ; differs(qemu): ss1 absent - TCG raises #TS
        ring1 stack_absent, "ss1 absent"
        set_segment RING1_STACK, DESC_P | DESC_DATA | DESC_D | DESC_DPL1, 0xfff, ring1_stack_top - 0x1000
        mov dword [tss + TSS_SS1], RING1_STACK | 1
        mov dword [tss + TSS_ESP1], 0x1000
        ring1 stack_based, "ss1 with a base and a limit"
        mov dword [tss + TSS_SS1], RING1_STACK | 1
        mov dword [tss + TSS_ESP1], 0x14
        ring1 stack_room, "room for 20 bytes"
        mov dword [tss + TSS_SS1], RING1_STACK | 1
        mov dword [tss + TSS_ESP1], 0x10
        ; differs(qemu): room for 16 bytes - TCG checks no limits
        ring1 stack_small, "room for 16 bytes"
        mov dword [tss + TSS_SS1], RING1_STACK | 1
        mov dword [tss + TSS_ESP1], 0x1001
        ; differs(qemu): esp1 above the limit - TCG checks no limits
        ring1 stack_above, "esp1 above the limit"
        set_segment RING1_STACK, DESC_P | DESC_DATA | DESC_D | DESC_DPL1 | DESC_DOWN, 0xfff, 0
        mov dword [tss + TSS_SS1], RING1_STACK | 1
        ring1 stack_down, "ss1 expands down"
        mov dword [tss + TSS_SS1], RING1_STACK | 1
        mov dword [tss + TSS_ESP1], 0x1010
        ; differs(qemu): room in ss1 that - TCG checks no limits
        ring1 stack_down_small, "room in ss1 that expands down"
        set_segment RING1_STACK, DESC_P | DESC_DATA | DESC_DPL1, 0xffff, ring1_stack_top - 0x1000
        mov dword [tss + TSS_SS1], RING1_STACK | 1
        mov dword [tss + TSS_ESP1], 0x12341000
        ring1 stack_16, "ss1 of 16 bits"
        gate VECTOR, GATE16 | DESC_DPL3, RING1_CS, LANDING16
        ring1 stack_gate16, "to ring 1 by a 16-bit gate"
        set_segment RING1_STACK, DESC_P | DESC_DATA | DESC_D | DESC_DPL1, 0xfff, ring1_stack_top - 0x1000
        mov dword [tss + TSS_SS1], RING1_STACK | 1
        mov dword [tss + TSS_ESP1], 0xa
        ring1 stack_gate16_room, "16-bit gate, room for 10 bytes"
        mov dword [tss + TSS_SS1], RING1_STACK | 1
        mov dword [tss + TSS_ESP1], 0x8
        ; differs(qemu): 16-bit gate, room for 8 bytes - TCG checks no limits
        ring1 stack_gate16_small, "16-bit gate, room for 8 bytes"
        gate 6, GATE, RING1_CS, esp_landing
        mov dword [tss + TSS_SS1], 0x2001
        ; differs(qemu): ud2 to a stack - no EXT bit in the error code
        user_check stack_ext, "ud2 to a stack beyond the gdt"
          ud2
        done
        mov dword [tss + TSS_SS1], RING1_DS
        gate 6, GATE, KERNEL_CS, interrupt_stubs + 6 * STUB_SIZE
        ret

; load_tss slot, flags, base, limit
%macro load_tss 4
        set_segment %1, %2, %4, %3
        mov eax, %1
        ltr ax
%endmacro

tss16_stacks:
        gate VECTOR, GATE_3, RING1_CS, esp_landing
        load_tss TSS_SELECTOR, DESC_P | DESC_TSS, tss, TSS_SS1 + 3
        ring1 tss_reaches, "tss that ends with ss1"
        load_tss TSS_SELECTOR, DESC_P | DESC_TSS, tss, TSS_SS1
        ring1 tss_short, "tss that ends within ss1"
        set_segment STACK_SLOT, DATA32 & ~DESC_D, 0xffff, 0
        set_segment RING1_STACK, DESC_P | DESC_DATA | DESC_DPL1, 0xffff, 0
        mov word [tss16 + 2], 0x7000            ; SP0 SS0 SP1 SS1
        mov word [tss16 + 4], STACK_SLOT
        mov word [tss16 + 6], 0x7800
        mov word [tss16 + 8], RING1_STACK | 1
        load_tss TSS16_SLOT, DESC_P | DESC_TSS16, tss16, 9
        mov dword [tss + TSS_ESP1], 0x7800
        user_check tss16_stack, "16-bit tss"
          int VECTOR
        done
        load_tss TSS16_SLOT, DESC_P | DESC_TSS16, tss16, 8
        user_check tss16_short, "16-bit tss that ends within ss1"
          int VECTOR
        done
        load_tss TSS_SELECTOR, DESC_P | DESC_TSS, tss, TSS_SIZE - 1
        mov dword [tss + TSS_ESP1], ring1_stack_top
        ret

; Gates to tasks that must not be entered.
task_gates:
        gate VECTOR, DESC_P | DESC_TASK_GATE, TSS_SELECTOR, 0
        check task_busy, "task gate to the busy tss"
          int VECTOR
        done
        user_check task_dpl, "task gate of dpl 0 from cpl 3"
          int VECTOR
        done
        gate VECTOR, DESC_TASK_GATE, TSS_SELECTOR, 0
        check task_absent_gate, "absent task gate"
          int VECTOR
        done
        gate VECTOR, DESC_P | DESC_TASK_GATE, 0, 0
        check task_null, "task gate to a null selector"
          int VECTOR
        done
        gate VECTOR, DESC_P | DESC_TASK_GATE, TSS_SELECTOR | 4, 0
        ; differs(qemu): task gate that names the ldt - TCG raises #TS
        check task_ldt, "task gate that names the ldt"
          int VECTOR
        done
        gate VECTOR, DESC_P | DESC_TASK_GATE, 0x2000, 0
        check task_beyond, "task gate beyond the gdt"
          int VECTOR
        done
        gate VECTOR, DESC_P | DESC_TASK_GATE, KERNEL_DS, 0
        check task_data, "task gate to data"
          int VECTOR
        done
        set_segment TSS16_SLOT, DESC_TSS, TSS_SIZE - 1, tss
        gate VECTOR, DESC_P | DESC_TASK_GATE, TSS16_SLOT, 0
        check task_absent, "task gate to an absent tss"
          int VECTOR
        done
        gate 6, DESC_P | DESC_TASK_GATE, KERNEL_DS, 0
        ; differs(qemu): ud2 by a task gate - no EXT bit in the error code
        check task_ext, "ud2 by a task gate to data"
          ud2
        done
        gate 6, GATE, KERNEL_CS, interrupt_stubs + 6 * STUB_SIZE
        ret

; What happens to a fault whose own delivery faults.
delivery_faults:
        and dword [idt + 13 * 8 + 4], ~DESC_P
        check gp_np, "#GP through an absent gate"
          mov eax, 0x2000
          mov ds, eax
        done
        ; differs(qemu): ud2 by an absent gate, #NP - no EXT bit in the error code
        and dword [idt + 6 * 8 + 4], ~DESC_P
        check ud_np, "ud2 by an absent gate, #NP absent too"
          and dword [idt + 11 * 8 + 4], ~DESC_P
          ud2
        done
        or dword [idt + 13 * 8 + 4], DESC_P
        or dword [idt + 6 * 8 + 4], DESC_P
        or dword [idt + 11 * 8 + 4], DESC_P
        mov word [idt + 0 * 8 + 2], 0x2000
        check de_gp, "#DE to a segment beyond the gdt"
          xor ecx, ecx
          div ecx
        done
        mov word [idt + 0 * 8 + 2], KERNEL_CS
        ret

; The end of the IDT: INT n beyond it.
table_end:
        mov word [idt_pointer], 33 * 8 - 1
        lidt [idt_pointer]
        gate VECTOR, GATE_3, KERNEL_CS, landing
        gate 32, GATE_3, KERNEL_CS, interrupt_stubs + VECTOR_DONE * STUB_SIZE
        check last_vector, "the last vector of the idt"
          int 32
        done
        check beyond_idt, "int beyond the idt"
          int 33
        done
        mov word [idt_pointer], 33 * 8 - 2
        lidt [idt_pointer]
        check partial, "a gate that ends beyond the idt"
          int 32
        done
        ret

        section .data
bounds:         dd 6, 7
tss16:          times 22 dw 0
