; check-segments: loads DS and SS with one descriptor of each kind, at CPL 0 and 3, with RPL 0 and 3; then the
; other ways of loading a segment register: POP FS and GS, LSS, LFS, LGS, null selectors, MOV CS, LLDT, LTR, and
; selectors in an LDT.
; Shows: #GP, #NP and #SS with the selector as error code, the accessed bit, segment bases of FS and GS.
; SDM 2B MOV, 3A 5.6 Privilege Level Checking When Accessing Data Segments, 3A 5.7 ... Loading the SS Register.

%include "../inc/guest.inc"
%include "../inc/check.inc"
%include "../inc/descriptors.inc"

LDT_SELECTOR    equ FREE_SELECTOR + 8 * 36      ; above the kinds

main:
        call check_init
        call descriptors_init
        xor r12d, r12d
next_kind:
        movzx r13d, word [kind_selectors + r12 * 2]
        call print_kind
        check kernel_ds0, "cpl 0 rpl 0 ds"
          mov ds, r13d
        done
        call print_kind
        check kernel_ss0, "cpl 0 rpl 0 ss"
          mov ss, r13d
        done
        or r13d, 3
        call print_kind
        check kernel_ds3, "cpl 0 rpl 3 ds"
          mov ds, r13d
        done
        call print_kind
        check kernel_ss3, "cpl 0 rpl 3 ss"
          mov ss, r13d
        done
        call print_kind
        user_check user_ds3, "cpl 3 rpl 3 ds"
          mov ds, r13d
        done
        call print_kind
        user_check user_ss3, "cpl 3 rpl 3 ss"
          mov ss, r13d
        done
        and r13d, ~3
        call print_kind
        user_check user_ds0, "cpl 3 rpl 0 ds"
          mov ds, r13d
        done
        call print_kind
        user_check user_ss0, "cpl 3 rpl 0 ss"
          mov ss, r13d
        done
        inc r12d
        cmp r12d, KIND_COUNT
        jb next_kind
        call null_selectors
        call other_loads
        call accessed_bit
        call bases
        call local_table
        jmp task_register

null_selectors:
        check null_ds, "null ds"
          xor eax, eax
          mov ds, eax
          mov rax, [scratch]                    ; DS is not looked at in 64-bit mode
        done_value
        check null_ds_rpl3, "null ds with rpl 3"
          mov eax, 3
          mov ds, eax
          mov eax, ds
        done_value
        check null_ss, "null ss at cpl 0"
          xor eax, eax
          mov ss, eax
          push rax
          pop rax
        done
        ; differs(qemu): null ss with rpl 3 at cpl 0 - QEMU's TCG does not compare its RPL with CPL
        check null_ss_rpl3, "null ss with rpl 3 at cpl 0"
          mov eax, 3
          mov ss, eax
        done
        user_check user_null_ss, "null ss at cpl 3"
          xor eax, eax
          mov ss, eax
        done
        user_check user_null_ss3, "null ss with rpl 3 at cpl 3"
          mov eax, 3
          mov ss, eax
        done
        check beyond_gdt, "ds beyond the gdt"
          mov eax, 0xfff8
          mov ds, eax
        done
        check beyond_gdt_ss, "ss beyond the gdt"
          mov eax, 0xfffb
          mov ss, eax
        done
        check no_ldt, "ds in the ldt, while there is none"
          mov eax, 0x0c
          mov ds, eax
        done
        ret

other_loads:
        check mov_cs, "mov cs"
          mov eax, KERNEL_CS
          db 0x8e, 0xc8
        done
        check mov_segment_6, "mov to segment register 6"
          db 0x8e, 0xf0
        done
        check pop_fs, "pop fs"
          push KERNEL_DS
          pop fs
          mov eax, fs
        done_value
        check pop_gs_bad, "pop gs of a bad selector keeps rsp"
          push 0x1238
          mov rbx, rsp
          pop gs
        done
        check push_fs, "push fs zero-extends"
          mov eax, KERNEL_DS
          mov fs, eax
          push -1
          pop rax
          push fs
          pop rax
        done_value
        check lss, "lss"
          lss esp, [far_stack]
          mov rax, rsp
        done_value
        ; differs(qemu): lfs: - QEMU's TCG ignores REX.W
        check lfs, "lfs"
          lfs rax, [far_data]
        done_value
        check lgs_bad, "lgs of a bad selector"
          lgs eax, [far_bad]
        done
        ; differs(qemu): lss of a null - as null ss above
        check lss_null, "lss of a null selector"
          lss eax, [far_null]
        done
        check lss_register, "lss with a register operand"
          db 0x0f, 0xb2, 0xc0
        done
        check lds_gone, "les is gone"
          db 0xc4, 0x00, 0, 0, 0, 0
        done
        check pop_ds_gone, "pop ds is gone"
          db 0x1f
        done
        check push_es_gone, "push es is gone"
          db 0x06
        done
        check store_memory, "mov to memory from a segment register writes 16 bits"
          mov qword [scratch], -1
          mov [scratch], ds
          mov rax, [scratch]
        done_value
        check store_register, "mov to a 64-bit register from a segment register"
          mov rax, -1
          mov rax, ds
        done_value
        check store_register_16, "mov to a 16-bit register from a segment register"
          mov rax, -1
          mov ax, ds
        done_value
        ret

accessed_bit:
        mov dword [gdt + FREE_SELECTOR + 4], FLAT | DESC_D | DESC_P | DESC_DATA
        check accessed, "a load sets the accessed bit"
          mov eax, FREE_SELECTOR
          mov ds, eax
          mov eax, [gdt + FREE_SELECTOR + 4]
          and eax, 0x100
        done_value
        mov dword [gdt + FREE_SELECTOR + 4], FLAT | DESC_D | DESC_P | DESC_DATA
        check lar_not_accessed, "lar does not"
          mov eax, FREE_SELECTOR
          lar ebx, eax
          mov eax, [gdt + FREE_SELECTOR + 4]
          and eax, 0x100
        done_value
        ret

bases:
        mov rax, scratch - 0x1000               ; a data segment with base scratch - 1000h
        mov edi, gdt + FREE_SELECTOR
        mov word [rdi + 2], ax
        shr eax, 16
        mov edx, FLAT | DESC_D | DESC_P | DESC_DATA
        mov dl, al
        mov [rdi + 4], edx
        mov rax, 0x0123456789abcdef
        mov [scratch], rax
        check fs_base, "fs: adds the base of its descriptor"
          mov eax, FREE_SELECTOR
          mov fs, eax
          mov rax, [fs:abs 0x1000]
        done_value
        ; differs(qemu): ds: has base 0 - QEMU's TCG adds the base
        check ds_base, "ds: has base 0 whatever its descriptor says"
          mov eax, FREE_SELECTOR
          mov ds, eax
          db 0x3e
          mov rax, [abs scratch]
        done_value
        check lea_base, "lea ignores the base"
          mov eax, FREE_SELECTOR
          mov fs, eax
          lea rax, [fs:abs 0x1000]
        done_value
        check null_fs, "a null selector in fs clears its base"
          mov eax, FREE_SELECTOR
          mov fs, eax
          xor eax, eax
          mov fs, eax
          mov rax, [fs:abs scratch]
        done_value
        check gs_msr, "the base of gs from its msr"
          mov rcx, scratch
          set_msr IA32_GS_BASE, rcx
          mov rax, [gs:abs 0]
        done_value
        check wrap, "base plus offset wraps at 64 bits"
          set_msr IA32_FS_BASE, -0x1000
          mov rbx, scratch + 0x1000
          mov rax, [fs:rbx]
        done_value
        check fs_noncanonical, "fs: to a non-canonical address"
          set_msr IA32_FS_BASE, 0x7ffffffff000
          mov rax, [fs:abs 0x1000]
        done
        ret

local_table:
        mov edi, gdt + LDT_SELECTOR
        mov rsi, ldt
        mov edx, DESC_P | DESC_LDT
        mov ecx, ldt_end - ldt - 1
        call write_system_descriptor
        check lldt, "lldt"
          mov eax, LDT_SELECTOR
          lldt ax
          sldt eax
        done_value
        check ldt_ds, "ds in the ldt"
          mov eax, 0x04
          mov ds, eax
          mov eax, ds
        done_value
        check ldt_code, "ss from code in the ldt"
          mov eax, 0x0c
          mov ss, eax
        done
        check ldt_beyond, "ds beyond the ldt"
          mov eax, 0x14
          mov ds, eax
        done
        check lldt_rpl, "lldt of a selector in the ldt"
          mov eax, LDT_SELECTOR | 4
          lldt ax
        done
        check lldt_data, "lldt of a data segment"
          mov eax, KERNEL_DS
          lldt ax
        done
        check lldt_null, "lldt of a null selector, then ds in the ldt"
          xor eax, eax
          lldt ax
          mov eax, 0x04
          mov ds, eax
        done
        and byte [gdt + LDT_SELECTOR + 5], 0x7f
        check lldt_absent, "lldt of an absent ldt"
          mov eax, LDT_SELECTOR
          lldt ax
        done
        user_check lldt_user, "lldt at cpl 3"
          mov eax, LDT_SELECTOR
          lldt ax
        done
        ret

task_register:
        check str, "str"
          str eax
        done_value
        check ltr_busy, "ltr of a busy tss"
          mov eax, TSS_SELECTOR
          ltr ax
        done
        ; differs(qemu): ltr of a null - QEMU's TCG accepts it
        check ltr_null, "ltr of a null selector"
          xor eax, eax
          ltr ax
        done
        check ltr_data, "ltr of a data segment"
          mov eax, KERNEL_DS
          ltr ax
        done
        check ltr_ldt, "ltr of a selector in the ldt"
          mov eax, TSS_SELECTOR | 4
          ltr ax
        done
        check ltr_beyond, "ltr beyond the gdt"
          mov eax, 0x2000
          ltr ax
        done
        movzx r13d, word [kind_selectors + 23 * 2]
        check ltr_absent, "ltr of an absent tss"
          ltr r13w
        done
        check ltr_sets_busy, "ltr sets the busy bit"
          and byte [gdt + TSS_SELECTOR + 5], ~2
          mov eax, TSS_SELECTOR
          ltr ax
          movzx eax, byte [gdt + TSS_SELECTOR + 5]
        done_value
        user_check ltr_user, "ltr at cpl 3"
          ltr ax
        done
landing:
        ret

        section .data
        align 8
scratch:        dq 0
far_stack:      dd stack_top - 64
                dw KERNEL_DS
far_data:       dq 0x1122334455667788
                dw KERNEL_DS
far_bad:        dd 1
                dw 0x1238
far_null:       dd 1
                dw 3
        align 8, db 0
ldt:            descriptor FLAT | DESC_D | DESC_P | DESC_DATA
                descriptor FLAT | DESC_L | DESC_P | DESC_CODE
ldt_end:
