; check-segments32: loads of segment registers with one descriptor of each kind, LAR, LSL, VERR, VERW, at CPL 0, 1
; and 3 in 32-bit protected mode, and selectors that name none.
; Shows: type and privilege checks of data and stack segments, null selectors and accesses through them, the LDT.
; SDM 3A 5.4 Type Checking to 5.7; 2A-2D MOV, LDS/LES/LFS/LGS/LSS, LAR, LSL, VERR/VERW.

%include "../inc/guest32.inc"
%include "../inc/check32.inc"
%include "../inc/descriptors32.inc"

SLOT            equ FREE_SELECTOR + 8 * KIND_COUNT      ; a free slot
BASE            equ 0x200000

main:
        call check_init
        call descriptors_init
        for_each_kind loads
        call odd_selectors
        ret

landing:
        mov eax, cs
        int VECTOR_VALUE

loads:
        mov esi, [kind_selector]
        call print_kind
        check ds0, "cpl 0 ds"
          mov ds, si
        done
        call print_kind
        check ss0, "cpl 0 ss"
          mov ss, si
          mov esi, KERNEL_DS                    ; an interrupt may not find the other stack usable
          mov ss, si
        done
        call print_kind
        mov esi, [kind_selector]
        or esi, 3
        check es0rpl3, "cpl 0 rpl 3 es"
          mov es, si
        done
        call print_kind
        ring_check fs1, "cpl 1 fs", RING1_CS, RING1_DS
          mov esi, [cs:kind_selector]
          mov fs, si
        done
        call print_kind
        ring_check ss1, "cpl 1 rpl 1 ss", RING1_CS, RING1_DS
          mov esi, [cs:kind_selector]
          or esi, 1
          mov ss, si
        done
        call print_kind
        user_check gs3, "cpl 3 gs"
          mov esi, [cs:kind_selector]
          mov gs, si
        done
        call print_kind
        user_check ss3, "cpl 3 rpl 3 ss"
          mov esi, [cs:kind_selector]
          or esi, 3
          mov ss, si
        done
        call print_kind
        check lar0, "cpl 0 lar"
          mov eax, [kind_selector]
          lar eax, eax
          jz .found0
          mov eax, -1
.found0:  and eax, ~0xf0000                    ; undefined in the manual
        done_value
        call print_kind
        user_check lar3, "cpl 3 rpl 3 lar"
          mov eax, [cs:kind_selector]
          or eax, 3
          lar eax, eax
          jz .found3
          mov eax, -1
.found3:  and eax, ~0xf0000                    ; undefined in the manual
        done_value
        call print_kind
        check lsl0, "cpl 0 lsl"
          mov eax, [kind_selector]
          lsl eax, eax
          jz .limit0
          mov eax, -2
.limit0:
        done_value
        call print_kind
        check ver0, "cpl 0 verr, verw"
          mov ecx, [kind_selector]
          xor eax, eax
          verr cx
          setz al
          verw cx
          setz ah
        done_value
        call print_kind
        user_check ver3, "cpl 3 verr, verw"
          mov ecx, [cs:kind_selector]
          xor eax, eax
          verr cx
          setz al
          verw cx
          setz ah
        done_value
        ret

odd_selectors:
        check null_ds, "ds null"
          xor eax, eax
          mov ds, ax
        done
        ; differs(qemu): and a read through it - TCG does not look
        check null_ds_use, "and a read through it"
          xor eax, eax
          mov ds, ax
          mov eax, [BASE]
        done
        ; differs(qemu): fs null with rpl 3 - as ds
        check null_fs_rpl, "fs null with rpl 3, and a write through it"
          mov eax, 3
          mov fs, ax
          mov [fs:BASE], eax
        done
        check null_ss, "ss null"
          xor eax, eax
          mov ss, ax
        done
        check mov_cs, "mov to cs"
          db 0x8e, 0xc8
        done
        check beyond, "ds beyond the gdt"
          mov eax, 0x2000
          mov ds, ax
        done
        check ldt_empty, "ds from an empty entry of the ldt"
          mov eax, 4
          mov ds, ax
        done
        check ldt_beyond, "ds beyond the ldt"
          mov eax, LDT_SLOTS * 8 | 4
          mov ds, ax
        done
        check no_ldt, "ds from the ldt without an ldt"
          xor eax, eax
          lldt ax
          mov eax, 4
          mov ds, ax
        done
        mov eax, LDT_SELECTOR
        lldt ax
        set_segment SLOT, DESC_D | DESC_P | DESC_DATA, 0xfff, BASE
        mov eax, [gdt + SLOT]
        mov [ldt + 8], eax
        mov eax, [gdt + SLOT + 4]
        mov [ldt + 12], eax
        check ldt_good, "ds from the ldt: its accessed byte"
          mov eax, 8 | 4
          mov ds, ax
          mov al, [ss:ldt + 13]
          movzx eax, al
        done_value
        check lds_load, "lds, les, lfs, lgs, lss of flat data"
          lds esi, [pointer]
          les edi, [pointer]
          lfs eax, [pointer]
          lgs ebx, [pointer]
          lss esp, [stack_pointer]
          mov eax, ds
        done_value
        check les_bad, "les of a code segment that cannot be read"
          mov dword [bad_pointer], 0x1234
          movzx eax, word [kind_selectors + 9 * 2]
          mov [bad_pointer + 4], ax
          mov edi, 0x55
          les edi, [bad_pointer]
        done
        check lss_absent, "lss of an absent segment"
          movzx eax, word [kind_selectors + 7 * 2]
          mov [bad_pointer + 4], ax
          lss esp, [bad_pointer]
        done
        ; differs(qemu): push and pop of each - pushes 32 bits, newer processors 16
        check push_pop, "push and pop of each segment register"
          push es
          push cs
          push ss
          push ds
          push fs
          push gs
          pop gs
          pop fs
          pop ds
          pop ss
          pop eax
          pop es
        done_value
        ret

        section .data
        align 8, db 0
pointer:        dd 0x11223344
                dw KERNEL_DS
        align 8, db 0
stack_pointer:  dd interrupt_stack_top
                dw KERNEL_DS
        align 8, db 0
bad_pointer:    dq 0
