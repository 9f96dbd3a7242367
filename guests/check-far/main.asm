; check-far: far JMP, CALL and RET through memory and stack, to one descriptor of each kind, at CPL 0 and 3,
; then call gates with and without a change of stack. A check that arrives prints CS there.
; Shows: the privilege checks of direct transfers and gates, conforming code, RSP0 and RSP1, what a gate pushes,
; returns to outer rings, the data segments that such a return clears.
; SDM 2A CALL, JMP; 2B RET; 3A 5.8 Privilege Level Checking When Transferring Program Control.

%include "../inc/guest.inc"
%include "../inc/check.inc"
%include "../inc/descriptors.inc"

RING1_CS        equ FREE_SELECTOR + 8 * 36
RING1_DS        equ FREE_SELECTOR + 8 * 37
GATE            equ FREE_SELECTOR + 8 * 38

main:
        call check_init
        call descriptors_init
        mov dword [gdt + RING1_CS], 0xffff
        mov dword [gdt + RING1_CS + 4], FLAT | DESC_A | DESC_L | DESC_P | DESC_CODE | (1 << 13)
        mov dword [gdt + RING1_DS], 0xffff
        mov dword [gdt + RING1_DS + 4], FLAT | DESC_A | DESC_D | DESC_P | DESC_DATA | (1 << 13)
        mov qword [far_pointer], landing
        ; differs(qemu): code l and d - QEMU's TCG runs it as 64-bit code
        xor r12d, r12d
next_kind:
        movzx r13d, word [kind_selectors + r12 * 2]
        call transfers
        inc r12d
        cmp r12d, KIND_COUNT
        jb next_kind
        call odd_transfers
        call gates
        call returns
        ret

; Where transfers arrive: RAX = CS.
landing:
        mov eax, cs
        int VECTOR_VALUE

transfers:
        mov [far_pointer + 8], r13w
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
          push r13
          push landing
          retfq
        done
        mov eax, r13d
        or eax, 3
        mov [far_pointer + 8], ax
        call print_kind
        check jmp_kernel_rpl3, "cpl 0 rpl 3 jmp"
          jmp far [far_pointer]
        done
        call print_kind
        check ret_kernel_rpl3, "cpl 0 rpl 3 ret"
          lea rax, [r13 + 3]
          push USER_DS
          push user_stack_top
          push rax
          push landing
          retfq
        done
        call print_kind
        user_check jmp_user, "cpl 3 jmp"
          jmp far [far_pointer]
        done
        call print_kind
        user_check call_user, "cpl 3 call"
          call far [far_pointer]
        done
        call print_kind
        user_check ret_user, "cpl 3 ret"
          lea rax, [r13 + 3]
          push rax
          push landing
          retfq
        done
        call print_kind
        mov [far_pointer + 8], r13w
        user_check jmp_user_rpl0, "cpl 3 rpl 0 jmp"
          jmp far [far_pointer]
        done
        call print_kind
        user_check ret_user_rpl0, "cpl 3 rpl 0 ret"
          push r13
          push landing
          retfq
        done
        ret

odd_transfers:
        mov word [far_pointer + 8], 0
        check jmp_null, "jmp to a null selector"
          jmp far [far_pointer]
        done
        check ret_null, "ret to a null selector"
          push 0
          push landing
          retfq
        done
        mov word [far_pointer + 8], 0x2000
        check call_beyond, "call beyond the gdt"
          call far [far_pointer]
        done
        mov word [far_pointer + 8], KERNEL_CS
        mov rax, 0x0000800000000000
        mov [far_pointer], rax
        ; differs(qemu): jmp to a non - QEMU's TCG faults at the target
        check jmp_noncanonical, "jmp to a non-canonical offset"
          jmp far [far_pointer]
        done
        ; differs(qemu): ret to a non - as jmp
        check ret_noncanonical, "ret to a non-canonical offset"
          push KERNEL_CS
          push qword [far_pointer]
          retfq
        done
        mov qword [far_pointer], landing
        check ret_imm, "ret with an immediate frees the stack"
          mov rbx, rsp
          push 1
          push 2
          push KERNEL_CS
          push .here
          db 0x48, 0xca, 16, 0                  ; retfq 16
.here:    mov rax, rbx
          sub rax, rsp
        done_value
        check ret_32, "ret with a 32-bit operand"
          mov rbx, rsp
          sub rsp, 8
          mov dword [rsp], .here
          mov dword [rsp + 4], KERNEL_CS
          retf
.here:    mov rax, rbx
          sub rax, rsp
        done_value
        check call_32, "call with a 32-bit operand pushes two doublewords"
          mov dword [far_pointer_32], .here
          mov rbx, rsp
          db 0xff, 0x1c, 0x25                   ; call far dword [far_pointer_32]
          dd far_pointer_32
.here:    mov rax, rbx
          sub rax, rsp
          movzx ecx, word [rsp + 4]
          shl rcx, 32
          or rax, rcx
        done_value
        check call_register, "call far with a register operand"
          db 0xff, 0xd8
        done
        check call_direct, "call far with an immediate operand"
          db 0x9a, 0, 0, 0, 0, 8, 0
        done
        ret

; gate flags, target selector: writes the call gate; its offset is gate_landing.
%macro gate 2
        mov edx, %1
        mov ecx, %2
        call write_call_gate
%endmacro

write_call_gate:
        shl ecx, 16
        mov eax, gate_landing
        mov cx, ax
        mov [gdt + GATE], ecx
        shr eax, 16
        shl eax, 16
        or eax, edx
        mov [gdt + GATE + 4], eax
        mov qword [gdt + GATE + 8], 0
        ret

; Where gates lead. Prints what the gate pushed: return CS, and old SS if the stack changed; then CPL, and RSP
; relative to where it was before the pushes.
gate_landing:
        mov rax, [rsp + 8]
        shl rax, 16
        mov ecx, cs
        or rax, rcx
        mov ecx, cs
        and ecx, 3
        cmp ecx, 3
        je .report
        mov rcx, [rsp + 24]
        movzx ecx, cx
        shl rcx, 32
        or rax, rcx
        mov ecx, ss
        shl rcx, 48
        or rax, rcx
.report:
        int VECTOR_VALUE

GATE_3          equ DESC_P | DESC_DPL3 | DESC_CALL_GATE

gates:
        mov word [far_pointer + 8], GATE | 3
        mov qword [tss + TSS_RSP1], ist_stack_top
        gate GATE_3, KERNEL_CS
        user_check gate_ring0, "gate from cpl 3 to ring 0: new ss, old ss, return cs, cs"
          call far [far_pointer]
        done
        user_check gate_ring0_jmp, "jmp through it"
          jmp far [far_pointer]
        done
        gate GATE_3, RING1_CS
        user_check gate_ring1, "gate from cpl 3 to ring 1"
          call far [far_pointer]
        done
        gate GATE_3, USER_CS
        user_check gate_ring3, "gate from cpl 3 to ring 3"
          call far [far_pointer]
        done
        user_check gate_ring3_jmp, "jmp through it, too"
          push 0x1234                           ; it pushes nothing: this is what is found there
          push 0x1234
          jmp far [far_pointer]
        done
        check gate_outward, "gate from cpl 0 to ring 3"
          call far [far_pointer]
        done
        gate DESC_P | DESC_CALL_GATE, KERNEL_CS
        user_check gate_dpl, "gate of dpl 0 from cpl 3"
          call far [far_pointer]
        done
        check gate_rpl, "gate of dpl 0 with rpl 3 from cpl 0"
          call far [far_pointer]
        done
        gate DESC_DPL3 | DESC_CALL_GATE, KERNEL_CS
        user_check gate_absent, "absent gate"
          call far [far_pointer]
        done
        gate GATE_3, 0
        user_check gate_null, "gate to a null selector"
          call far [far_pointer]
        done
        gate GATE_3, KERNEL_DS
        user_check gate_data, "gate to data"
          call far [far_pointer]
        done
        movzx ecx, word [kind_selectors + 16 * 2]
        gate GATE_3, ecx
        user_check gate_absent_code, "gate to absent code"
          call far [far_pointer]
        done
        gate GATE_3, USER_CS32
        user_check gate_32, "gate to 32-bit code"
          call far [far_pointer]
        done
        gate GATE_3, KERNEL_CS
        mov dword [gdt + GATE + 12], 0x100
        user_check gate_upper_type, "gate whose upper half has a type"
          call far [far_pointer]
        done
        gate GATE_3, KERNEL_CS
        mov dword [gdt + GATE + 8], 0x8000
        ; differs(qemu): gate to a non - as jmp
        user_check gate_noncanonical, "gate to a non-canonical offset"
          call far [far_pointer]
        done
        ret

returns:
        check ret_clears, "ret to cpl 3 clears ds with dpl 0 and keeps es with dpl 3"
          mov eax, KERNEL_DS
          mov ds, eax
          mov eax, USER_DS
          mov es, eax
          push USER_DS
          push user_stack_top
          push USER_CS
          push .here
          retfq
.here:    mov eax, ds
          shl eax, 16
          mov ecx, es
          or eax, ecx
        done_value
        check ret_clears_base, "and the base of a cleared fs"
          mov eax, KERNEL_DS
          mov fs, eax
          set_msr IA32_FS_BASE, 0x1000
          push USER_DS
          push user_stack_top
          push USER_CS
          push .here
          retfq
.here:    mov eax, fs
        done_value
        check ret_ss_null, "ret to cpl 3 with a null ss"
          push 0
          push user_stack_top
          push USER_CS
          push landing
          retfq
        done
        check ret_ss_rpl, "ret to cpl 3 with ss of rpl 0"
          push KERNEL_DS
          push user_stack_top
          push USER_CS
          push landing
          retfq
        done
        check ret_ss_code, "ret to cpl 3 with code in ss"
          push USER_CS
          push user_stack_top
          push USER_CS
          push landing
          retfq
        done
        movzx eax, word [kind_selectors + 7 * 2]
        or eax, 3
        mov [scratch], rax
        ; differs(qemu): ret to cpl 3 with an absent - QEMU's TCG raises #NP
        check ret_ss_absent, "ret to cpl 3 with an absent ss"
          push qword [scratch]
          push user_stack_top
          push USER_CS
          push landing
          retfq
        done
        check ret_ring1, "ret to ring 1 with a null ss"
          push 1
          push ist_stack_top
          push RING1_CS | 1
          push landing
          retfq
        done
        check ret_ring1_ss, "ret to ring 1"
          push RING1_DS | 1
          push ist_stack_top
          push RING1_CS | 1
          push .here
          retfq
.here:    mov eax, ss
        done_value
        ret

        section .data
        align 16, db 0
far_pointer:    dq 0
                dw 0
        align 8, db 0
far_pointer_32: dd 0
                dw KERNEL_CS
        align 8, db 0
scratch:        dq 0
