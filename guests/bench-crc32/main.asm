; bench-crc32: the CRC-32 of 6 MiB, bit by bit: one mebibyte of pseudo-random bytes, six times over. The result
; is the CRC that zlib's crc32 gives for the same bytes.
; Shows: register arithmetic, shifts through the carry flag; about 330 million instructions, no exits.
; bench: ops=6291456 unit=byte

%include "../inc/bench.inc"

%ifndef N
%define N 6                                     ; passes over the buffer
%endif
BUFFER          equ 0x400000
BUFFER_SIZE     equ 0x100000
POLYNOMIAL      equ 0xedb88320

main:
        call fill
        bench_begin "crc-32, bit by bit"
        mov eax, -1
        mov ebp, N
.pass:  mov esi, BUFFER
        mov edi, BUFFER + BUFFER_SIZE
        call crc32_bitwise
        dec ebp
        jnz .pass
        not eax
        bench_end
        ret

; EAX = the CRC so far, of the bytes from XSI to XDI.
crc32_bitwise:
        movzx edx, byte [xsi]
        xor eax, edx
        mov ecx, 8
.bit:   shr eax, 1
        sbb edx, edx                            ; all ones if a one fell out
        and edx, POLYNOMIAL
        xor eax, edx
        dec ecx
        jnz .bit
        inc xsi
        cmp xsi, xdi
        jb crc32_bitwise
        ret

fill:
        lcg_init
        mov eax, 1
        mov edi, BUFFER
.next:  lcg_next xax
        mov [xdi], xax
        add edi, XSIZE
        cmp edi, BUFFER + BUFFER_SIZE
        jb .next
        ret
