; check-double-fault: what becomes of a second exception while the first is delivered. The gate of the first
; exception is bent so that delivering it raises a given second one; what arrives is printed.
; Shows: the classes benign, contributory and page fault (SDM 3A 6.15 Interrupt 8, table 6-5), EXT in the error
; code of the second, CR2 after a page fault inside a delivery, that a double fault's RIP is the first one's.
; The #DF handler runs on an IST stack.

%include "../inc/guest.inc"
%include "../inc/check.inc"

UNMAPPED        equ 0x7000123000
ABSENT_DS       equ FREE_SELECTOR               ; loading it raises #NP
BAD_STACK       equ 7                           ; an IST entry whose page is not present

main:
        call check_init
        mov dword [gdt + ABSENT_DS + 4], DESC_DATA
        mov rax, UNMAPPED + 0x800
        mov [tss + TSS_IST1 + 8 * (BAD_STACK - 1)], rax
        set_gate_type 8, GATE_INTERRUPT, 1
        set_gate_type 14, GATE_INTERRUPT, 1

        call first_divide
        call first_opcode
        call first_protection
        call first_not_present
        call first_page_fault
        call first_software
        jmp second_level

; bend vector, how: makes the delivery of a vector raise something; mend undoes it.
%macro absent_gate 1
        set_gate_type %1, GATE_INTERRUPT & 0x7f
%endmacro
%macro bad_gate 1
        set_gate_type %1, 0x80
%endmacro
%macro unmapped_stack 1
        set_gate_type %1, GATE_INTERRUPT, BAD_STACK
%endmacro
%macro mend 1
        set_gate_type %1, GATE_INTERRUPT
%endmacro

first_divide:
        absent_gate 0
        check de_np, "#DE, then #NP"
          xor ecx, ecx
          div ecx
        done
        bad_gate 0
        check de_gp, "#DE, then #GP"
          xor ecx, ecx
          div ecx
        done
        unmapped_stack 0
        check de_pf, "#DE, then #PF"
          xor ecx, ecx
          div ecx
        done
        mend 0
        ret

first_opcode:
        absent_gate 6
        ; differs(qemu): #UD, then #NP:  - no EXT bit; vector * 16 as error code
        check ud_np, "#UD, then #NP"
          ud2
        done
        bad_gate 6
        ; differs(qemu): #UD, then #GP:  - no EXT bit; vector * 16 as error code
        check ud_gp, "#UD, then #GP"
          ud2
        done
        unmapped_stack 6
        check ud_pf, "#UD, then #PF"
          ud2
        done
        mend 6
        ret

first_protection:
        absent_gate 13
        check gp_np, "#GP, then #NP"
          mov eax, 0x2000
          mov ds, eax
        done
        bad_gate 13
        check gp_gp, "#GP, then #GP"
          mov eax, 0x2000
          mov ds, eax
        done
        unmapped_stack 13
        check gp_pf, "#GP, then #PF"
          mov eax, 0x2000
          mov ds, eax
        done
        mend 13
        ret

first_not_present:
        bad_gate 11
        check np_gp, "#NP, then #GP"
          mov eax, ABSENT_DS
          mov ds, eax
        done
        unmapped_stack 11
        check np_pf, "#NP, then #PF"
          mov eax, ABSENT_DS
          mov ds, eax
        done
        mend 11
        ret

first_page_fault:
        absent_gate 14
        check pf_np, "#PF, then #NP"
          mov rbx, UNMAPPED
          mov al, [rbx]
        done
        bad_gate 14
        check pf_gp, "#PF, then #GP"
          mov rbx, UNMAPPED
          mov al, [rbx]
        done
        unmapped_stack 14
        check pf_pf, "#PF, then #PF"
          mov rbx, UNMAPPED + 8
          mov al, [rbx]
        done
        print `cr2 after that `
        mov rax, cr2
        print_hex rax
        print `\n`
        set_gate_type 14, GATE_INTERRUPT, 1
        ret

; A software interrupt is benign: what follows it is served on its own.
first_software:
        absent_gate 0x40
        ; differs(qemu): int n, then #NP - no EXT bit; vector * 16 as error code
        check int_np, "int n, then #NP"
          int 0x40
        done
        unmapped_stack 0x40
        check int_pf, "int n, then #PF"
          int 0x40
        done
        absent_gate 3
        ; differs(qemu): int3, then #NP - no EXT bit; vector * 16 as error code
        check int3_np, "int3, then #NP"
          int3
        done
        unmapped_stack 3
        check int3_pf, "int3, then #PF"
          int3
        done
        mend 3
        unmapped_stack 1
        check db_pf, "#DB by single step, then #PF"
          push RFLAGS_TF | 2
          popfq
          nop
          nop
        done
        mend 1
        ret

; #NP and #GP as second exceptions whose own delivery fails: contributory twice is a double fault again.
second_level:
        absent_gate 6
        absent_gate 11
        check ud_np_np, "#UD, then #NP, then #NP"
          ud2
        done
        mend 11
        mend 6
        absent_gate 6
        unmapped_stack 11
        check ud_np_pf, "#UD, then #NP, then #PF"
          ud2
        done
        mend 11
        mend 6
        unmapped_stack 6
        absent_gate 14
        check ud_pf_np, "#UD, then #PF, then #NP"
          ud2
        done
        mend 6
        unmapped_stack 14
        unmapped_stack 6
        check ud_pf_pf, "#UD, then #PF, then #PF"
          ud2
        done
        user_check user_gp_np, "#GP at cpl 3, then #NP"
          hlt
        done
        absent_gate 13
        user_check user_gp, "#GP at cpl 3 with an absent gate"
          hlt
        done
        ret
