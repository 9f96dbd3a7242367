; Data with sizes of its own, lists, dup, strings in UTF-16 and UTF-32.
 dd 3 dup (4), 2
 db 100 dup (5)
 db 3 dup (1,2), 7
 db 30 dup (1,2), 7
 db 2 dup (2 dup (3, 4))
 times 2 db 3 dup (5)
 dw 5 dup ('abc')
 dw %(1,2,3), byte 5, word (5,6), 7
 dd word 3 dup (5), dword 'ab', byte (1, word 2)
 db 2 dup word 5, word 'abc', 3 dup (word 4, 5)
 dq word 1.5, qword 1.5
 dw __?utf16?__('ab'), __utf16be__ `a\u263a`, 0
 dd __?utf32?__ "a", __?utf32be?__(`\U0001f600`)
bits 64
 mov eax, __?utf16?__('ab')
section .bss
 dd 3 dup (?)
 db 5 dup (?), ?
 dy ?
 resz 1
