; check-control: which values CR0, CR3, CR4, CR8 and EFER take and which fault; SMSW, LMSW and CLTS; registers
; that do not exist; MSRs: reserved ones, canonical bases, read-only bits.
; Shows: #GP(0) for every combination that the manual forbids, bits that are fixed, that MOV CR0 without PE or
; PG cannot leave 64-bit mode.
; differs(qemu): * - QEMU's TCG accepts most of the combinations that the manual forbids, and dies of some
; SDM 2B MOV Control Registers; 3A 2.5 Control Registers; 2A CLTS, LMSW; 2B RDMSR, SMSW, WRMSR.

%include "../inc/guest.inc"
%include "../inc/check.inc"

main:
        call check_init
        mov rax, cr0                            ; a known CR0 to begin with
        and eax, ~(CR0_CD | CR0_NW | CR0_TS | CR0_EM | CR0_MP | CR0_WP | CR0_AM)
        or eax, CR0_NE
        mov cr0, rax
        call cr0_values
        call machine_status
        call cr3_cr4_values
        call table_registers
        call others
        call efer_values
        jmp msrs

; try_cr n, value: one check body.
%macro try_cr 2
        mov rax, %2
        mov cr%1, rax
%endmacro

cr0_values:
        check cr0_pg, "cr0: pg without pe"
          try_cr 0, CR0_PG
        done
        check cr0_no_pg, "cr0: without pg in 64-bit mode"
          try_cr 0, CR0_PE
        done
        check cr0_nw, "cr0: nw without cd"
          try_cr 0, CR0_PG | CR0_PE | CR0_NW
        done
        check cr0_cd, "cr0: cd"
          mov rbx, cr0
          lea rax, [rbx + CR0_CD]
          mov cr0, rax
          mov cr0, rbx
        done
        check cr0_high, "cr0: an upper bit"
          mov rax, cr0
          bts rax, 32
          mov cr0, rax
        done
        check cr0_reserved, "cr0: reserved bits below 32 are ignored"
          mov rbx, cr0
          mov rax, rbx
          or eax, 0x1ff8ffc0
          mov cr0, rax
          mov rax, cr0
          mov cr0, rbx
        done_value
        check cr0_et, "cr0: et cannot be cleared"
          mov rax, cr0
          and eax, ~CR0_ET
          mov cr0, rax
          mov rax, cr0
        done_value
        user_check cr0_user, "cr0 at cpl 3"
          mov rax, cr0
        done
        ret

machine_status:
        check smsw32, "smsw to 32 bits"
          mov rax, -1
          smsw eax
        done_value
        check smsw16, "smsw to 16 bits"
          mov rax, -1
          smsw ax
        done_value
        check smsw64, "smsw to 64 bits"
          mov rax, -1
          smsw rax
        done_value
        check smsw_memory, "smsw to memory writes 16 bits"
          mov qword [scratch], -1
          smsw [scratch]
          mov rax, [scratch]
        done_value
        check do_lmsw, "lmsw sets mp, em, ts"
          mov eax, 0xfffe
          lmsw ax
          mov rax, cr0
        done_value
        check lmsw_clear, "lmsw clears them but not pe"
          xor eax, eax
          lmsw ax
          mov rax, cr0
        done_value
        check do_clts, "clts"
          set_cr0 CR0_TS
          clts
          mov rax, cr0
        done_value
        user_check lmsw_user, "lmsw at cpl 3"
          lmsw ax
        done
        user_check clts_user, "clts at cpl 3"
          clts
        done
        user_check smsw_user, "smsw at cpl 3"
          smsw eax
        done_value
        ret

cr3_cr4_values:
        check cr3_reserved, "cr3: an address bit beyond the physical width"
          mov rax, cr3
          bts rax, 62
          mov cr3, rax
        done
        check cr3_63, "cr3: bit 63 without pcide"
          mov rax, cr3
          bts rax, 63
          mov cr3, rax
        done
        check cr3_low, "cr3: low bits are kept as written or ignored"
          mov rbx, cr3
          lea rax, [rbx + 0x18]
          mov cr3, rax
          mov rax, cr3
          mov cr3, rbx
          sub rax, rbx
        done_value
        check cr4_reserved, "cr4: reserved bit 31"
          mov rax, cr4
          bts rax, 31
          mov cr4, rax
        done
        check cr4_high, "cr4: an upper bit"
          mov rax, cr4
          bts rax, 63
          mov cr4, rax
        done
        check cr4_15, "cr4: reserved bit 15"
          mov rax, cr4
          bts rax, 15
          mov cr4, rax
        done
        check cr4_pae, "cr4: without pae in 64-bit mode"
          mov rax, cr4
          and eax, ~CR4_PAE
          mov cr4, rax
        done
        check cr4_la57, "cr4: la57 in 64-bit mode"
          mov rax, cr4
          xor eax, CR4_LA57
          mov cr4, rax
        done
        user_check cr4_user, "cr4 at cpl 3"
          mov rax, cr4
        done
        ret

table_registers:
        check lgdt_noncanonical, "lgdt of a non-canonical base"
          mov rax, 0x0000800000000000
          mov [scratch + 2], rax
          lgdt [scratch]
        done
        check lidt_noncanonical, "lidt of a non-canonical base"
          lidt [scratch]
        done
        ret

others:
        check mov_cr1, "cr1"
          db 0x0f, 0x20, 0xc8                   ; mov rax, cr1
        done
        check mov_cr5, "cr5"
          db 0x0f, 0x22, 0xe8                   ; mov cr5, rax
        done
        check mov_cr9, "cr9"
          db 0x44, 0x0f, 0x20, 0xc8
        done
        check cr2_any, "cr2 holds any value"
          mov rax, 0x123456789abcdef0
          mov cr2, rax
          mov rax, cr2
        done_value
        check mov_cr8, "cr8"
          mov eax, 5
          mov cr8, rax
          mov rax, cr8
        done_value
        check cr8_reserved, "cr8: a reserved bit"
          mov eax, 0x10
          mov cr8, rax
        done
        mov eax, 0
        mov cr8, rax
        check lock_mov, "lock mov from cr0"
          db 0xf0, 0x0f, 0x20, 0xc0
        done
        check mod_ignored, "the mod field of mov from cr0 does not count"
          xor eax, eax
          db 0x0f, 0x20, 0x00                   ; mod 0
        done_value
        check opsize_ignored, "nor does an operand-size prefix"
          mov rax, -1
          db 0x66, 0x0f, 0x20, 0xc0
        done_value
        ret

; with_efer set, clear: one check body.
%macro with_efer 2
        mov ecx, IA32_EFER
        rdmsr
        or eax, %1
        and eax, ~(%2)
        wrmsr
%endmacro

efer_values:
        check efer_lme, "efer: clearing lme while paging"
          with_efer 0, EFER_LME
        done
        check efer_lma, "efer: writing lma changes nothing"
          with_efer 0, EFER_LMA
          rdmsr
          and eax, EFER_LMA
        done_value
        check efer_reserved, "efer: a reserved bit"
          with_efer 1 << 9, 0
        done
        check efer_high, "efer: an upper bit"
          mov ecx, IA32_EFER
          rdmsr
          mov edx, 1
          wrmsr
        done
        user_check efer_user, "rdmsr at cpl 3"
          mov ecx, IA32_EFER
          rdmsr
        done
        ret

msrs:
        check msr_unknown, "rdmsr of an unknown msr"
          mov ecx, 0x12345678
          rdmsr
        done
        check wrmsr_unknown, "wrmsr of an unknown msr"
          mov ecx, 0x12345678
          wrmsr
        done
        check fs_base, "fs base: canonical"
          set_msr IA32_FS_BASE, 0x00007fffffffffff
          mov ecx, IA32_FS_BASE
          rdmsr
          shl rdx, 32
          or rax, rdx
        done_value
        check fs_base_bad, "fs base: non-canonical"
          set_msr IA32_FS_BASE, 0x0000800000000000
        done
        check gs_base_bad, "gs base: non-canonical"
          set_msr IA32_GS_BASE, 0x0000800000000000
        done
        check kernel_gs_bad, "kernel gs base: non-canonical"
          set_msr IA32_KERNEL_GS_BASE, 0x0000800000000000
        done
        check cstar_bad, "cstar: non-canonical"
          set_msr IA32_CSTAR, 0x0000800000000000
        done
        check tsc_aux, "tsc_aux, read by rdtscp"
          set_msr IA32_TSC_AUX, 0x89abcdef
          rdtscp
          mov eax, ecx
        done_value
        check pat_bad, "pat: a reserved memory type"
          set_msr IA32_PAT, 0x0007040600070402
        done
        check pat_good, "pat: all six types"
          set_msr IA32_PAT, 0x0706050401000706
        done
        check pat_reset, "pat: its value after reset"
          set_msr IA32_PAT, 0x0007040600070406
        done
        check do_swapgs, "swapgs"
          set_msr IA32_GS_BASE, 0x1000
          set_msr IA32_KERNEL_GS_BASE, 0x2000
          swapgs
          mov ecx, IA32_GS_BASE
          rdmsr
          mov ebx, eax
          mov ecx, IA32_KERNEL_GS_BASE
          rdmsr
          shl rax, 32
          or rax, rbx
        done_value
        user_check swapgs_user, "swapgs at cpl 3"
          swapgs
        done
        require "FSGSBASE", 7, ebx, 0
        check fsgsbase_off, "rdfsbase while fsgsbase is clear"
          rdfsbase rax
        done
        set_cr4 CR4_FSGSBASE
        user_check do_wrfsbase, "wrfsbase and rdfsbase at cpl 3"
          mov rbx, 0x00007eeeddddcccc
          wrfsbase rbx
          rdfsbase rax
        done_value
        check wrgsbase_32, "wrgsbase of 32 bits clears the upper half"
          mov rbx, 0x1234567812345678
          wrgsbase ebx
          rdgsbase rax
        done_value
        check rdfsbase_32, "rdfsbase into 32 bits"
          mov rax, 0x00007eeeddddcccc
          wrfsbase rax
          rdfsbase eax
        done_value
        check wrgsbase_bad, "wrgsbase of a non-canonical address"
          mov rbx, 0x0000800000000000
          wrgsbase rbx
        done
        ret

        section .data
        align 8, db 0
scratch:        dq 0, 0
