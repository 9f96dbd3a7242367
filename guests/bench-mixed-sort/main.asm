; bench-mixed-sort: fills an array of 64 integers and sorts it by insertion, a thousand times; the array lies behind
; the code.
; Shows: an array on a code page, read or written every 3 instructions; about 7 million instructions.
; bench: ops=1000 unit=sort

%include "../inc/mixed.inc"

%ifndef N
%define N 1000                                  ; sorts
%endif
ELEMENTS        equ 64

        code_page
main:
        lcg_init
        bench_begin "an array on the page of its code"
        mov eax, 1
        mov ebp, N
.next:  call fill
        call sort
        dec ebp
        jnz .next
        xor ecx, ecx
        xor eax, eax
.sum:   rol eax, 1
        add eax, [array + xcx * 4]
        inc ecx
        cmp ecx, ELEMENTS
        jb .sum
        bench_end
        ret

; XAX = the state of the generator.
fill:
        xor ecx, ecx
.next:  lcg_next xax
        mov edx, eax
        shr edx, 8
        mov [array + xcx * 4], edx
        inc ecx
        cmp ecx, ELEMENTS
        jb .next
        ret

sort:
        mov esi, 1
.next:  mov edx, [array + xsi * 4]
        mov ecx, esi
.shift: mov ebx, [array + xcx * 4 - 4]
        cmp ebx, edx
        jbe .insert
        mov [array + xcx * 4], ebx
        dec ecx
        jnz .shift
.insert:
        mov [array + xcx * 4], edx
        inc esi
        cmp esi, ELEMENTS
        jb .next
        ret

        on_page array, ELEMENTS * 4
