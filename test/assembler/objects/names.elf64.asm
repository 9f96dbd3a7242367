; Local labels, labels of macros and contexts, equ of other symbols, prefixes of the output.
%pragma output gprefix _
%pragma elf64 gsuffix @v1
%pragma elf lprefix L.
extern foo, unused
n equ foo+4
 call n
 dq foo
global k
k equ 5
global l
l equ $
m equ l+4
 dq m, k
bar:
.a: jmp .b
.b: jmp bar.a
..@x: jmp ..@x
%push c
%$lab: jmp %$lab
%pop
%macro m 0
%%l: jmp %%l
%endmacro
 m
 m
 dq ..@x
global bar.a
absolute 0x1000
aa: resd 1
b: resd 1
section .text
 mov eax, [aa]
 mov rax, b
 call b
 jmp aa
 dd b-aa
global b
