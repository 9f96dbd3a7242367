; Debug lines of macros, repetitions and several sections.
section .text
global _start
_start:
 mov eax, 1
%macro foo 1
 mov ebx, %1
 int 0x80
%endmacro
 foo 5
%rep 3
 nop
%endrep
section .data
x: dd 5
y: db 1
section .text2 exec
 nop
 nop
