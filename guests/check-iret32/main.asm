; check-iret32: IRET in 32-bit protected mode with each kind of descriptor as CS and as SS, in the same ring and to
; outer ones; limits of target and stack; the shapes of 16 and 32 bits; the flags that IRET and POPF change at each
; CPL and IOPL; data segments that an outer ring may not keep; NT, and VM where it does not count.
; Shows: the checks of IRET in their order and their error codes.
; SDM 2A IRET/IRETD/IRETQ; 2B POPF; 3A 5.8.6 Returning from a Called Procedure, 8.4 Task Linking.

%include "../inc/guest32.inc"
%include "../inc/check32.inc"
%include "../inc/descriptors32.inc"

CODE_SLOT       equ FREE_SELECTOR + 8 * (KIND_COUNT + 1)
STACK_SLOT      equ FREE_SELECTOR + 8 * (KIND_COUNT + 2)
EFLAGS_TF       equ 1 << 8
EFLAGS_IF       equ 1 << 9
EFLAGS_NT       equ 1 << 14
EFLAGS_RF       equ 1 << 16
EFLAGS_VM       equ 1 << 17
EFLAGS_AC       equ 1 << 18
FLAGS           equ 0x247cd7                    ; all but TF, IF, RF, VM, VIF and VIP
WORD_TARGET     equ 0x8000                      ; where returns with 16-bit offsets lead

; frame flags, cs, eip, and frame ss, esp, flags, cs, eip
%macro frame 3-5
  %rep %0
        push dword %1
    %rotate 1
  %endrep
%endmacro

main:
        call check_init
        call descriptors_init
        mov word [WORD_TARGET], 0xcd | VECTOR_DONE << 8
        mov word [0x1000], 0xcd | VECTOR_DONE << 8      ; an emulator without limits goes there
        ; differs(qemu): code small           as cs - TCG checks no limits
        for_each_kind as_cs
        for_each_kind as_ss
        call odd
        call words
        call flags
        call data_segments
        call nested
        ret

landing:
        mov eax, cs
        int VECTOR_VALUE
stack_landing:
        mov eax, ss
        int VECTOR_VALUE

as_cs:  call print_kind
        check cs_kernel, "as cs, cpl 0"
          frame 2, [kind_selector], landing
          iretd
        done
        mov eax, [kind_selector]
        or eax, 3
        mov [rpl3_selector], eax
        call print_kind
        check cs_outer, "as cs, cpl 0 to cpl 3"
          frame USER_DS, user_stack_top, 2, [rpl3_selector], landing
          iretd
        done
        call print_kind
        user_check cs_user, "as cs, cpl 3"
          frame 2, [cs:rpl3_selector], landing
          iretd
        done
        mov eax, [kind_selector]
        or eax, 1
        mov [rpl1_selector], eax
        call print_kind
        check cs_ring1, "as cs, cpl 0 to cpl 1"
          frame RING1_DS, ring1_stack_top, 2, [rpl1_selector], landing
          iretd
        done
        call print_kind
        ring_check cs_ring1_same, "as cs, cpl 1", RING1_CS, RING1_DS
          frame 2, [cs:rpl1_selector], landing
          iretd
        done
        ret

as_ss:  mov eax, [kind_selector]
        or eax, 3
        mov [rpl3_selector], eax
        ; differs(qemu): data rw dpl 3 absent as ss - TCG raises #NP
        call print_kind
        check ss_outer, "as ss, to cpl 3"
          frame [rpl3_selector], user_stack_top, 2, USER_CS, stack_landing
          iretd
        done
        call print_kind
        check ss_rpl, "as ss with rpl 0, to cpl 3"
          frame [kind_selector], user_stack_top, 2, USER_CS, stack_landing
          iretd
        done
        mov eax, [kind_selector]
        or eax, 1
        mov [rpl1_selector], eax
        call print_kind
        check ss_ring1, "as ss, to cpl 1"
          frame [rpl1_selector], ring1_stack_top, 2, RING1_CS, stack_landing
          iretd
        done
        ret

odd:
        check cs_null, "cs null"
          frame 2, 0, landing
          iretd
        done
        check cs_null3, "cs null with rpl 3"
          frame USER_DS, user_stack_top, 2, 3, landing
          iretd
        done
        check cs_beyond, "cs beyond the gdt"
          frame 2, 0x2000, landing
          iretd
        done
        check cs_ldt, "cs beyond the ldt"
          frame 2, 0x2004, landing
          iretd
        done
        check ss_null, "ss null, to cpl 3"
          frame 0, user_stack_top, 2, USER_CS, landing
          iretd
        done
        check ss_null3, "ss null with rpl 3, to cpl 3"
          frame 3, user_stack_top, 2, USER_CS, landing
          iretd
        done
        check ss_beyond, "ss beyond the gdt"
          frame 0x2003, user_stack_top, 2, USER_CS, landing
          iretd
        done
        ring_check inner, "from cpl 1 to cpl 0", RING1_CS, RING1_DS
          frame 2, KERNEL_CS, landing
          iretd
        done
        set_segment CODE_SLOT, DESC_D | DESC_P | DESC_CODE, 0xfff, 0
        ; differs(qemu): eip beyond - TCG checks no limits
        check eip_limit, "eip beyond the limit"
          frame 2, CODE_SLOT, 0x1000
          iretd
        done
        set_segment CODE_SLOT, DESC_D | DESC_P | DESC_CODE | DESC_DPL3, 0xfff, 0
        check eip_limit_outer, "eip beyond the limit, to cpl 3"
          frame USER_DS, user_stack_top, 2, CODE_SLOT | 3, 0x1000
          iretd
        done
        check eip_limit_ss, "eip beyond the limit and a bad ss"
          frame KERNEL_DS, user_stack_top, 2, CODE_SLOT | 3, 0x1000
          iretd
        done
        set_segment STACK_SLOT, DESC_D | DESC_P | DESC_DATA, 0xfff, interrupt_stack_top - 0x1000
        ; differs(qemu): frame beyond - TCG checks no limits
        check frame_limit, "frame beyond the limit of the stack"
          mov dword [interrupt_stack_top - 8], landing
          mov dword [interrupt_stack_top - 4], KERNEL_CS
          mov dword [interrupt_stack_top], 2
          call load_stack_slot
          mov esp, 0xff8
          iretd
        done
        check frame_within, "frame within the limit of the stack"
          mov dword [interrupt_stack_top - 12], landing
          mov dword [interrupt_stack_top - 8], KERNEL_CS
          mov dword [interrupt_stack_top - 4], 2
          call load_stack_slot
          mov esp, 0xff4
          iretd
        done
        check frame_outer_limit, "frame beyond the limit, to cpl 3"
          mov dword [interrupt_stack_top - 12], landing
          mov dword [interrupt_stack_top - 8], USER_CS
          mov dword [interrupt_stack_top - 4], 2
          call load_stack_slot
          mov esp, 0xff4
          iretd
        done
        set_segment STACK_SLOT, DESC_P | DESC_DATA | DESC_DPL3, 0xffff, user_stack_top - 0x1000
        check stack16, "to cpl 3 with a 16-bit stack"
          mov eax, STACK_SLOT | 3
          frame eax, 0x12340800, 2, USER_CS, .here
          iretd
.here:    mov eax, esp
        done_value
        check same_ring, "the same ring keeps esp"
          mov ebx, esp
          frame 2, KERNEL_CS, .here
          iretd
.here:    mov eax, ebx
          sub eax, esp
        done_value
        check outer_esp, "to cpl 3, esp"
          frame USER_DS, 0x12345678, 2, USER_CS, .here
          iretd
.here:    mov eax, esp
        done_value
        ret

; load_stack_slot: SS = STACK_SLOT; its caller then sets ESP.
load_stack_slot:
        pop edx
        mov eax, STACK_SLOT
        mov ss, eax
        jmp edx

words:
        check word_same, "iretw"
          sub esp, 6
          mov word [esp], WORD_TARGET
          mov word [esp + 2], KERNEL_CS
          mov word [esp + 4], 2
          iretw
        done
        check word_outer, "iretw to cpl 3"
          sub esp, 10
          mov word [esp], WORD_TARGET
          mov word [esp + 2], USER_CS
          mov word [esp + 4], 2
          mov word [esp + 6], 0x7000
          mov word [esp + 8], USER_DS
          iretw
        done
        check word_bad, "iretw to cpl 3 with ss of rpl 0"
          sub esp, 10
          mov word [esp], WORD_TARGET
          mov word [esp + 2], USER_CS
          mov word [esp + 4], 2
          mov word [esp + 6], 0x7000
          mov word [esp + 8], KERNEL_DS
          iretw
        done
        set_segment CODE_SLOT, DESC_P | DESC_CODE, 0xffff, code16
        check to_code16, "to 16-bit code and back"
          frame 2, CODE_SLOT, 0
          iretd
        done
        ret

        bits 16
code16: push word 2
        push word KERNEL_CS
        push word WORD_TARGET
        mov eax, 0x12345678
        iret
        bits 32

flags:
        check all_flags, "iretd at cpl 0: flags"
          frame FLAGS, KERNEL_CS, .here
          iretd
.here:    pushfd
          pop eax
        done_value
        check all_popf, "popfd at cpl 0: flags"
          push FLAGS
          popfd
          pushfd
          pop eax
        done_value
        check vif_vip_popf, "popfd at cpl 0 with vm, vif and vip"
          push 0x1a0002
          popfd
          pushfd
          pop eax
        done_value
        ; differs(qemu): iretd at cpl 0 with vif - TCG does not load them
        check vif_vip, "iretd at cpl 0 with vif and vip"
          frame 0x180002, KERNEL_CS, .here
          iretd
.here:    pushfd
          pop eax
        done_value
        check to_user, "iretd to cpl 3: flags"
          frame USER_DS, user_stack_top, FLAGS, USER_CS, .here
          iretd
.here:    pushfd
          pop eax
        done_value
        check word_flags, "iretw at cpl 0 keeps the upper flags"
          push EFLAGS_AC | 2
          popfd
          sub esp, 6
          mov word [esp], WORD_TARGET + 16
          mov word [esp + 2], KERNEL_CS
          mov word [esp + 4], 0x4cd7
          mov dword [WORD_TARGET + 16], 0xcd589c | VECTOR_VALUE << 24   ; pushfd; pop eax; int
          iretw
        done
        check word_popf, "popfw at cpl 0 keeps the upper flags"
          push EFLAGS_AC | 2
          popfd
          push word 0x4cd7
          popfw
          pushfd
          pop eax
        done_value
        check trap, "tf set by iretd traps after the next instruction"
          frame EFLAGS_TF | 2, KERNEL_CS, .here
          iretd
.here:    nop
          nop
        done
        check popf_trap, "tf set by popfd"
          push EFLAGS_TF | 2
          popfd
          nop
          nop
        done
        mov ebp, 2
next_iopl:
        user_check user_popf, "popfd at cpl 3: flags", ebp
          push FLAGS | EFLAGS_IF
          popfd
          pushfd
          pop eax
        done_value
        user_check user_iret, "iretd at cpl 3: flags", ebp
          frame FLAGS | EFLAGS_IF, USER_CS, .here
          iretd
.here:    pushfd
          pop eax
        done_value
        user_check user_iretw, "iretw at cpl 3: flags", ebp
          sub esp, 6
          mov word [ss:esp], WORD_TARGET + 16
          mov word [ss:esp + 2], USER_CS
          mov word [ss:esp + 4], 0x7ed7
          iretw
        done
        ; differs(qemu): vm in the image - TCG looks at the IOPL
        user_check user_vm, "vm in the image at cpl 3", ebp
          frame EFLAGS_VM | 2, USER_CS, .here
          iretd
.here:    pushfd
          pop eax
        done_value
        ring_check ring1_popf, "popfd at cpl 1: flags", RING1_CS, RING1_DS, ebp
          push FLAGS | EFLAGS_IF
          popfd
          pushfd
          pop eax
        done_value
        user_check user_cli, "cli at cpl 3", ebp
          cli
        done
        user_check user_sti, "sti at cpl 3", ebp
          sti
        done
        user_check user_in, "in at cpl 3", ebp
          in al, 0x80
        done
        ring_check ring1_cli, "cli at cpl 1", RING1_CS, RING1_DS, ebp
          cli
        done
        add ebp, 1 << 12
        cmp ebp, 4 << 12
        jb next_iopl
        ret

; keeps selector: loads DS, ES, FS and GS with it at CPL 0, goes to CPL 3, prints FS there.
data_segments:
        for_each_kind data_segment
        ; differs(qemu): null with rpl 2 - TCG keeps null selectors
        check null_segment, "null with rpl 2 in gs"
          mov eax, 2
          mov gs, eax
          frame USER_DS, user_stack_top, 2, USER_CS, .here
          iretd
.here:    mov eax, gs
        done_value
        ; differs(qemu): a read through - TCG does not look
        check cleared, "a read through a segment that was cleared"
          mov eax, KERNEL_DS
          mov ds, eax
          frame USER_DS, user_stack_top, 2, USER_CS, .here
          iretd
.here:    mov eax, [0x1000]
        done
        check to_ring1, "to cpl 1: data of dpl 0, 1 and 3, conforming code"
          mov eax, KERNEL_DS
          mov ds, eax
          mov eax, RING1_DS
          mov es, eax
          mov eax, USER_DS
          mov fs, eax
          movzx eax, word [cs:kind_selectors + 14 * 2]
          mov gs, eax
          frame RING1_DS, ring1_stack_top, 2, RING1_CS, .here
          iretd
.here:    mov eax, ds
          shl eax, 8
          mov ecx, es
          or eax, ecx
          shl eax, 8
          mov ecx, fs
          or eax, ecx
          shl eax, 8
          mov ecx, gs
          or eax, ecx
        done_value
        ret

data_segment:
        call print_kind
        check kept, "in fs, to cpl 3"
          mov eax, [kind_selector]
          mov fs, eax
          frame USER_DS, user_stack_top, 2, USER_CS, .here
          iretd
.here:    mov eax, fs
        done_value
        ret

; NT makes IRET return to the task that the TSS names: none of these may be returned to.
%macro nested_check 3
        mov word [tss], %3
        check %1, %2
          push EFLAGS_NT | 2
          popfd
          frame 2, KERNEL_CS, landing
          iretd
        done
%endmacro

nested:
        nested_check nt_null, "nt with a null link", 0
        nested_check nt_ldt, "nt with a link into the ldt", 0x54
        nested_check nt_beyond, "nt with a link beyond the gdt", 0x2000
        nested_check nt_data, "nt with a link to data", KERNEL_DS
        nested_check nt_available, "nt with a link to an available tss", FREE_SELECTOR + 23 * 8
        nested_check nt_available16, "nt with a link to an available 16-bit tss", FREE_SELECTOR + 25 * 8
        nested_check nt_gate, "nt with a link to a gate", FREE_SELECTOR + 28 * 8
        set_segment CODE_SLOT, DESC_TSS | DESC_BUSY, TSS_SIZE - 1, tss
        nested_check nt_absent, "nt with a link to an absent busy tss", CODE_SLOT
        user_check nt_user, "nt at cpl 3", EFLAGS_NT | 2
          frame 2, USER_CS, landing
          iretd
        done
        ret

        section .bss
rpl3_selector:  resd 1
rpl1_selector:  resd 1
