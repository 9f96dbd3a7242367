; bench-mixed-table: the CRC-32 of 64 KiB, byte by byte with a table of 256 entries, sixteen times over. The table
; lies behind the routine.
; Shows: constants on a code page that are read every 8 instructions; about 7 million instructions.
; bench: ops=1048576 unit=byte

%include "../inc/mixed.inc"

%ifndef N
%define N 16                                    ; passes over the buffer
%endif
BUFFER          equ 0x500000
BUFFER_SIZE     equ 0x10000
POLYNOMIAL      equ 0xedb88320

        code_page
main:
        call fill_table
        bench_begin "a table on the page of its code"
        mov eax, -1
        mov ebp, N
.pass:  mov esi, BUFFER
        call crc32
        dec ebp
        jnz .pass
        not eax
        bench_end
        ret

; EAX = the CRC so far, of the buffer at XSI.
crc32:
        mov ecx, BUFFER_SIZE
.next:  movzx edx, byte [xsi]
        inc xsi
        xor dl, al
        shr eax, 8
        xor eax, [table + xdx * 4]
        dec ecx
        jnz .next
        ret

fill_table:
        xor ecx, ecx
.next:  mov eax, ecx
        mov edx, 8
.bit:   shr eax, 1
        sbb ebx, ebx
        and ebx, POLYNOMIAL
        xor eax, ebx
        dec edx
        jnz .bit
        mov [table + xcx * 4], eax
        inc ecx
        cmp ecx, 256
        jb .next
        ret

        on_page table, 1024
