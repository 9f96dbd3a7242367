; check-io: port instructions at CPL 0 and 3 with every IOPL, the I/O permission bitmap at its edges, and string
; I/O. Port 80h, which any PC lets be written, is open in the bitmap; 81h is open, 82h is not.
; Shows: IOPL against CPL, one bit per byte of the operand, a bitmap cut by the TSS limit, an access that needs
; the second byte of the bitmap, which faults INS raises and which OUTS.
; SDM 1 18.5.2 I/O Permission Bit Map; 2A IN, INS; 2B OUT, OUTS.

%include "../inc/guest.inc"
%include "../inc/check.inc"

main:
        call check_init
        and byte [io_bitmap + 0x80 / 8], ~3
        call levels
        call bitmap
        call limits
        jmp strings

levels:
        check kernel_out, "out at cpl 0"
          out 0x80, al
        done
        mov r13d, 2
next_iopl:
        print `iopl `
        mov eax, r13d
        shr eax, 12
        print_dec rax
        user_check closed, ": out to a closed port at cpl 3", r13
          out 0x82, al
        done
        print `iopl `
        mov eax, r13d
        shr eax, 12
        print_dec rax
        user_check open, ": out to an open port at cpl 3", r13
          out 0x80, al
        done
        add r13d, 1 << 12
        cmp r13d, 4 << 12
        jb next_iopl
        user_check outsb_iopl3, "outsb with iopl 3", RFLAGS_IOPL3 | 2
          mov edx, 0x82
          mov esi, bytes
          outsb
        done
        ret

bitmap:
        user_check word_open, "out 16 bits, both open"
          out 0x80, ax
        done
        user_check word_half, "out 16 bits, the second closed"
          mov edx, 0x81
          out dx, ax
        done
        user_check dword_half, "out 32 bits, half of it closed"
          out 0x80, eax
        done
        user_check in_open, "in from an open port"
          in al, 0x81
        done
        user_check in_closed, "in from a closed port"
          in al, 0x82
        done
        user_check dx_open, "out dx"
          mov edx, 0x80
          out dx, al
        done
        user_check dx_high, "out dx, a port beyond the bitmap"
          mov edx, 0x1000
          out dx, al
        done
        and byte [io_bitmap + 0x3ff / 8], 0x7f
        user_check last_port, "the last port of the bitmap"
          mov edx, 0x3ff
          in al, dx
        done
        user_check last_port_word, "the last port with 16 bits, into the byte of ones"
          mov edx, 0x3ff
          in ax, dx
        done
        ret

; The limit decides how much of the bitmap there is; two bytes are always read.
limits:
        mov r12d, io_bitmap - tss + 0x80 / 8    ; the byte for ports 80h to 87h
        call set_limit
        user_check limit_first, "tss limit at the byte of port 80h"
          out 0x80, al
        done
        inc r12d
        call set_limit
        user_check limit_second, "tss limit one byte further"
          out 0x80, al
        done
        mov r12d, tss_end - tss - 1
        call set_limit
        mov word [tss + TSS_IO_BASE], 0xffff
        user_check no_bitmap, "a bitmap beyond the limit"
          out 0x80, al
        done
        mov word [tss + TSS_IO_BASE], io_bitmap - tss - 1
        user_check shifted, "the bitmap one byte earlier"
          mov edx, 0x88
          out dx, al
        done
        mov word [tss + TSS_IO_BASE], io_bitmap - tss
        ret

; Loads TR anew with the limit R12.
set_limit:
        mov edi, gdt + TSS_SELECTOR
        mov esi, tss
        mov edx, DESC_P | DESC_TSS
        mov ecx, r12d
        call write_system_descriptor
        mov eax, TSS_SELECTOR
        ltr ax
        ret

strings:
        check rep_outsb, "rep outsb: rsi, rcx"
          mov edx, 0x80
          mov esi, bytes
          mov ecx, 4
          rep outsb
          mov rax, rsi
          sub rax, bytes
          shl rax, 32
          or rax, rcx
        done_value
        check outsd, "outsd with df"
          mov edx, 0x80
          mov esi, bytes
          std
          outsd
          cld
          mov rax, bytes
          sub rax, rsi
        done_value
        check insb_counts, "rep insb of zero iterations"
          mov edx, 0x80
          xor ecx, ecx
          mov rdi, 0x7000000000
          rep insb
        done
        check outs_fault, "outsb from a page that is not present"
          mov edx, 0x80
          mov rsi, 0x7000000000
          outsb
        done
        check ins_fault, "insb to a page that is not present"
          mov edx, 0x80
          mov rdi, 0x7000000000
          insb
        done
        user_check ins_order, "insb from a closed port to a page that is not present"
          mov edx, 0x82
          mov rdi, 0x7000000000
          insb
        done
        user_check outs_order, "outsb from a page that is not present to a closed port"
          mov edx, 0x82
          mov rsi, 0x7000000000
          outsb
        done
        check outs_segment, "fs outsb"
          mov rcx, bytes
          set_msr IA32_FS_BASE, rcx
          mov edx, 0x80
          xor esi, esi
          fs outsb
          mov rax, rsi
        done_value
        ret

        section .data
bytes:          db 1, 2, 3, 4, 5, 6, 7, 8
