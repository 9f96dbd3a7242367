; probe: each of the sensitive instructions that are not privileged, in the kernel and in a program, and what it shows
; or does there. There are 18 mnemonics (Robin and Irvine 2000), in the forms that are sensitive, and IRET.
; Shows: what a guest sees of a VMM that runs it at CPL 3 by trap-and-emulate: expected-trap.txt. Where the lines differ a
; comment says what is seen and why. Under interpretation only the lines of programs differ, since only they run directly.
; Under Xen's PV ABI (expected-para.txt) nothing is hidden and nothing pretended: tables, selectors and IF are Xen's, to the
; kernel as to a program; CLI, STI and what needs a more privileged CPL is refused; POPF leaves IF alone.
; Takes: none but those of the frame around each line: the point is what does not exit.
; SDM 3A 5.9 Privileged Instructions; 2B and 2A of each.

%include "../inc/guest.inc"
%include "../inc/check.inc"
%include "../inc/pic.inc"
%include "../inc/pit.inc"

LDT_SELECTOR    equ FREE_SELECTOR               ; takes two slots
GATE_SELECTOR   equ FREE_SELECTOR + 16          ; a call gate for programs, to `landing`
BEYOND          equ 0xffe0                      ; a selector beyond the end of the GDT
PROBE_VECTOR    equ 0x50                        ; DPL 3

IF_IOPL         equ RFLAGS_IF | RFLAGS_IOPL3

; own register, symbol: 0 if the register holds the address of the kernel's own table.
%macro own 2
%ifndef PARA                        ; a PV kernel has no table there
        cmp %1, %2
        jne %%other
        xor %1, %1
%%other:
%endif
%endmacro

; if_zero register: what the last instruction has put there, or all ones if it has cleared ZF.
%macro if_zero 1
        jz %%set
        mov %1, -1
%%set:
%endmacro

; access_rights: RAX = those that LAR has put there, without the bits that the manual leaves undefined, or all ones.
%macro access_rights 0
        jz %%set
        mov rax, -1
        jmp %%done
%%set:  and eax, ~0xf0000
%%done:
%endmacro

; as_zero register: ZF.
%macro as_zero 1
        setz al
        movzx %1, al
%endmacro

main:
        call check_init
        call pic_init                           ; no interrupt but where one is asked for
%ifndef PARA
        mov edi, gdt + LDT_SELECTOR
        mov esi, ldt
        mov edx, DESC_P | DESC_LDT
        mov ecx, 7
        call write_system_descriptor
        mov edi, gdt + GATE_SELECTOR
        mov eax, landing
        mov [rdi], ax
        mov word [rdi + 2], KERNEL_CS
        shr eax, 16
        shl eax, 16
        or eax, DESC_P | DESC_CALL_GATE | DESC_DPL3
        mov [rdi + 4], eax
        mov eax, LDT_SELECTOR
        load_ldt ax
%endif
        set_gate_type PROBE_VECTOR, GATE_INTERRUPT | GATE_DPL3
        on_interrupt PROBE_VECTOR, on_probe
        call registers
        call flags
        call rights
        call selectors
        call transfers
        pic_mask 0xff
        ret

; on_probe: shows the CS that an interrupt has saved.
on_probe:
        mov rax, [rdi + FRAME_CS]
        mov [rdi + FRAME_RAX], rax
        ret

; landing: where far calls lead: RAX = the CS that they have saved.
landing:
        mov eax, [rsp + 8]
        far_return

; --- SGDT, SIDT, SLDT, STR, SMSW ------------------------------------------------------------------

; line_in check, "who", label, "text": a line of the kernel (check) or of a program (user_check).
%macro line_in 4
%strcat LINE_TEXT %2, ": ", %4
        %1 %3_ %+ %1, LINE_TEXT
%endmacro

; registers_in check, "who": the five.
%macro registers_in 2
        ; trap: the GDT of the VMM, which is as large as can be.
        line_in %1, %2, at_sgdt_limit, "sgdt: limit"
          sgdt [scratch]
          movzx eax, word [scratch]
        done_value
        ; trap: it lies where the VMM has its structures.
        line_in %1, %2, at_sgdt, "sgdt: base, 0 if it is the kernel's table"
          sgdt [scratch]
          mov rax, [scratch + 2]
          own rax, gdt
        done_value
        ; trap: the IDT of the VMM.
        line_in %1, %2, at_sidt, "sidt: base, 0 if it is the kernel's table"
          sidt [scratch]
          mov rax, [scratch + 2]
          own rax, idt
        done_value
        ; trap: the VMM's copy of the LDT has a selector of its own.
        line_in %1, %2, at_sldt, "sldt"
          xor eax, eax
          sldt ax
        done_value
        ; trap: the task of the VMM.
        line_in %1, %2, at_str, "str"
          xor eax, eax
          str ax
        done_value
        ; trap: CR0 of the host: NE and WP, which this kernel has not set.
        line_in %1, %2, at_smsw, "smsw"
          xor eax, eax
          smsw eax
        done_value
%endmacro

registers:
        registers_in check, "kernel"
        registers_in user_check, "program"
        ret

; --- PUSHF, POPF, IRET and the interrupt flag ------------------------------------------------------

flags:
        ; trap: IF of the host, which keeps its interrupts on.
        check at_pushf_off, "kernel: pushf: if and iopl after cli"
          cli
          pushfq
          pop rax
          and eax, IF_IOPL
        done_value
        check at_pushf_on, "kernel: pushf: if and iopl after sti"
          sti
          pushfq
          pop rax
          and eax, IF_IOPL
        done_value
        ; trap: IOPL stays 0, as for all code at CPL 3, and IF the host's.
        check at_popf, "kernel: popf: if and iopl after popf of iopl 3"
          push RFLAGS_IOPL3 | 2
          popfq
          pushfq
          pop rax
          and eax, IF_IOPL
        done_value
        call wait_pending
        ; trap: POPF has changed nothing, so that the interrupt has to wait: the body comes to its end.
        check at_popf_pending, "kernel: popf: a pending interrupt after popf with if"
          push RFLAGS_IF | 2
          popfq
          nop
        done
        pic_mask 0xff
        ; trap: POPF has not turned interrupts off: one comes as soon as its line is opened.
        check at_popf_off, "kernel: popf: a pending interrupt after sti and popf without if"
          sti
          nop
          push 2
          popfq
          call wait_pending
          nop
        done
        ; The selectors of CS and SS are those that the processor wants: IRET traps, and is done right.
        check at_iret, "kernel: iret: a pending interrupt after iret with if"
          call wait_pending
          push KERNEL_DS
          lea rax, [rsp + 8]
          push rax
          push RFLAGS_IF | 2
          push KERNEL_CS
          push .returned
          iretq
.returned:
          nop
        done
        ; trap: with CS and SS as they can be read there, IRET needs no help, and leaves IF alone.
        check at_iret_read, "kernel: iret: the same with cs and ss as they are read"
          call wait_pending
          mov eax, ss
          push rax
          lea rax, [rsp + 8]
          push rax
          push RFLAGS_IF | 2
          mov eax, cs
          push rax
          push .returned_read
          iretq
.returned_read:
          nop
        done
        pic_mask 0xff

        ; trap: IF of the host.
        user_check at_user_pushf, "program: pushf: if and iopl, both 0"
          pushfq
          pop rax
          and eax, IF_IOPL
        done_value
        ; trap: IOPL of the host.
        user_check at_user_pushf_iopl, "program: pushf: if and iopl, which is 3", RFLAGS_IOPL3 | 2
          pushfq
          pop rax
          and eax, IF_IOPL
        done_value
        ; trap: IOPL of the host, so that POPF does not change IF.
        user_check at_user_popf, "program: popf: if and iopl after popf of if at iopl 3", RFLAGS_IOPL3 | 2
          push RFLAGS_IOPL3 | RFLAGS_IF | 2
          popfq
          pushfq
          pop rax
          and eax, IF_IOPL
        done_value
        ; trap: IF and IOPL of the host.
        user_check at_user_iret, "program: iret: if and iopl after iret with both at iopl 0"
          push USER_DS
          lea rax, [rsp + 8]
          push rax
          push IF_IOPL | 2
          push USER_CS
          push .user_returned
          iretq
.user_returned:
          pushfq
          pop rax
          and eax, IF_IOPL
        done_value
        ret

; wait_pending: returns when IRQ 0 is requested, with its line open and IF clear.
wait_pending:
        push rax
        on_interrupt PIC_VECTOR + IRQ_PIT, on_timer
        pit_start 1000
        pic_mask 0xff
        pic_choose_requests
.wait:  pic_read_requests
        test al, 1 << IRQ_PIT
        jz .wait
        pic_mask ~(1 << IRQ_PIT)
        pop rax
        ret

; on_timer: the interrupt ends the body.
on_timer:
        end_of_interrupt
        pic_mask 0xff
        jmp check_report

; --- LAR, LSL, VERR, VERW --------------------------------------------------------------------------

; rights_in check, "who": the four.
%macro rights_in 2
        ; trap: in the kernel's view the segments of the kernel are open to CPL 3, where it runs.
        line_in %1, %2, at_lar_code, "lar: code of the kernel"
          mov ecx, KERNEL_CS
          xor eax, eax
          lar eax, ecx
          access_rights
        done_value
        ; trap: in the kernel's view code of programs is not present, so that a return to it traps.
        line_in %1, %2, at_lar_user, "lar: code of programs"
          mov ecx, USER_CS
          xor eax, eax
          lar eax, ecx
          access_rights
        done_value
        ; trap: open to CPL 3, too.
        line_in %1, %2, at_lar_task, "lar: the task"
          mov ecx, TSS_SELECTOR
          xor eax, eax
          lar eax, ecx
          access_rights
        done_value
        ; trap: gates are not present, so that calls trap.
        line_in %1, %2, at_lar_gate, "lar: a call gate of dpl 3"
          mov ecx, GATE_SELECTOR
          xor eax, eax
          lar eax, ecx
          access_rights
        done_value
        line_in %1, %2, at_lsl, "lsl: data of the kernel"
          mov ecx, KERNEL_DS
          xor eax, eax
          lsl eax, ecx
          if_zero rax
        done_value
        line_in %1, %2, at_lsl_ldt, "lsl: the ldt"
          mov ecx, LDT_SELECTOR
          xor eax, eax
          lsl eax, ecx
          if_zero rax
        done_value
        ; trap: the kernel finds a stack segment of the VMM.
        line_in %1, %2, at_lsl_beyond, "lsl: beyond the table"
          mov ecx, BEYOND
          xor eax, eax
          lsl eax, ecx
          if_zero rax
        done_value
        ; trap: what is open to CPL 3 is open to RPL 3.
        line_in %1, %2, at_verr, "verr: data of the kernel, rpl 3"
          mov ecx, KERNEL_DS | 3
          verr cx
          as_zero rax
        done_value
        ; trap: likewise.
        line_in %1, %2, at_verw, "verw: data of the kernel, rpl 3"
          mov ecx, KERNEL_DS | 3
          verw cx
          as_zero rax
        done_value
        line_in %1, %2, at_verr_own, "verr: data of programs"
          mov ecx, USER_DS
          verr cx
          as_zero rax
        done_value
        ; trap: the kernel finds a stack segment of the VMM.
        line_in %1, %2, at_verw_beyond, "verw: beyond the table"
          mov ecx, BEYOND
          verw cx
          as_zero rax
        done_value
%endmacro

rights:
        rights_in check, "kernel"
        rights_in user_check, "program"
        ret

; --- MOV, PUSH and POP of segment registers --------------------------------------------------------

selectors:
        ; trap: the CPL at which the kernel really runs.
        check at_mov_cs, "kernel: mov: from cs"
          mov eax, cs
        done_value
        ; trap: likewise.
        check at_mov_ss, "kernel: mov: from ss"
          mov eax, ss
        done_value
        ; DPL and RPL must be CPL: MOV traps, and is done right.
        check at_mov_to_ss, "kernel: mov: to ss"
          mov eax, KERNEL_DS
          mov ss, eax
        done
        ; trap: what would be refused at CPL 0 is loaded.
        check at_mov_to_ss_rpl, "kernel: mov: to ss, rpl 3"
          mov eax, KERNEL_DS | 3
          mov ss, eax
        done
        ; trap: as for MOV to DS and the others: RPL 3 may use what is open to CPL 3.
        check at_mov_to_ds_rpl, "kernel: mov: to ds, rpl 3"
          mov eax, KERNEL_DS | 3
          mov ds, eax
        done
        ; Of FS and GS, the only ones that 64-bit code can push, the selector is what was loaded.
        check at_push, "kernel: push: fs after mov to fs"
          mov eax, KERNEL_DS
          mov fs, eax
          push fs
          pop rax
        done_value
        ; trap: as MOV to DS.
        check at_pop_rpl, "kernel: pop: to fs, data of the kernel, rpl 3"
          push KERNEL_DS | 3
          pop fs
        done
        ; trap: there is a stack segment of the VMM.
        check at_pop_beyond, "kernel: pop: to fs, beyond the table"
          push BEYOND
          pop fs
        done
        check at_pop_null, "kernel: pop: to gs, null, and push of it"
          push 0
          pop gs
          push gs
          pop rax
        done_value

        user_check at_user_mov_cs, "program: mov: from cs"
          mov eax, cs
        done_value
        user_check at_user_mov_ss, "program: mov: from ss"
          mov eax, ss
        done_value
        user_check at_user_mov_to_ss, "program: mov: to ss, data of the kernel"
          mov eax, KERNEL_DS
          mov ss, eax
        done
        user_check at_user_mov_to_ds, "program: mov: to ds, data of the kernel"
          mov eax, KERNEL_DS
          mov ds, eax
        done
        user_check at_user_push, "program: push: fs after mov to fs"
          mov eax, USER_DS
          mov fs, eax
          push fs
          pop rax
        done_value
        user_check at_user_pop, "program: pop: to fs, data of the kernel"
          push KERNEL_DS
          pop fs
        done
        user_check at_user_pop_beyond, "program: pop: to fs, beyond the table"
          push BEYOND
          pop fs
        done
        ret

; --- CALL, JMP and RET far, INT n ------------------------------------------------------------------

        section .data
        align 8
to_landing:     dq landing
                dw KERNEL_CS
to_user:        dq landing
                dw USER_CS
to_arrival:     dq 0
                dw KERNEL_CS
by_gate:        dq 0
                dw GATE_SELECTOR
        section .text

transfers:
        ; trap: the CS that it saves has the CPL at which the kernel really runs.
        check at_call, "kernel: call: the cs that it saves"
          o64 call far [to_landing]
        done_value
        ; Not present in the kernel's view: it traps, and is refused by the kernel's own table.
        check at_call_user, "kernel: call: code of programs"
          o64 call far [to_user]
        done
        ; Not present either: it traps, and is done right.
        check at_call_gate, "kernel: call: through a gate, the cs that it saves"
          o64 call far [by_gate]
        done_value
        ; trap: RPL 3 is no more than CPL.
        check at_jmp, "kernel: jmp: code of the kernel, rpl 3"
          mov eax, .jumped
          mov [to_arrival], rax
          mov word [to_arrival + 8], KERNEL_CS | 3
          o64 jmp far [to_arrival]
.jumped:
        done
        ; A return to RPL 0 traps, and is done right.
        check at_ret, "kernel: ret: to code of the kernel"
          push KERNEL_CS
          push .came_back
          far_return
.came_back:
        done
        ; trap: a return to RPL 3 is one to the same privilege, and there is nothing to pop but RIP and CS.
        check at_ret_rpl, "kernel: ret: to code of the kernel, rpl 3"
          push KERNEL_CS | 3
          push .came_back_rpl
          far_return
.came_back_rpl:
        done
        check at_ret_user, "kernel: ret: to code of programs, and the cs there"
          push USER_DS
          push user_stack_top
          push USER_CS
          push .in_program
          far_return
.in_program:
          mov eax, cs
        done_value
        ; The VMM's gates are closed to CPL 3: INT n traps, and is done right.
        check at_int, "kernel: int: the cs that it saves"
          int PROBE_VECTOR
        done_value

        user_check at_user_call, "program: call: code of the kernel"
          o64 call far [to_landing]
        done
        user_check at_user_call_gate, "program: call: through a gate, the cs that it saves"
          o64 call far [by_gate]
        done_value
        user_check at_user_jmp, "program: jmp: code of the kernel, rpl 3"
          o64 jmp far [to_arrival]
        done
        user_check at_user_ret, "program: ret: to code of the kernel"
          push KERNEL_CS
          push landing
          far_return
        done
        user_check at_user_int, "program: int: the cs that it saves"
          int PROBE_VECTOR
        done_value
        ; differs(qemu): program: int: through a gate of dpl 0 - QEMU's TCG gives 16 times the vector in 64-bit mode
        user_check at_user_int_closed, "program: int: through a gate of dpl 0"
          int PROBE_VECTOR + 1
        done
        ret

        section .bss
ldt:            resq 1
        alignb 4096                             ; on no page with a table: a write there traps
scratch:        resb 4096
        section .text
