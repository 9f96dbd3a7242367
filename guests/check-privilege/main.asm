; check-privilege: every privileged instruction at CPL 3, and those whose privilege depends on IOPL, CR4.TSD,
; CR4.PCE, CR4.UMIP; then the instructions that are sensitive but run at CPL 3 without a fault.
; Shows: which fault with #GP(0), which with #UD, and that the check comes before the operand is looked at.
; SDM 3A 5.9 Privileged Instructions; 2.6 ... UMIP.

%include "../inc/guest.inc"
%include "../inc/check.inc"

UNMAPPED        equ 0x7000000000

; forbidden label, "instruction", instruction [, second operand]: runs it at CPL 3.
%macro forbidden 3-4
        user_check %1, %2
  %if %0 == 3
          %3
  %else
          %3, %4
  %endif
        done
%endmacro

main:
        call check_init
        forbidden at_hlt, "hlt", hlt
        forbidden at_cli, "cli", cli
        forbidden at_sti, "sti", sti
        forbidden at_lgdt, "lgdt", lgdt [scratch]
        forbidden at_lidt, "lidt", lidt [scratch]
        forbidden at_lldt, "lldt", lldt ax
        forbidden at_ltr, "ltr", ltr ax
        forbidden at_lmsw, "lmsw", lmsw ax
        forbidden at_clts, "clts", clts
        forbidden at_mov_to_cr0, "mov cr0, rax", mov cr0, rax
        forbidden at_mov_from_cr2, "mov rax, cr2", mov rax, cr2
        forbidden at_mov_from_cr3, "mov rax, cr3", mov rax, cr3
        forbidden at_mov_to_cr8, "mov cr8, rax", mov cr8, rax
        forbidden at_mov_to_dr7, "mov dr7, rax", mov dr7, rax
        forbidden at_invd, "invd", invd
        forbidden at_wbinvd, "wbinvd", wbinvd
        forbidden at_invlpg, "invlpg", invlpg [scratch]
        forbidden at_rdmsr, "rdmsr", rdmsr
        forbidden at_wrmsr, "wrmsr", wrmsr
        forbidden at_swapgs, "swapgs", swapgs
        forbidden at_in, "in", in al, 0x60
        forbidden at_out, "out", out 0x60, al
        forbidden at_insb, "insb", insb
        forbidden at_outsb, "outsb", outsb
        mov rbx, UNMAPPED
        forbidden at_lgdt_unmapped, "lgdt from a page that is not present", lgdt [rbx]
        forbidden at_lldt_unmapped, "lldt from it", lldt [rbx]
        forbidden at_lmsw_unmapped, "lmsw from it", lmsw [rbx]
        forbidden at_invlpg_noncanonical, "invlpg of a non-canonical address", invlpg [rbx]
        ; differs(qemu): mov rax, cr1 - QEMU's TCG checks CPL first
        user_check at_mov_cr1, "mov rax, cr1"
          db 0x0f, 0x20, 0xc8
        done
        ; differs(qemu): lock hlt - QEMU's TCG checks CPL first
        user_check at_lock_hlt, "lock hlt"
          db 0xf0, 0xf4
        done
        ; differs(qemu): lock cli - QEMU's TCG checks CPL first
        user_check at_lock_cli, "lock cli"
          db 0xf0, 0xfa
        done
        forbidden at_clac, "clac", clac
        forbidden at_stac, "stac", stac
        forbidden at_monitor, "monitor", monitor
        forbidden at_mwait, "mwait", mwait
        call conditional
        call silent
        jmp kernel_only

conditional:
        user_check rdtsc_allowed, "rdtsc"
          rdtsc
        done
        set_cr4 CR4_TSD
        user_check rdtsc_tsd, "rdtsc with tsd"
          rdtsc
        done
        user_check rdtscp_tsd, "rdtscp with tsd"
          rdtscp
        done
        check rdtsc_kernel, "rdtsc with tsd at cpl 0"
          rdtsc
        done
        clear_cr4 CR4_TSD
        user_check rdpmc_user, "rdpmc without pce"
          xor ecx, ecx
          rdpmc
        done
        user_check sti_iopl3, "sti with iopl 3", RFLAGS_IOPL3 | 2
          sti
        done
        user_check cli_iopl3, "cli with iopl 3", RFLAGS_IOPL3 | 2
          cli
        done
        user_check hlt_iopl3, "hlt with iopl 3", RFLAGS_IOPL3 | 2
          hlt
        done
        user_check in_iopl3, "in with iopl 3", RFLAGS_IOPL3 | 2
          in al, 0x80
        done
        ret

; What a hypervisor without hardware support stumbles over.
silent:
        user_check sgdt_user, "sgdt: the limit"
          sgdt [scratch]
          movzx eax, word [scratch]
        done_value
        user_check sidt_user, "sidt: the limit"
          sidt [scratch]
          movzx eax, word [scratch]
        done_value
        user_check sldt_user, "sldt"
          mov rax, -1
          sldt rax
        done_value
        user_check str_user, "str"
          mov rax, -1
          str eax
        done_value
        user_check smsw_user, "smsw: pe and pg"
          smsw eax
          and eax, CR0_PE | CR0_PG
        done_value
        user_check pushf_user, "pushfq shows if and iopl", RFLAGS_IF | (1 << 12) | 2
          pushfq
          pop rax
        done_value
        user_check mov_cs_user, "mov eax, cs"
          mov eax, cs
        done_value
        user_check sldt_memory, "sldt to memory writes 16 bits"
          mov qword [scratch], -1
          sldt [scratch]
          mov rax, [scratch]
        done_value
        user_check str_16, "str to 16 bits"
          mov rax, -1
          str ax
        done_value
        user_check sgdt_register, "sgdt with a register operand"
          db 0x0f, 0x01, 0xc0 + 6
        done
        user_check prefixed_hlt, "hlt with prefixes"
          db 0x66, 0xf3, 0x48, 0xf4
        done
        cpuid_bit 7, ecx, 2
        jnc umip_end
        set_cr4 CR4_UMIP
        user_check umip_sgdt, "umip: sgdt"
          sgdt [scratch]
        done
        user_check umip_sidt, "umip: sidt to a page that is not present"
          mov rbx, UNMAPPED
          sidt [rbx]
        done
        user_check umip_sldt, "umip: sldt"
          sldt eax
        done
        user_check umip_str, "umip: str"
          str eax
        done
        user_check umip_smsw, "umip: smsw"
          smsw eax
        done
        check umip_kernel, "umip: str at cpl 0"
          str eax
        done_value
        user_check umip_lar, "umip: lar is not among them"
          mov ecx, USER_CS
          lar eax, ecx
        done
        clear_cr4 CR4_UMIP
umip_end:
        ret

kernel_only:
        check sgdt_bytes, "sgdt writes ten bytes"
          mov qword [scratch], -1
          mov qword [scratch + 8], -1
          sgdt [scratch]
          mov rax, [scratch + 8]
        done_value
        check invlpg_noncanonical, "invlpg of a non-canonical address at cpl 0"
          mov rbx, 0x0000800000000000
          invlpg [rbx]
        done
        ; differs(qemu): clflush - QEMU's TCG does not look at the address
        check clflush_unmapped, "clflush of a page that is not present"
          mov rbx, UNMAPPED
          clflush [rbx]
        done
        check prefetch_unmapped, "prefetcht0 of a page that is not present"
          mov rbx, UNMAPPED
          prefetcht0 [rbx]
        done
        check nop_unmapped, "nop with a memory operand in it"
          mov rbx, UNMAPPED
          nop dword [rbx]
        done
        check ud0, "ud0 with a memory operand in it"
          mov rbx, UNMAPPED
          db 0x0f, 0xff, 0x03
        done
        check ud1, "ud1"
          db 0x0f, 0xb9, 0xc0
        done
        ret

        section .data
        align 16, db 0
scratch:        dq 0, 0, 0
