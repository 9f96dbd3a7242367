; bench-mixed-jumps: an interpreter of a small bytecode, which finds its routines by a jump table that lies between
; them, as compilers put it.
; Shows: constants on a code page that are read every 5 instructions; about 8 million instructions.
; bench: ops=1000000 unit=bytecode

%include "../inc/mixed.inc"

%ifndef N
%define N 1000000                               ; bytecodes
%endif
PROGRAM         equ 0x500000
PROGRAM_SIZE    equ 0x10000

        code_page
main:
        call make_program
        call make_jumps
        bench_begin "a jump table on the page of its code"
        xor eax, eax
        xor ecx, ecx
        mov edx, N
        call interpret
        bench_end
        ret

; Interprets EDX bytecodes: XAX = the accumulator, ECX = where the next one is.
interpret:
.next:  dec edx
        js .done
        movzx ebx, byte [xcx + PROGRAM]
        inc ecx
        and ecx, PROGRAM_SIZE - 1
        jmp [jumps + xbx * XSIZE]
.add:   add eax, edx
        jmp .next
.xor:   xor eax, ecx
        jmp .next
.rotate:
        rol eax, 7
        jmp .next
.skip:  inc ecx
        and ecx, PROGRAM_SIZE - 1
        jmp .next
.done:  ret

        on_page jumps, 4 * XSIZE

make_jumps:
%assign entry 0
%macro jump_to 1
        lea xax, [%1]
        mov [jumps + entry * XSIZE], xax
%assign entry entry + 1
%endmacro
        jump_to interpret.add
        jump_to interpret.xor
        jump_to interpret.rotate
        jump_to interpret.skip
        ret

make_program:
        lcg_init
        mov eax, 1
        xor ecx, ecx
.next:  lcg_next xax
        mov edx, eax
        shr edx, 27
        and edx, 3
        mov [xcx + PROGRAM], dl
        inc ecx
        cmp ecx, PROGRAM_SIZE
        jb .next
        ret
