; bench-sieve: the sieve of Eratosthenes over four million bytes, six times; the result is the number of primes
; below four million, 283146 = 0x4520a.
; Shows: byte stores with a stride, short loops; about 330 million instructions, no exits while it works.
; bench: ops=6 unit=pass

%include "../inc/bench.inc"

%ifndef N
%define N 6                                     ; passes
%endif
LIMIT           equ 4000000
COMPOSITE       equ 0x400000                    ; byte n is 1 when n is composite

main:
        bench_begin "sieve of 4000000"
        mov ebp, N
.pass:  call sieve
        dec ebp
        jnz .pass
        call count_primes
        bench_end
        ret

sieve:
        mov edi, COMPOSITE
        xor eax, eax
        mov ecx, LIMIT / XSIZE
        rep stosx
        mov ecx, 2                              ; the candidate
.next:  cmp byte [xcx + COMPOSITE], 0
        jne .composite
        mov eax, ecx
        imul eax, ecx                           ; smaller multiples are crossed out already
.cross: mov byte [xax + COMPOSITE], 1
        add eax, ecx
        cmp eax, LIMIT
        jb .cross
.composite:
        inc ecx
        cmp ecx, 2000                           ; the root of LIMIT
        jb .next
        ret

; Returns EAX = how many numbers from 2 to LIMIT - 1 are not crossed out.
count_primes:
        xor eax, eax
        mov ecx, 2
.next:  cmp byte [xcx + COMPOSITE], 1
        adc eax, 0                              ; CF is set where the byte is 0
        inc ecx
        cmp ecx, LIMIT
        jb .next
        ret
