bits 64
foo: db 1,2,'x'
foo.bar: dw foo
.local: dd .local, foo.bar.local
$eax: dq $eax
baz dd 1
.local: dd .local
..@special: db 1
.after: dq .after, baz.after, ..@special
 incbin "inc/blob.bin"
 incbin "inc/blob.bin", 3
 incbin "inc/blob.bin", 1, 4
 incbin "inc/blob.bin", 6, 100
 times 3 incbin "inc/blob.bin", 6, 2
 db "strings", 'and "quotes"', "it's", `\t\n\\\x41\u20ac`, 'ünïcode'
 dw 'abc', "x"
 dd 'abcde'
 dq 1.5, -2.25, 0x1.8p3
 dd 1.5, 1e-3
 dq -1, 0x8000000000000000, 18446744073709551615
three equ 3
four equ three + 1
place equ $
 db three, four
 dq place, $, $$
 dq foo.bar - foo, ($ - $$) / 2
 times three db four
 times 4-three db 'x'
 resb 0
 absolute 0x100
abs1: resb 4
abs2: resq 2
abs3:
section .text
 dd abs1, abs2, abs3
 mov eax, abs2
 mov eax, [abs2]
[section .data]
[bits 64]
 dq $$
 [default rel]
 mov rax, [foo]
 mov rax, [abs foo]
 mov rax, [fs:foo]
 mov rax, [fs:rel foo]
%if ($ - $$) < 40
 times 40-($-$$) db 0xee
%endif
%if $ - $$ != 40
 %error wrong size
%endif
 rep
 movsb
label_alone
 lock
