; check-syscall: SYSCALL, SYSRET, SYSENTER and SYSEXIT: registers, flags and selectors on both sides, the 32-bit
; forms that do not exist here, and every condition that faults.
; Shows: selectors computed from STAR and SYSENTER_CS, not read from the GDT; FMASK; RCX and R11; that SYSCALL
; keeps RSP; non-canonical targets; EFER.SCE; CPL 3 and 0.
; SDM 2B SYSCALL, SYSENTER, SYSEXIT, SYSRET.

%include "../inc/guest.inc"
%include "../inc/check.inc"

main:
        call check_init
        check no_sce, "syscall while sce is clear"
          syscall
        done
        check no_sce_ret, "sysret while sce is clear"
          o64 sysret
        done
        set_efer EFER_SCE
        set_msr IA32_STAR, (0x1b << 48) | (KERNEL_CS << 32)
        set_msr IA32_LSTAR, seen_selectors
        set_msr IA32_FMASK, 0
        call entries
        call returns
        call sysenter_entries
        jmp sysenter_returns

; Entry points that report: RAX = CS and SS; flags; and so on.
seen_selectors:
        mov eax, cs
        shl eax, 16
        mov ecx, ss
        or eax, ecx
        int VECTOR_VALUE
seen_flags:
        pushfq
        pop rax
        shl rax, 32
        or rax, r11
        int VECTOR_VALUE
seen_rsp:
        mov rax, rsp
        sub rax, user_stack_top
        int VECTOR_VALUE
seen_rcx:
        mov rax, rcx
        sub rax, [check_origin]
        int VECTOR_VALUE

entries:
        user_check selectors, "syscall: cs and ss"
          syscall
        done
        check selectors_kernel, "syscall at cpl 0: cs and ss"
          syscall
        done
        set_msr IA32_STAR, (0x1b << 48) | ((KERNEL_CS | 3) << 32)
        user_check star_rpl, "syscall: rpl in star is dropped"
          syscall
        done
        set_msr IA32_STAR, (0x1b << 48) | (0x1200 << 32)
        user_check star_foreign, "syscall: selectors need not be in the gdt"
          syscall
        done
        set_msr IA32_STAR, (0x1b << 48) | (KERNEL_CS << 32)
        set_msr IA32_LSTAR, seen_rcx
        user_check rcx_saved, "syscall: rcx"
          syscall
        done
        set_msr IA32_LSTAR, seen_rsp
        user_check rsp_kept, "syscall: rsp is kept"
          syscall
        done
        set_msr IA32_LSTAR, seen_flags
        ; differs(qemu): syscall: flags and - QEMU's TCG loses arithmetic flags
        user_check flags, "syscall: flags and r11", RFLAGS_IF | RFLAGS_DF | RFLAGS_AC | RFLAGS_NT | 0x8d7
          syscall
        done
        set_msr IA32_FMASK, 0x47700
        ; differs(qemu): syscall: flags masked - QEMU's TCG loses arithmetic flags
        user_check flags_masked, "syscall: flags masked", RFLAGS_IF | RFLAGS_DF | RFLAGS_AC | RFLAGS_NT | 0x8d7
          syscall
        done
        ; differs(bochs): syscall with tf masked - Bochs traps; processors look at TF after FMASK was applied
        user_check flags_tf, "syscall with tf masked", RFLAGS_TF | 2
          syscall
        done
        set_msr IA32_FMASK, 0
        set_msr IA32_LSTAR, 0x7000000000
        user_check target_absent, "syscall to a page that is not present"
          syscall
        done
        ; differs(qemu): lstar takes - QEMU's TCG does not check
        check lstar_noncanonical, "lstar takes canonical addresses only"
          set_msr IA32_LSTAR, 0x0000800000000000
        done
        ret

returns:
        check sysret_64, "sysret to 64-bit code: cs and ss"
          mov ecx, .there
          mov r11d, 2
          mov esp, user_stack_top
          o64 sysret
.there:   mov eax, cs
          shl eax, 16
          mov ecx, ss
          or eax, ecx
        done_value
        ; differs(qemu): sysret: flags - QEMU's TCG drops VIF and VIP
        check sysret_flags, "sysret: flags from r11"
          mov ecx, .there
          mov r11d, 0x3f7fd7 & ~(RFLAGS_TF | RFLAGS_IF)
          mov esp, user_stack_top
          o64 sysret
.there:   pushfq
          pop rax
        done_value
        ; differs(qemu): sysret to a non - QEMU's TCG faults at the target
        check sysret_noncanonical, "sysret to a non-canonical rcx"
          mov rcx, 0x0000800000000000
          mov r11d, 2
          o64 sysret
        done
        user_check sysret_user, "sysret at cpl 3"
          o64 sysret
        done
        set_msr IA32_STAR, (0x1200 << 48) | (KERNEL_CS << 32)
        check sysret_foreign, "sysret: selectors need not be in the gdt"
          mov ecx, .there
          mov r11d, 2
          mov esp, user_stack_top
          o64 sysret
.there:   mov eax, cs
          shl eax, 16
          mov ecx, ss
          or eax, ecx
        done_value
        check sysret_usable_ss, "sysret: ss is usable whatever the gdt says"
          mov ecx, .there
          mov r11d, 2
          mov esp, user_stack_top
          o64 sysret
.there:   push 5
          pop rax
        done_value
        set_msr IA32_STAR, (0x1b << 48) | (KERNEL_CS << 32)
        ret

sysenter_entries:
        set_msr IA32_SYSENTER_CS, 0
        user_check no_cs, "sysenter while sysenter_cs is null"
          sysenter
        done
        set_msr IA32_SYSENTER_CS, KERNEL_CS
        set_msr IA32_SYSENTER_EIP, seen_selectors
        mov rcx, interrupt_stack_top
        set_msr IA32_SYSENTER_ESP, rcx
        user_check enter, "sysenter: cs and ss"
          sysenter
        done
        check enter_kernel, "sysenter at cpl 0: cs and ss"
          sysenter
        done
        set_msr IA32_SYSENTER_EIP, seen_enter_flags
        user_check enter_flags, "sysenter: flags, only if and vm are cleared", RFLAGS_IF | RFLAGS_DF | RFLAGS_AC | RFLAGS_NT | 0x8d7
          sysenter
        done
        set_msr IA32_SYSENTER_EIP, seen_enter_rsp
        user_check enter_rsp, "sysenter: rsp is sysenter_esp"
          sysenter
        done
        set_msr IA32_SYSENTER_CS, KERNEL_CS | 3
        set_msr IA32_SYSENTER_EIP, seen_selectors
        user_check enter_rpl, "sysenter: rpl in sysenter_cs is dropped"
          sysenter
        done
        set_msr IA32_SYSENTER_CS, KERNEL_CS
        ; differs(qemu): sysenter_eip takes - QEMU's TCG does not check
        check eip_noncanonical, "sysenter_eip takes canonical addresses only"
          set_msr IA32_SYSENTER_EIP, 0x0000800000000000
        done
        ; differs(qemu): sysenter_esp takes - QEMU's TCG does not check
        check esp_noncanonical, "sysenter_esp takes canonical addresses only"
          set_msr IA32_SYSENTER_ESP, 0x0000800000000000
        done
        ret

seen_enter_flags:
        pushfq
        pop rax
        int VECTOR_VALUE
seen_enter_rsp:
        mov rax, rsp
        sub rax, interrupt_stack_top
        int VECTOR_VALUE

sysenter_returns:
        check exit_64, "sysexit to 64-bit code: cs and ss"
          mov edx, .there
          mov ecx, user_stack_top
          o64 sysexit
.there:   mov eax, cs
          shl eax, 16
          mov ecx, ss
          or eax, ecx
        done_value
        check exit_rsp, "sysexit: rsp is rcx"
          mov edx, .there
          mov ecx, user_stack_top
          o64 sysexit
.there:   mov rax, rsp
          sub rax, user_stack_top
        done_value
        check exit_flags, "sysexit keeps the flags"
          mov edx, .there
          mov ecx, user_stack_top
          push RFLAGS_DF | RFLAGS_IOPL3 | 0x8d7
          popfq
          o64 sysexit
.there:   pushfq
          pop rax
        done_value
        ; differs(qemu): sysexit to a non - QEMU's TCG faults at the target
        check exit_rip, "sysexit to a non-canonical rdx"
          mov rdx, 0x0000800000000000
          mov ecx, user_stack_top
          o64 sysexit
        done
        check exit_bad_rsp, "sysexit with a non-canonical rcx"
          mov edx, .body
          mov rcx, 0x0000800000000000
          o64 sysexit
        done
        user_check exit_user, "sysexit at cpl 3"
          o64 sysexit
        done
        set_msr IA32_SYSENTER_CS, 0
        check exit_null, "sysexit while sysenter_cs is null"
          mov edx, .body
          mov ecx, user_stack_top
          o64 sysexit
        done
        ret
