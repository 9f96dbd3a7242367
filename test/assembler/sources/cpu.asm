; Instructions by processor generation; conditional jumps that are too far for an 8086.
bits 16
cpu 8086
 mov ax, 1
 jz foo
 times 200 nop
foo: jc near2
near2: jmp foo
 jnz $+140
 ds jz $+200
 jz strict $+5
 rol ax,1
 jz foo2
 call foo
 ret
 les bx,[bx]
 times 127 nop
foo2:
cpu 186
 push 5
 rol ax,5
 jc $+200
cpu 286
 lgdt [bx]
cpu 386
 jc $+200
 mov eax,5
 bits 32
 jc $+200
cpu x64
 bits 64
 mov rax,rbx
cpu any
 rdrand eax
