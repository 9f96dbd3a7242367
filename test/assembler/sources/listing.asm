; the listing: macros, repetitions, data wider than a line, warnings
bits 64
org 0x1000
default rel
%define FOO 5
%macro two 2
  mov rax, %1
%%again: mov rbx, %2
  jmp %%again
%endmacro
start:
  two FOO, 6   ; comment
  mov eax, FOO
%rep 2
  nop
%endrep
  times 20 db 1
  db "hello world, this is long", 10
  resb 3
  align 16
  dq 1, 2
x equ 5
  mov rax, start
  lea rax, [start]
  call start
  jmp far_l
  times 3 nop
far_l:
lab: two FOO, 7
	db 5	; tab
 mov eax, \
   ebx
 times 0 nop
 align 4
 align 4
 times 2 db 1,2,3,4,5,6,7,8,9,10
 dw lab, lab
 dd lab
 times 3 dd lab
 times 4 dq 0, 1
 times 5 dq lab
 times 10 resb 1
 resq 1
 resb 8
 resb 9
%warning hello there
 dw 70000
 jmp 0x1234
 mov rax, [data_label]
 mov byte [data_label], 5
  section .data
data_label: dd start
 dq far_l - start, data_label - $$
 db 1,2,3,4,5,6,7,8,9
%include "inc/part.inc"
  section .bss
b: resb 16
   resq 2
   alignb 64
   resb 1
