; check-pku: protection keys. A user page and a supervisor page with key 5, every value of the key's two bits in
; PKRU, accessed from CPL 0 and 3, with and without CR0.WP; then RDPKRU and WRPKRU themselves.
; Shows: AD and WD, the PK bit of the error code, that keys do not bind fetches or supervisor pages.
; SDM 3A 4.6.2 Protection Keys; 2B RDPKRU, WRPKRU.

%include "../inc/guest.inc"
%include "../inc/check.inc"

USER_PAGE       equ 0x40000000
KERNEL_PAGE     equ 0x40001000
READ_ONLY       equ 0x40002000
FRAME           equ 0x2000000
KEY             equ 5
KEYED           equ KEY << 59

main:
        call check_init
        require "PKU", 7, ecx, 3
        check rdpkru_off, "rdpkru while pke is clear"
          xor ecx, ecx
          rdpkru
        done
        mov byte [abs FRAME], 0xc3
        mov rbx, KEYED + FRAME + PTE_P + PTE_RW + PTE_US
        map USER_PAGE, rbx
        mov rbx, KEYED + FRAME + PTE_P + PTE_RW
        map KERNEL_PAGE, rbx
        mov rbx, KEYED + FRAME + PTE_P + PTE_US
        map READ_ONLY, rbx
        set_cr4 CR4_PKE
        set_cr0 CR0_WP
        ; differs(bochs): ad 1 wd 0: read at cpl 0 - as the last of these
        ; differs(bochs): ad 1 wd 0: write at cpl 0 with wp - as the last of these
        ; differs(bochs): ad 1 wd 0: write at cpl 0 without wp - as the last of these
        ; differs(bochs): ad 1 wd 0: write to it - as the last of these
        ; differs(bochs): ad 0 wd 1: write to a supervisor - as the last of these
        ; differs(bochs): ad 0 wd 1: write to it - as the last of these
        ; differs(bochs): ad 1 wd 1: read at cpl 0 - as the last of these
        ; differs(bochs): ad 1 wd 1: write at cpl 0 without wp - as the last of these
        ; differs(bochs): ad 1 wd 1: write to a supervisor - as the last of these
        ; differs(bochs): ad 1 wd 1: write to it - Bochs 2.7 applies keys by CPL, not by the page's U/S
        xor r12d, r12d                          ; bit 0 = AD, bit 1 = WD
next_rights:
        call rights
        inc r12d
        cmp r12d, 4
        jb next_rights
        call instructions
        ret

; say: "ad 0 wd 0" for R12.
say:
        print `ad `
        mov eax, r12d
        and eax, 1
        print_dec rax
        print ` wd `
        mov eax, r12d
        shr eax, 1
        print_dec rax
        ret

; set_rights: PKRU = R12 for the key, all open for the others.
set_rights:
        mov eax, r12d
        shl eax, KEY * 2
        xor ecx, ecx
        xor edx, edx
        wrpkru
        ret

rights:
        call set_rights
        call say
        user_check user_read, ": read at cpl 3"
          mov al, [abs USER_PAGE]
        done
        call say
        user_check user_write, ": write at cpl 3"
          mov byte [abs USER_PAGE], 0xc3
        done
        call say
        user_check user_fetch, ": fetch at cpl 3"
          mov eax, USER_PAGE
          call rax
        done
        call say
        user_check user_read_only, ": write to a read-only page at cpl 3"
          mov byte [abs READ_ONLY], 0xc3
        done
        call say
        check kernel_read, ": read at cpl 0"
          mov al, [abs USER_PAGE]
        done
        call say
        check kernel_write, ": write at cpl 0 with wp"
          mov byte [abs USER_PAGE], 0xc3
        done
        clear_cr0 CR0_WP
        call say
        check kernel_write_no_wp, ": write at cpl 0 without wp"
          mov byte [abs USER_PAGE], 0xc3
        done
        call say
        user_check user_write_no_wp, ": write at cpl 3 without wp"
          mov byte [abs USER_PAGE], 0xc3
        done
        set_cr0 CR0_WP
        call say
        check kernel_page, ": write to a supervisor page with the key"
          mov byte [abs KERNEL_PAGE], 0xc3
        done
        call say
        user_check user_kernel_page, ": write to it at cpl 3"
          mov byte [abs KERNEL_PAGE], 0xc3
        done
        ret

instructions:
        check rdpkru_value, "rdpkru: value, edx is cleared"
          mov eax, 0x40
          xor ecx, ecx
          xor edx, edx
          wrpkru
          mov rdx, -1
          rdpkru
          shl rdx, 32
          or rax, rdx
        done_value
        check rdpkru_ecx, "rdpkru with ecx 1"
          mov ecx, 1
          rdpkru
        done
        check wrpkru_edx, "wrpkru with edx 1"
          xor ecx, ecx
          mov edx, 1
          wrpkru
        done
        check wrpkru_ecx, "wrpkru with ecx 1"
          mov ecx, 1
          xor edx, edx
          wrpkru
        done
        user_check wrpkru_user, "wrpkru at cpl 3"
          xor eax, eax
          xor ecx, ecx
          xor edx, edx
          wrpkru
        done
        check ospke, "cpuid shows ospke"
          mov eax, 7
          xor ecx, ecx
          cpuid
          xor eax, eax
          bt ecx, 4
          adc eax, eax
        done_value
        ret
