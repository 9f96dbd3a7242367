bits 64
org 0x100000
default rel
section .data align=16
d1: dq t1, d1, b1, r1
section .text
t1: mov rax, [d1]
 lea rbx, [b1]
 call far_away
 jmp r1
 mov qword [b1], t1
 mov rax, section.boot.start
 mov rax, section.boot.vstart
 dq section..text.start
section .bss align=4096
b1: resq 4
 resb 5
b2: alignb 8
 resd 1
section .rodata align=8 progbits
r1: db "read only", 0
 dd b2 - b1, $ - r1
 dw $$ - $
section boot vstart=0x7000 align=512
boot_start: jmp boot_start
 call t1
 dd boot_start
 times 64-($-$$) db 0
section tail follows=.text
tail1: dq tail1, far_away
section .text
far_away: ret
 dd r1 - $
section other nobits vstart=0x900000
o1: resb 100
o2:
section .text
 dq o1, o2
 align 64
section late start=0x101000
 db 'late'
 dq $
