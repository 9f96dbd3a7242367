; check-pcid: process-context identifiers. Two contexts map one address to different frames; loads of CR3 with
; and without bit 63, INVPCID of all four types, global pages and INVLPG decide which translations may remain.
; Printed is only what is architecturally certain: after an invalidation the new mapping is seen.
; Shows: the conditions on CR4.PCIDE and CR3, INVPCID's operands and faults.
; SDM 3A 4.10.1 Process-Context Identifiers; 2A INVPCID.
; differs(qemu): * - QEMU 7.2's TCG has no PCID

%include "../inc/guest.inc"
%include "../inc/check.inc"

WINDOW          equ 0x40000000
FRAME           equ 0x2000000
FRAME_2         equ 0x2200000
NO_FLUSH        equ 1 << 63

main:
        call check_init
        require "PCID", 1, ecx, 17
        mov dword [abs FRAME], 1
        mov dword [abs FRAME_2], 2
        call enabling
        call contexts
        require "INVPCID", 7, ebx, 10
        call invalidations
        jmp faults

enabling:
        check pcide_low, "pcide while cr3 11:0 is not 0"
          mov rax, cr3
          or eax, 0x18
          mov cr3, rax
          mov rax, cr4
          or eax, CR4_PCIDE
          mov cr4, rax
        done
        mov rax, page_root
        mov cr3, rax
        check pcide, "pcide"
          set_cr4 CR4_PCIDE
        done
        check cr3_pcid, "cr3 reads back with its pcid"
          mov rax, page_root + 5
          mov cr3, rax
          mov rax, cr3
          sub rax, page_root
        done_value
        check cr3_63, "bit 63 of cr3 reads as 0"
          mov rax, NO_FLUSH + page_root + 5
          mov cr3, rax
          mov rax, cr3
          sub rax, page_root
        done_value
        check cr3_62, "bit 62 of cr3 is reserved"
          mov rax, (1 << 62) + page_root
          mov cr3, rax
        done
        check pcide_off_paging, "clearing pg while pcide is set"
          mov rax, cr0
          btr rax, 31
          mov cr0, rax
        done
        ret

; use pcid [, bit 63]: loads CR3.
%macro use 1-2 0
        mov rax, (%2) + page_root + (%1)
        mov cr3, rax
%endmacro

contexts:
        check flush, "cr3 without bit 63 drops the pcid's translations"
          use 1
          map WINDOW, FRAME + PTE_P
          mov eax, [abs WINDOW]
          use 2
          map WINDOW, FRAME_2 + PTE_P
          use 1
          mov eax, [abs WINDOW]
        done_value
        check other_survives, "a new translation in a pcid never used"
          use 3
          map WINDOW, FRAME + PTE_P
          mov eax, [abs WINDOW]
          map WINDOW, FRAME_2 + PTE_P
          use 4, NO_FLUSH
          mov eax, [abs WINDOW]
        done_value
        check invlpg_own, "invlpg in the current pcid"
          use 1
          map WINDOW, FRAME + PTE_P
          mov eax, [abs WINDOW]
          map WINDOW, FRAME_2 + PTE_P
          invlpg [abs WINDOW]
          mov eax, [abs WINDOW]
        done_value
        check pcide_clear, "clearing pcide drops everything"
          use 0
          map WINDOW, FRAME + PTE_P
          mov eax, [abs WINDOW]
          map WINDOW, FRAME_2 + PTE_P
          clear_cr4 CR4_PCIDE
          mov eax, [abs WINDOW]
        done_value
        set_cr4 CR4_PCIDE
        ret

; invpcid_of type, pcid, address
%macro invpcid_of 3
        mov qword [descriptor_pcid], %2
        mov rcx, %3
        mov [descriptor_pcid + 8], rcx
        mov ecx, %1
        invpcid rcx, [descriptor_pcid]
%endmacro

; stale pcid, flags: leaves FRAME perhaps cached in the pcid's context and FRAME_2 in the table.
%macro stale 2
        use %1
        map WINDOW, FRAME + PTE_P + (%2)
        mov eax, [abs WINDOW]
        map WINDOW, FRAME_2 + PTE_P + (%2)
%endmacro

invalidations:
        check type_0, "type 0: one address"
          stale 1, 0
          invpcid_of 0, 1, WINDOW
          mov eax, [abs WINDOW]
        done_value
        check type_0_other, "type 0: one address of another pcid"
          stale 2, 0
          use 1, NO_FLUSH
          invpcid_of 0, 2, WINDOW
          use 2, NO_FLUSH
          mov eax, [abs WINDOW]
        done_value
        check type_1, "type 1: one pcid"
          stale 1, 0
          invpcid_of 1, 1, 0
          mov eax, [abs WINDOW]
        done_value
        set_cr4 CR4_PGE
        check type_2, "type 2: all, with global pages"
          stale 1, PTE_G
          invpcid_of 2, 0, 0
          mov eax, [abs WINDOW]
        done_value
        check type_3, "type 3: all without global pages"
          stale 1, 0
          invpcid_of 3, 0, 0
          mov eax, [abs WINDOW]
        done_value
        check invlpg_global, "invlpg of a global page, seen in another pcid"
          stale 1, PTE_G
          invlpg [abs WINDOW]
          use 2, NO_FLUSH
          mov eax, [abs WINDOW]
        done_value
        clear_cr4 CR4_PGE
        ret

faults:
        check type_4, "type 4"
          invpcid_of 4, 0, 0
        done
        check pcid_high, "reserved descriptor bits"
          invpcid_of 1, 0x1000, 0
        done
        check noncanonical, "type 0 of a non-canonical address"
          invpcid_of 0, 1, 0x0000800000000000
        done
        check noncanonical_1, "type 1 does not look at the address"
          invpcid_of 1, 1, 0x0000800000000000
        done
        check unmapped, "a descriptor in a page that is not present"
          mov rbx, 0x7000000000
          mov ecx, 2
          invpcid rcx, [rbx]
        done
        use 0
        clear_cr4 CR4_PCIDE
        check pcid_off, "a pcid while pcide is clear"
          invpcid_of 1, 1, 0
        done
        check pcid_off_zero, "pcid 0 while pcide is clear"
          invpcid_of 1, 0, 0
        done
        user_check user, "at cpl 3"
          invpcid rcx, [descriptor_pcid]
        done
        check register, "with a register operand"
          db 0x66, 0x0f, 0x38, 0x82, 0xc0
        done
        ret

        section .data
        align 16, db 0
descriptor_pcid: dq 0, 0
