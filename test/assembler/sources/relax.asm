bits 64
; chains of jumps that grow and shrink
start:
 jmp end
 jz end
a: jmp b
 times 120 nop
b: jmp a
 jnz c
 times 125 db 0
c: jz c2
 times 127 nop
c2: jz c3
 times 128 nop
c3: jmp a
 jmp b
 call d
d: loop d
 jrcxz d
 jmp short e
e: jmp near e
 jmp strict near e
 jmp strict e
 jc f
 jmp g
f: times 122 nop
g: jmp f
%assign i 0
%rep 40
l %+ i: jmp m %+ i
 jc n
 %assign i i+1
%endrep
%assign i 0
%rep 40
m %+ i: jnc l %+ i
 %assign i i+1
%endrep
n: mov eax, later
 mov rax, later
 add ecx, later
 push later
 imul eax, later
 shl eax, shift
 mov al, [rbx+later]
 mov [rbx+end-start], eax
 mov ecx, end - start
 add rcx, tail - end
 times tail - end nop
 resb later
later equ 5
shift equ 1
distance equ tail - start
 mov eax, distance
end: nop
 nop
tail:
 align 32
 jmp start
 align 8, db 0xcc
 db end - start > 500
 dw tail - start
