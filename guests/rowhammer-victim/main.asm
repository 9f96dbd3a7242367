; rowhammer-victim: fills its memory, looks at it for a while, and tells what has changed although nobody can have written there.
; Shows: what a VM sees of another one that hammers on rows of DRAM beside its own (rowhammer-neighbour).
; Takes no fault and no interrupt.

%include "../inc/guest.inc"

FIRST           equ 0x400000
LAST            equ 0x1000000
%ifndef LOOKS
%define LOOKS 12                    ; how often all is looked at
%endif
PATTERN         equ 0x5555555555555555

main:
        mov rdx, PATTERN
        mov rax, rdx
        mov edi, FIRST
        mov ecx, (LAST - FIRST) / 8
        rep stosq
        xor ebp, ebp                ; bits that have changed
        mov r12d, LOOKS
.look:  mov esi, FIRST
.word:  mov rax, [rsi]
        xor rax, rdx
        jnz .bits
.next:  add esi, 8
        cmp esi, LAST
        jb .word
        dec r12d
        jnz .look
        test ebp, ebp
        jnz .told
        print `my memory is as I left it\n`
.told:  ret

.bits:  mov [rsi], rdx
.bit:   bsf rcx, rax
        jz .next
        btr rax, rcx
        inc ebp
        print `a bit of my memory has changed: `
        print_hex rsi, 8
        print ` bit `
        print_dec rcx
        print `\n`
        jmp .bit
