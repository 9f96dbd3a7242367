; bench-quicksort: sorts a million pseudo-random 64-bit integers with Hoare's quicksort, recursing into the
; smaller part. Then checks the order; the result is the sum of each element times its place, or 0 if two
; neighbours are out of order.
; Shows: unpredictable branches, calls, 8 MB of data; about 150 million instructions, no exits.
; bench: ops=1000000 unit=element

%include "../inc/guest.inc"
%include "../inc/bench.inc"

%ifndef N
%define N 1000000                               ; elements
%endif
ARRAY           equ 0x400000

main:
        call fill
        bench_begin "quicksort of 64-bit integers"
        mov edi, ARRAY
        mov esi, ARRAY + 8 * (N - 1)
        call quicksort
        call checksum
        bench_end
        ret

; Sorts the unsigned qwords from RDI to RSI, both inclusive.
quicksort:
        cmp rdi, rsi
        jae .done
        lea rax, [rdi + rsi]                    ; the pivot is the middle element
        shr rax, 1
        and rax, ~7
        mov rdx, [rax]
        mov rbx, rdi
        mov rcx, rsi
.left:  cmp [rbx], rdx
        jae .right
        add rbx, 8
        jmp .left
.right: cmp [rcx], rdx
        jbe .cross
        sub rcx, 8
        jmp .right
.cross: cmp rbx, rcx
        ja .split
        mov rax, [rbx]
        mov r8, [rcx]
        mov [rcx], rax
        mov [rbx], r8
        add rbx, 8
        sub rcx, 8
        cmp rbx, rcx
        jbe .left
.split: mov rax, rcx                            ; the parts are RDI to RCX and RBX to RSI
        sub rax, rdi
        mov r8, rsi
        sub r8, rbx
        cmp rax, r8
        jg .right_first
        push rbx
        push rsi
        mov rsi, rcx
        call quicksort
        pop rsi
        pop rdi
        jmp quicksort
.right_first:
        push rdi
        push rcx
        mov rdi, rbx
        call quicksort
        pop rsi
        pop rdi
        jmp quicksort
.done:  ret

; Returns RAX = the sum of element[i] * (i + 1), or 0 if the array is not sorted.
checksum:
        xor eax, eax
        xor edx, edx                            ; the element before
        xor ecx, ecx
.next:  mov rbx, [rcx * 8 + ARRAY]
        cmp rbx, rdx
        jb .wrong
        mov rdx, rbx
        inc ecx
        imul rbx, rcx
        add rax, rbx
        cmp ecx, N
        jb .next
        ret
.wrong: xor eax, eax
        ret

fill:
        lcg_init
        mov eax, 1
        xor ecx, ecx
.next:  lcg_next rax
        mov [rcx * 8 + ARRAY], rax
        inc ecx
        cmp ecx, N
        jb .next
        ret
