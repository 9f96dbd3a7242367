; rowhammer: activates the rows of DRAM on both sides of a row again and again, and looks for bits of it that have changed.
; Shows: CLFLUSH, after which a read gets to memory; what `--dram` does to memory that is not even written to.
; Takes no fault and no interrupt. Where it runs by itself, physical addresses are those of the machine; it takes the
; row size of `--dram rows=1024` with 64 MiB of RAM.

%include "../inc/guest.inc"

%ifndef STRIDE
%define STRIDE 0x10000              ; from a row to the next one in its bank: banks * ROW_BYTES
%endif
%ifndef ROUNDS
%define ROUNDS 60000                ; two activations each
%endif
%ifdef ONE_SIDED
%define OTHER 9 * STRIDE            ; in the same bank, so that the first row is closed; beside no victim
%else
%define OTHER STRIDE
%endif

ROW_BYTES       equ 0x2000
FIRST           equ 0x1000000
VICTIMS         equ 4
APART           equ 2 * STRIDE

main:
        mov ebx, FIRST
        xor ebp, ebp                ; bits that have changed
.victim:
        xor eax, eax
        call try
        mov rax, -1
        call try
        add ebx, APART
        cmp ebx, FIRST + VICTIMS * APART
        jb .victim
        test ebp, ebp
        jnz .done
        print `no bit has changed\n`
.done:  ret

; try: fills the row at RBX with RAX, hammers, and tells what is not RAX any more.
try:
        mov edi, ebx
        mov ecx, ROW_BYTES / 8
        rep stosq
        mov r12, rax
        clflush [rbx]               ; the row is charged when it is read from
        mov rax, [rbx]
        lea esi, [rbx - STRIDE]
        lea edi, [rbx + OTHER]
        mov ecx, ROUNDS
.round: mov rax, [rsi]
        mov rax, [rdi]
        clflush [rsi]
        clflush [rdi]
        dec ecx
        jnz .round
        xor esi, esi
.look:  clflush [rbx + rsi]
        mov rax, [rbx + rsi]
        xor rax, r12
.bit:   bsf rcx, rax
        jz .next
        btr rax, rcx
        inc ebp
        call tell
        jmp .bit
.next:  add esi, 8
        cmp esi, ROW_BYTES
        jb .look
        ret

; tell: bit RCX of the 8 bytes at RBX + RSI was that of R12, and is the other one.
tell:
        mov edx, ecx
        shr edx, 3
        add edx, ebx
        add edx, esi
        print_hex rdx, 8
        print ` bit `
        mov edx, ecx
        and edx, 7
        print_dec rdx
        print ` was `
        mov edx, r12d
        and edx, 1
        print_dec rdx
        print `\n`
        ret
