; Debug lines in 32-bit code.
 nop
 ret
section .data
x: dd 5
y: dw 1, 2
