; check-debug: breakpoints of every kind, length and enable bit, single step over instructions of every sort, RF,
; what DR6 collects, and access to the debug registers.
; Shows: instruction breakpoints are faults before, data and I/O breakpoints traps after the instruction; TF over
; a repeated string instruction, a system call, an IRET; DR4 and DR5 with and without CR4.DE; DR7.GD.
; SDM 3B 17.2 Debug Registers, 17.3 Debug Exceptions.

%include "../inc/guest.inc"
%include "../inc/check.inc"

EXECUTE         equ 0
WRITE           equ 1
IO              equ 2
ACCESS          equ 3
LEN1            equ 0
LEN2            equ 1
LEN8            equ 2
LEN4            equ 3

; watch n, address, kind, length: enables breakpoint n locally. Changes RAX.
%macro watch 4
        mov rax, %2
        mov dr%1, rax
        mov rax, dr7
        or eax, (1 << (%1 * 2)) | ((%3 | (%4 << 2)) << (16 + %1 * 4))
        mov dr7, rax
%endmacro

main:
        call check_init
        on_interrupt 1, count_db
        call executes
        call data
        call several
        call steps
        call resume_flag
        jmp registers

; #DB counts itself; one that the check does not take as its end returns with RF set, so that an instruction
; breakpoint lets go.
count_db:
        inc dword [debug_count]
        cmp dword [stop_at], 0
        je check_report
        mov eax, [debug_count]
        cmp eax, [stop_at]
        jae check_report
        or qword [rdi + FRAME_RFLAGS], RFLAGS_RF
        ret

executes:
        check execute, "execute: a fault"
          watch 0, .here, EXECUTE, LEN1
          nop
.here:    inc eax
        done
        check execute_inside, "execute: not on the second byte of an instruction"
          watch 1, .here + 1, EXECUTE, LEN1
.here:    mov eax, 5
        done
        check execute_global, "execute: global enable"
          mov rax, .here
          mov dr2, rax
          mov eax, 2 << 4
          mov dr7, rax
          nop
.here:    nop
        done
        check execute_prefix, "execute: on the prefix of an instruction"
          watch 3, .here, EXECUTE, LEN1
.here:    o16 nop
        done
        check disabled, "not enabled: nothing"
          mov rax, .here
          mov dr0, rax
          xor eax, eax
          mov dr7, rax
.here:    nop
        done
        user_check execute_user, "execute: dr7 at cpl 3"
          mov rax, dr7
        done
        ret

data:
        check write1, "write 1 byte: a trap"
          watch 0, scratch, WRITE, LEN1
          mov byte [scratch], 1
          nop
        done
        check write_read, "write: a read does not count"
          watch 0, scratch, WRITE, LEN1
          mov al, [scratch]
          nop
        done
        check access_read, "access: a read"
          watch 0, scratch, ACCESS, LEN4
          mov al, [scratch + 3]
          nop
        done
        check access_beside, "access: the byte after"
          watch 0, scratch, ACCESS, LEN4
          mov al, [scratch + 4]
          nop
        done
        check access_overlap, "access: an operand that only overlaps"
          watch 0, scratch + 8, ACCESS, LEN1
          mov rax, [scratch + 1]
          nop
        done
        check write8, "write 8 bytes: the last byte"
          watch 3, scratch, WRITE, LEN8
          mov byte [scratch + 7], 1
          nop
        done
        ; differs(qemu): a length of 2 - QEMU's TCG compares with the odd address
        check write_aligned_down, "a length of 2 drops bit 0 of the address"
          watch 1, scratch + 1, WRITE, LEN2
          mov byte [scratch], 1
          nop
        done
        check push_write, "write: a push"
          lea rcx, [rsp - 8]
          watch 0, rcx, WRITE, LEN8
          push rax
          pop rax
        done
        check fetch_access, "access: a fetch does not count"
          watch 0, .here, ACCESS, LEN1
.here:    nop
        done
        check rep_write, "rep stosb: after the iteration"
          watch 0, scratch + 3, WRITE, LEN1
          mov edi, scratch
          mov ecx, 8
          xor eax, eax
          rep stosb
        done
        print `rcx after that `
        print_dec rcx
        print `\n`
        set_cr4 CR4_DE
        check io_out, "i/o: out"
          watch 2, 0x80, IO, LEN1
          out 0x80, al
          nop
        done
        check io_beside, "i/o: another port"
          watch 2, 0x80, IO, LEN1
          out 0x84, al
          nop
        done
        clear_cr4 CR4_DE
        ret

several:
        ; differs(qemu): two data - QEMU's TCG reports the first only
        check two_data, "two data breakpoints at once"
          watch 0, scratch, WRITE, LEN1
          watch 1, scratch + 4, ACCESS, LEN4
          mov qword [scratch], 0
          nop
        done
        ; differs(qemu): a matching breakpoint - QEMU's TCG reports enabled ones only
        check not_enabled_shows, "a matching breakpoint that is not enabled shows in dr6, too"
          mov rax, scratch
          mov dr1, rax
          mov dr0, rax
          mov eax, 1 | (1 << 16) | (1 << 20)
          mov dr7, rax
          mov byte [scratch], 0
          nop
        done
        ; differs(qemu): single step and a data - QEMU's TCG is lost
        check step_and_data, "single step and a data breakpoint"
          watch 0, scratch, WRITE, LEN1
          push RFLAGS_TF | 2
          popfq
          mov byte [scratch], 0
          nop
        done
        mov dword [debug_count], 0
        mov dword [stop_at], 2
        check dr6_replaced, "dr6 shows the last breakpoint only"
          watch 0, .here, EXECUTE, LEN1
          watch 1, scratch, WRITE, LEN1
          nop
.here:    mov byte [scratch], 0
          nop
        done
        mov dword [stop_at], 0
        ret

; step label, "text": TF is set before the body; the trap comes after its first instruction.
%macro step 2
        check %1, %2
          push RFLAGS_TF | 2
          popfq
%endmacro

steps:
        step step_nop, "step: nop"
          nop
          nop
        done
        step step_branch, "step: a taken branch"
          jmp .far
          times 16 nop
.far:     nop
        done
        ; differs(qemu): step: sti - QEMU's TCG extends the shadow of STI to #DB
        step step_sti, "step: sti"
          sti
          cli
        done
        step step_int, "step: int n clears tf"
          int 0x50
        done
        mov edi, scratch
        mov ecx, 8
        step step_rep, "step: rep stosb, after one iteration"
          rep stosb
        done
        print `rcx after that `
        print_dec rcx
        print `\n`
        step step_ss, "step: mov ss, the trap waits for one instruction"
          mov eax, ss
          mov ss, eax
          nop
          nop
        done
        step step_popf, "step: popf that clears tf"
          push 2
          popfq
          nop
        done
        step step_fault, "step: an instruction that faults"
          ud2
        done
        check step_iret, "step: iretq that sets tf, the trap is after its target"
          push KERNEL_DS
          push interrupt_stack_top
          push RFLAGS_TF | 2
          push KERNEL_CS
          push .here
          iretq
          nop
.here:    nop
          nop
        done
        user_check step_user, "step: at cpl 3", RFLAGS_TF | 2
          nop
          nop
        done
        step step_pushf, "step: pushf pushes tf"
          pushfq
        done
        ret

resume_flag:
        mov dword [debug_count], 0
        mov dword [stop_at], 1000
        check rf_passes, "rf lets an instruction breakpoint pass once: times seen in three rounds"
          mov edi, 3
          watch 0, .here, EXECUTE, LEN1
.here:    dec edi
          jnz .here
          xor eax, eax
          mov dr7, rax
          mov eax, [debug_count]
        done_value
        mov dword [stop_at], 0
        check rf_iret, "iretq with rf onto a breakpoint"
          watch 0, .here, EXECUTE, LEN1
          push KERNEL_DS
          push interrupt_stack_top
          push RFLAGS_RF | 2
          push KERNEL_CS
          push .here
          iretq
.here:    nop
        done
        check rf_popf, "popfq does not set rf"
          push RFLAGS_RF | 2
          popfq
          pushfq
          pop rax
        done_value
        ret

registers:
        check dr6_bits, "dr6 after writing zeros"
          xor eax, eax
          mov dr6, rax
          mov rax, dr6
        done_value
        check dr7_bits, "dr7 after writing zeros"
          xor eax, eax
          mov dr7, rax
          mov rax, dr7
        done_value
        check dr7_high, "dr7 with an upper bit"
          mov rax, 1 << 32
          mov dr7, rax
        done
        check dr6_high, "dr6 with an upper bit"
          mov rax, 1 << 32
          mov dr6, rax
        done
        check dr0_value, "dr0 holds 64 bits"
          mov rax, 0x7fff123456789abc
          mov dr0, rax
          mov rax, dr0
        done_value
        check dr4_alias, "dr4 is dr6 while de is clear"
          db 0x0f, 0x21, 0xe0                   ; mov rax, dr4
        done_value
        set_cr4 CR4_DE
        check dr4_de, "dr4 while de is set"
          db 0x0f, 0x21, 0xe0
        done
        check dr5_de, "mov to dr5 while de is set"
          db 0x0f, 0x23, 0xe8
        done
        clear_cr4 CR4_DE
        check mov_dr8, "dr8"
          db 0x44, 0x0f, 0x21, 0xc0             ; mov rax, dr8
        done
        ; differs(qemu): gd: - QEMU's TCG does not have general detect
        check general_detect, "gd: mov from dr0"
          mov eax, 1 << 13
          mov dr7, rax
          mov rax, dr0
        done
        check general_detect_clear, "gd: cleared on the way to the handler"
          mov rax, dr7
        done_value
        user_check dr_user, "mov from dr6 at cpl 3"
          mov rax, dr6
        done
        ret

        section .data
        align 16, db 0
scratch:        times 32 db 0
debug_count:    dd 0
stop_at:        dd 0                            ; which #DB ends a check; 0 = the first
