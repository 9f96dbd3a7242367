; check-far32: far JMP, CALL and RET in 32-bit protected mode, to one descriptor of each kind, at CPL 0, 1 and 3;
; call gates of 32 and 16 bits with and without a change of stack.
; Shows: privilege checks of direct transfers and gates, conforming code, limits of targets, what a gate pushes,
; parameters, stacks out of a 32-bit and a 16-bit TSS with everything that can be wrong with them (#TS, #SS, #NP),
; returns to outer rings and the data segments that they clear, tasks that a transfer may not reach.
; SDM 2A CALL, JMP; 2B RET; 3A 5.8 Privilege Level Checking When Transferring Program Control, 8.3 Task Switching.

%include "../inc/guest32.inc"
%include "../inc/check32.inc"
%include "../inc/descriptors32.inc"

CALL_GATE       equ FREE_SELECTOR + 8 * (KIND_COUNT + 1)
STACK_SLOT      equ FREE_SELECTOR + 8 * (KIND_COUNT + 2)        ; for stacks of inner rings
CODE_SLOT       equ FREE_SELECTOR + 8 * (KIND_COUNT + 3)
TSS16_SLOT      equ FREE_SELECTOR + 8 * (KIND_COUNT + 4)
RING1_STACK     equ FREE_SELECTOR + 8 * (KIND_COUNT + 5)
GATE_3          equ DESC_P | DESC_DPL3 | DESC_CALL_GATE
GATE16_3        equ DESC_P | DESC_DPL3 | DESC_CALL_GATE16

main:
        call check_init
        call descriptors_init
        mov dword [far_pointer], landing
        mov esi, gate16_code
        mov edi, GATE16_LANDING
        mov ecx, gate16_end - gate16_code
        rep movsb
        ; differs(qemu): code small           cpl 0 - TCG checks no limits of far returns, and names the segment
        for_each_kind transfers
        call odd_transfers
        call gates
        call gate_stacks
        call returns
        call tasks
        ret

; Where transfers arrive: EAX = CS.
landing:
        mov eax, cs
        int VECTOR_VALUE

transfers:
        mov eax, [kind_selector]                ; a task that may be entered is none of ours
        mov edx, [gdt + eax + 4]
        and edx, 0x9f00
        cmp edx, DESC_P | DESC_TSS
        je transfers_end
        cmp edx, DESC_P | DESC_TSS16
        je transfers_end
        cmp edx, DESC_P | DESC_CALL_GATE16      ; `gates` takes it to an offset of 16 bits
        je transfers_end
        mov [far_pointer + 4], ax
        call print_kind
        check jmp_kernel, "cpl 0 jmp"
          jmp far [far_pointer]
        done
        call print_kind
        check call_kernel, "cpl 0 call"
          call far [far_pointer]
        done
        call print_kind
        check ret_kernel, "cpl 0 ret"
          push dword [kind_selector]
          push landing
          retf
        done
        mov eax, [kind_selector]
        or eax, 3
        mov [far_pointer + 4], ax
        mov [rpl3_selector], eax
        call print_kind
        check jmp_kernel_rpl3, "cpl 0 rpl 3 jmp"
          jmp far [far_pointer]
        done
        call print_kind
        check ret_kernel_rpl3, "cpl 0 rpl 3 ret"
          push USER_DS
          push user_stack_top
          push dword [rpl3_selector]
          push landing
          retf
        done
        call print_kind
        user_check jmp_user, "cpl 3 jmp"
          jmp far [cs:far_pointer]
        done
        call print_kind
        user_check call_user, "cpl 3 call"
          call far [cs:far_pointer]
        done
        call print_kind
        user_check ret_user, "cpl 3 ret"
          push dword [cs:rpl3_selector]
          push landing
          retf
        done
        mov eax, [kind_selector]
        or eax, 1
        mov [far_pointer + 4], ax
        call print_kind
        ring_check jmp_ring1, "cpl 1 rpl 1 jmp", RING1_CS, RING1_DS
          jmp far [cs:far_pointer]
        done
transfers_end:
        ret

odd_transfers:
        check jmp_null, "jmp to a null selector"
          jmp 0:landing
        done
        check ret_null, "ret to a null selector"
          push 0
          push landing
          retf
        done
        check call_beyond, "call beyond the gdt"
          call 0x2000:landing
        done
        check jmp_direct, "jmp ptr16:32"
          jmp KERNEL_CS:landing
        done
        check call_direct, "call ptr16:32 pushes two doublewords"
          mov ebx, esp
          call KERNEL_CS:.here
.here:    mov eax, ebx
          sub eax, esp
          mov ecx, [esp + 4]
          shl ecx, 16
          or eax, ecx
        done_value
        check call_word, "call ptr16:16 pushes two words"
          mov ebx, esp
          db 0x66, 0x9a
          dw GATE16_LANDING, KERNEL_CS
        done
        mov word [0x1000], 0xcd | VECTOR_DONE << 8      ; an emulator without limits goes there
        mov word [0x1234], 0xcd | VECTOR_DONE << 8
        ; differs(qemu): call beyond the limit - names the segment
        check call_limit, "call beyond the limit of the segment"
          set_segment CODE_SLOT, DESC_D | DESC_P | DESC_CODE, 0xfff, 0
          mov word [odd_pointer + 4], CODE_SLOT
          mov dword [odd_pointer], 0x1000
          call far [odd_pointer]
        done
        check jmp_word, "jmp far word: the offset has 16 bits"
          mov dword [odd_pointer], 0x80001234
          mov word [odd_pointer + 2], CODE_SLOT
          jmp far word [odd_pointer]
        done
        ; differs(qemu): ret beyond the limit - TCG checks no limits
        check ret_limit, "ret beyond the limit"
          push CODE_SLOT
          push 0x1000
          retf
        done
        ; differs(qemu): retfw - TCG checks no limits
        check ret_word, "retfw"
          sub esp, 4
          mov word [esp], 0x1000
          mov word [esp + 2], CODE_SLOT
          retfw
        done
        check ret_imm, "ret with an immediate frees the stack"
          mov ebx, esp
          push 1
          push 2
          push KERNEL_CS
          push .here
          retf 8
.here:    mov eax, ebx
          sub eax, esp
        done_value
        check call_register, "call far with a register operand"
          db 0xff, 0xd8
        done
        check jmp_gate_offset, "jmp through a gate ignores the offset"
          mov dword [odd_pointer], 0x12345678
          mov word [odd_pointer + 4], CALL_GATE
          gate_at gdt + CALL_GATE, GATE_3, KERNEL_CS, landing
          jmp far [odd_pointer]
        done
        ret

; Where gates lead. EAX: return CS, and the CS there; EBX, ECX, EDX, ESI: what lies above on the stack.
gate_landing:
        mov eax, [ss:esp + 4]
        shl eax, 16
        mov ax, cs
        mov ebx, [ss:esp + 8]
        mov ecx, [ss:esp + 12]
        mov edx, [ss:esp + 16]
        mov esi, [ss:esp + 20]
        mov edi, esp
        int VECTOR_VALUE

; ESP, relative to ESP1.
esp_landing:
        mov eax, esp
        sub eax, [cs:tss + TSS_ESP1]
        int VECTOR_VALUE

; A 16-bit gate has a 16-bit offset: code at 8000h, copied there.
GATE16_LANDING  equ 0x8000
gate16_code:
        movzx eax, word [ss:esp + 2]
        shl eax, 16
        mov ax, cs
        movzx ebx, word [ss:esp + 4]
        movzx ecx, word [ss:esp + 6]
        movzx edx, word [ss:esp + 8]
        movzx esi, word [ss:esp + 10]
        mov edi, esp
        int VECTOR_VALUE
gate16_end:

; to_gate flags, selector: writes the call gate.
%macro to_gate 2
        gate_at gdt + CALL_GATE, %1, %2, gate_landing
%endmacro
%macro to_gate16 2
        gate_at gdt + CALL_GATE, %1, %2, GATE16_LANDING
%endmacro

; stack_values: prints what the landing took from the stack, ESP relative to the top of the stack at %1.
%macro stack_values 1
        sub edi, %1
        print `   stack `
        print_hex edi
        print ` `
        print_hex ebx
        print ` `
        print_hex ecx
        print ` `
        print_hex edx
        print ` `
        print_hex esi
        print `\n`
%endmacro

; marks: fills the top of a stack with known values, from its top downwards.
%macro marks 1
        mov dword [%1 - 4], 0x44444444
        mov dword [%1 - 8], 0x33333333
        mov dword [%1 - 12], 0x22222222
        mov dword [%1 - 16], 0x11111111
        mov dword [%1], 0x55555555
        mov dword [%1 + 4], 0x66666666
        mov dword [%1 + 8], 0x77777777
%endmacro

gates:
        mov word [far_pointer + 4], CALL_GATE | 3
        marks interrupt_stack_top
        marks user_stack_top
        marks ring1_stack_top
        to_gate GATE_3, KERNEL_CS
        user_check gate_ring0, "gate from cpl 3 to ring 0"
          call far [cs:far_pointer]
        done
        stack_values interrupt_stack_top
        user_check gate_ring0_jmp, "jmp through it"
          jmp far [cs:far_pointer]
        done
        marks interrupt_stack_top
        to_gate GATE_3 | 2, KERNEL_CS
        user_check gate_parameters, "gate with 2 parameters"
          push 0xaaaa
          push 0xbbbb
          call far [cs:far_pointer]
        done
        stack_values interrupt_stack_top
        to_gate GATE_3 | 31, KERNEL_CS
        user_check gate_parameters31, "gate with 31 parameters"
          sub esp, 31 * 4
          call far [cs:far_pointer]
        done
        stack_values interrupt_stack_top
        to_gate GATE_3 | 2, RING1_CS
        user_check gate_ring1, "gate from cpl 3 to ring 1, 2 parameters"
          push 0xcccc
          push 0xdddd
          call far [cs:far_pointer]
        done
        stack_values ring1_stack_top
        to_gate GATE_3 | 2, USER_CS
        user_check gate_ring3, "gate from cpl 3 to ring 3 copies no parameters"
          push 0xeeee
          push 0xffff
          call far [cs:far_pointer]
        done
        stack_values user_stack_top
        to_gate GATE_3, RING1_CS
        ring_check gate_same1, "gate from cpl 1 to ring 1", RING1_CS, RING1_DS
          call far [cs:far_pointer1]
        done
        check gate_outward, "gate from cpl 0 to ring 3"
          call far [far_pointer]
        done
        movzx ecx, word [kind_selectors + 14 * 2]
        to_gate GATE_3, 0
        mov [gdt + CALL_GATE + 2], cx
        ; differs(qemu): gate from cpl 3 to conforming - takes the gate's RPL for the CPL
        user_check gate_conforming, "gate from cpl 3 to conforming code of ring 0"
          call far [cs:far_pointer]
        done
        user_check gate_conforming_jmp, "jmp through it"
          jmp far [cs:far_pointer]
        done
        marks interrupt_stack_top
        to_gate16 GATE16_3 | 2, KERNEL_CS
        user_check gate16_ring0, "16-bit gate from cpl 3 to ring 0, 2 parameters"
          push word 0xaaaa
          push word 0xbbbb
          call far [cs:far_pointer]
        done
        stack_values interrupt_stack_top
        to_gate16 GATE16_3, USER_CS
        user_check gate16_ring3, "16-bit gate from cpl 3 to ring 3"
          call far [cs:far_pointer]
        done
        stack_values user_stack_top
        to_gate DESC_P | DESC_CALL_GATE, KERNEL_CS
        user_check gate_dpl, "gate of dpl 0 from cpl 3"
          call far [cs:far_pointer]
        done
        check gate_rpl, "gate of dpl 0 with rpl 3 from cpl 0"
          call far [far_pointer]
        done
        to_gate DESC_DPL3 | DESC_CALL_GATE, KERNEL_CS
        user_check gate_absent, "absent gate"
          call far [cs:far_pointer]
        done
        to_gate GATE_3, 0
        user_check gate_null, "gate to a null selector"
          call far [cs:far_pointer]
        done
        to_gate GATE_3, KERNEL_DS
        user_check gate_data, "gate to data"
          call far [cs:far_pointer]
        done
        to_gate GATE_3, 0x2000
        user_check gate_beyond, "gate beyond the gdt"
          call far [cs:far_pointer]
        done
        movzx ecx, word [kind_selectors + 17 * 2]
        to_gate GATE_3, 0
        mov [gdt + CALL_GATE + 2], cx
        user_check gate_absent_code, "gate to absent code"
          call far [cs:far_pointer]
        done
        set_segment CODE_SLOT, DESC_D | DESC_P | DESC_CODE, 0xfff, 0
        to_gate GATE_3, CODE_SLOT
        ; differs(qemu): gate beyond - TCG checks no limits
        user_check gate_limit, "gate beyond the limit of the code segment"
          call far [cs:far_pointer]
        done
        check gate_limit0, "gate beyond the limit, same ring"
          call far [far_pointer]
        done
        ret

; The faults of these calls are raised at CPL 3, and must not need the same stack: their gates lead to ring 1.
gate_stacks:
        gate_at gdt + CALL_GATE, GATE_3, RING1_CS, esp_landing
%macro ring1_stack 2
        user_check %1, %2
          call far [cs:far_pointer]
        done
        mov dword [tss + TSS_SS1], RING1_DS
        mov dword [tss + TSS_ESP1], ring1_stack_top
%endmacro
        mov dword [tss + TSS_SS1], 0
        ring1_stack stack_null, "ss1 null"
        mov dword [tss + TSS_SS1], 1
        ring1_stack stack_null1, "ss1 null with rpl 1"
        mov dword [tss + TSS_SS1], 0x2001
        ring1_stack stack_beyond, "ss1 beyond the gdt"
        mov dword [tss + TSS_SS1], RING1_DS & ~3
        ring1_stack stack_rpl, "ss1 with rpl 0"
        mov dword [tss + TSS_SS1], USER_DS
        ring1_stack stack_dpl, "ss1 of dpl 3"
        mov dword [tss + TSS_SS1], KERNEL_DS | 1
        ring1_stack stack_dpl0, "ss1 of dpl 0"
        mov dword [tss + TSS_SS1], RING1_CS
        ring1_stack stack_code, "ss1 a code segment"
        set_segment RING1_STACK, (DATA32 & ~0x200) | DESC_DPL1, 0xffff, 0
        mov dword [tss + TSS_SS1], RING1_STACK | 1
        ring1_stack stack_ro, "ss1 read-only"
        set_segment RING1_STACK, (DATA32 & ~DESC_P) | DESC_DPL1, 0xffff, 0
        mov dword [tss + TSS_SS1], RING1_STACK | 1
        ; differs(qemu): ss1 absent - TCG raises #TS
        ring1_stack stack_absent, "ss1 absent"
        set_segment RING1_STACK, DESC_P | DESC_DATA | DESC_D | DESC_DPL1, 0xfff, ring1_stack_top - 0x1000
        mov dword [tss + TSS_SS1], RING1_STACK | 1
        mov dword [tss + TSS_ESP1], 0x1000
        ring1_stack stack_based, "ss1 with a base and a limit"
        mov dword [tss + TSS_SS1], RING1_STACK | 1
        mov dword [tss + TSS_ESP1], 0x10
        ring1_stack stack_room, "room for 16 bytes"
        mov dword [tss + TSS_SS1], RING1_STACK | 1
        mov dword [tss + TSS_ESP1], 0xc
        ; differs(qemu): room for 12 bytes - TCG checks no limits
        ring1_stack stack_small, "room for 12 bytes"
        mov dword [tss + TSS_SS1], RING1_STACK | 1
        mov dword [tss + TSS_ESP1], 0x1001
        ; differs(qemu): esp1 above the limit - TCG checks no limits
        ring1_stack stack_above, "esp1 above the limit"
        set_segment RING1_STACK, DESC_P | DESC_DATA | DESC_DPL1, 0xffff, ring1_stack_top - 0x1000
        mov dword [tss + TSS_SS1], RING1_STACK | 1
        mov dword [tss + TSS_ESP1], 0x12341000
        ring1_stack stack_16, "ss1 of 16 bits"
        mov edi, gdt + TSS_SELECTOR                 ; the limit in the hidden part of TR
        mov esi, tss
        mov edx, DESC_P | DESC_TSS
        mov ecx, TSS_SS1 + 3
        call write_descriptor
        mov eax, TSS_SELECTOR
        ltr ax
        ring1_stack tss_reaches, "tss that ends with ss1"
        mov edi, gdt + TSS_SELECTOR
        mov esi, tss
        mov edx, DESC_P | DESC_TSS
        mov ecx, TSS_SS1
        call write_descriptor
        mov eax, TSS_SELECTOR
        ltr ax
        ring1_stack tss_short, "tss that ends within ss1"
        set_segment STACK_SLOT, DATA32 & ~DESC_D, 0xffff, 0
        set_segment RING1_STACK, DESC_P | DESC_DATA | DESC_DPL1, 0xffff, 0
        mov dword [tss + TSS_ESP1], 0x7800
        mov word [tss16 + 2], 0x7000            ; a 16-bit TSS: SP0 SS0 SP1 SS1
        mov word [tss16 + 4], STACK_SLOT
        mov word [tss16 + 6], 0x7800
        mov word [tss16 + 8], RING1_STACK | 1
        mov edi, gdt + TSS16_SLOT
        mov esi, tss16
        mov edx, DESC_P | DESC_TSS16
        mov ecx, 9
        call write_descriptor
        mov eax, TSS16_SLOT
        ltr ax
        user_check tss16_stack, "16-bit tss"
          call far [cs:far_pointer]
        done
        mov edi, gdt + TSS16_SLOT
        mov esi, tss16
        mov edx, DESC_P | DESC_TSS16
        mov ecx, 8
        call write_descriptor
        mov eax, TSS16_SLOT
        ltr ax
        user_check tss16_short, "16-bit tss that ends within ss1"
          call far [cs:far_pointer]
        done
        mov edi, gdt + TSS_SELECTOR
        mov esi, tss
        mov edx, DESC_P | DESC_TSS
        mov ecx, tss_end - tss - 1
        call write_descriptor
        mov eax, TSS_SELECTOR
        ltr ax
        ret

returns:
        check ret_outer, "ret to cpl 3"
          push USER_DS
          push user_stack_top
          push USER_CS
          push landing
          retf
        done
        check ret_outer_imm, "ret 8 to cpl 3 frees both stacks"
          push USER_DS
          push user_stack_top - 16
          push 1
          push 2
          push USER_CS
          push .here
          retf 8
.here:    mov eax, user_stack_top
          sub eax, esp
        done_value
        check ret_clears, "ret to cpl 3 clears ds with dpl 0 and keeps es with dpl 3"
          mov eax, KERNEL_DS
          mov ds, eax
          mov eax, USER_DS
          mov es, eax
          push USER_DS
          push user_stack_top
          push USER_CS
          push .here
          retf
.here:    mov eax, ds
          shl eax, 16
          mov ecx, es
          or eax, ecx
        done_value
        check ret_keeps, "and keeps fs with conforming code, clears gs with code of dpl 0"
          movzx eax, word [kind_selectors + 14 * 2]
          mov fs, eax
          mov eax, KERNEL_CS
          mov gs, eax
          push USER_DS
          push user_stack_top
          push USER_CS
          push .here
          retf
.here:    mov eax, fs
          shl eax, 16
          mov ecx, gs
          or eax, ecx
        done_value
        check ret_ss_null, "ret to cpl 3 with a null ss"
          push 0
          push user_stack_top
          push USER_CS
          push landing
          retf
        done
        check ret_ss_rpl, "ret to cpl 3 with ss of rpl 0"
          push KERNEL_DS
          push user_stack_top
          push USER_CS
          push landing
          retf
        done
        check ret_ss_code, "ret to cpl 3 with code in ss"
          push USER_CS
          push user_stack_top
          push USER_CS
          push landing
          retf
        done
        movzx eax, word [kind_selectors + 8 * 2]
        or eax, 3
        mov [rpl3_selector], eax
        ; differs(qemu): ret to cpl 3 with an absent - TCG raises #NP
        check ret_ss_absent, "ret to cpl 3 with an absent ss"
          push dword [rpl3_selector]
          push user_stack_top
          push USER_CS
          push landing
          retf
        done
        check ret_ring1, "ret to ring 1"
          push RING1_DS
          push ring1_stack_top
          push RING1_CS
          push landing
          retf
        done
        check ret_limits, "ret to cpl 3 beyond the limit with a bad ss"
          set_segment CODE_SLOT, DESC_D | DESC_P | DESC_CODE | DESC_DPL3, 0xfff, 0
          push KERNEL_DS
          push user_stack_top
          push CODE_SLOT | 3
          push 0x1000
          retf
        done
        ret

tasks:
        gate_at gdt + CALL_GATE, DESC_P | DESC_TASK_GATE, TSS_SELECTOR, 0
        mov word [far_pointer + 4], CALL_GATE
        check task_busy, "task gate to the busy tss"
          jmp far [far_pointer]
        done
        check task_busy_tss, "call of the busy tss"
          call TSS_SELECTOR:0
        done
        user_check task_dpl, "task gate of dpl 0 from cpl 3"
          jmp far [cs:far_pointer]
        done
        gate_at gdt + CALL_GATE, DESC_P | DESC_TASK_GATE, TSS_SELECTOR | 4, 0
        ; differs(qemu): task gate that names the ldt - TCG raises #TS
        check task_ldt, "task gate that names the ldt"
          jmp far [far_pointer]
        done
        gate_at gdt + CALL_GATE, DESC_P | DESC_TASK_GATE, 0x2000, 0
        check task_beyond, "task gate beyond the gdt"
          jmp far [far_pointer]
        done
        gate_at gdt + CALL_GATE, DESC_P | DESC_TASK_GATE, KERNEL_DS, 0
        check task_data, "task gate to data"
          jmp far [far_pointer]
        done
        gate_at gdt + CALL_GATE, DESC_TASK_GATE, TSS_SELECTOR, 0
        check task_absent_gate, "absent task gate"
          jmp far [far_pointer]
        done
        set_segment TSS16_SLOT, DESC_TSS, TSS_SIZE - 1, tss
        gate_at gdt + CALL_GATE, DESC_P | DESC_TASK_GATE, TSS16_SLOT, 0
        check task_absent, "task gate to an absent tss"
          jmp far [far_pointer]
        done
        check tss_absent, "jmp to an absent tss"
          jmp TSS16_SLOT:0
        done
        ret

        section .data
        align 8, db 0
far_pointer:    dd 0
                dw 0
        align 8, db 0
far_pointer1:   dd 0
                dw CALL_GATE | 1
        align 8, db 0
odd_pointer:    dq 0
rpl3_selector:  dd 0
tss16:          times 22 dw 0
