; bench-quicksort: sorts a million pseudo-random integers, as wide as a register, with Hoare's quicksort, recursing into
; the smaller part. Then checks the order; the result is the sum of each element times its place, or 0 if two
; neighbours are out of order.
; Shows: unpredictable branches, calls, 8 MB of data (4 MB in 32-bit mode); about 150 million instructions, no exits.
; bench: ops=1000000 unit=element

%include "../inc/bench.inc"

%ifndef N
%define N 1000000                               ; elements
%endif
ARRAY           equ 0x400000

main:
        call fill
        bench_begin "quicksort of integers"
        mov edi, ARRAY
        mov esi, ARRAY + XSIZE * (N - 1)
        call quicksort
        call checksum
        bench_end
        ret

; Sorts the unsigned integers from XDI to XSI, both inclusive.
quicksort:
        cmp xdi, xsi
        jae .done
        lea xax, [xdi + xsi]                    ; the pivot is the middle element
        shr xax, 1
        and xax, -XSIZE
        mov xdx, [xax]
        mov xbx, xdi
        mov xcx, xsi
.left:  cmp [xbx], xdx
        jae .right
        add xbx, XSIZE
        jmp .left
.right: cmp [xcx], xdx
        jbe .cross
        sub xcx, XSIZE
        jmp .right
.cross: cmp xbx, xcx
        ja .split
        mov xax, [xbx]
        mov xbp, [xcx]
        mov [xcx], xax
        mov [xbx], xbp
        add xbx, XSIZE
        sub xcx, XSIZE
        cmp xbx, xcx
        jbe .left
.split: mov xax, xcx                            ; the parts are XDI to XCX and XBX to XSI
        sub xax, xdi
        mov xbp, xsi
        sub xbp, xbx
        cmp xax, xbp
        jg .right_first
        push xbx
        push xsi
        mov xsi, xcx
        call quicksort
        pop xsi
        pop xdi
        jmp quicksort
.right_first:
        push xdi
        push xcx
        mov xdi, xbx
        call quicksort
        pop xsi
        pop xdi
        jmp quicksort
.done:  ret

; Returns XAX = the sum of element[i] * (i + 1), or 0 if the array is not sorted.
checksum:
        xor eax, eax
        xor edx, edx                            ; the element before
        xor ecx, ecx
.next:  mov xbx, [xcx * XSIZE + ARRAY]
        cmp xbx, xdx
        jb .wrong
        mov xdx, xbx
        inc ecx
        imul xbx, xcx
        add xax, xbx
        cmp ecx, N
        jb .next
        ret
.wrong: xor eax, eax
        ret

fill:
        lcg_init
        mov eax, 1
        xor ecx, ecx
.next:  lcg_next xax
        mov [xcx * XSIZE + ARRAY], xax
        inc ecx
        cmp ecx, N
        jb .next
        ret
