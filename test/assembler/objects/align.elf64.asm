; Alignment raised by align, alignb and smartalign.
%use smartalign
section .text
align 4096
 nop
section .bss
alignb 4096
 resb 1
 alignb 64
section .text
 align 16
section .data
 db 1
 align 8
