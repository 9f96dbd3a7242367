; Linkage, types, sizes, visibility; relocations of each kind and size.
global a, b:function, c:data, d:data hidden (d.end-d), e:function protected, f:object internal, g:notype default
extern x, y:function
extern w:weak
common z 16:8
common zz 4
required r
static s
global h:function weak
a: nop
b: call x
c: call y wrt ..plt
d: dq z
.end:
e: mov eax, [rel x]
f: mov rax, [rel x wrt ..got]
 mov rax, [x wrt ..got]
g: mov rax, [rel x wrt ..gottpoff]
s: call y
h: call zz wrt ..plt
 dd x
 dw x
 db x
 dq x - $
 dd x - $
 dq x + 5
 dq .l - $
.l: dd a - $$
 mov eax, x
 mov rax, x
 mov al, [x]
 mov rax, [x]
 jmp x
 jz x
 jmp short x
 push x
 push r
 dq w
 dw y - $
 db y - $
 dd zz wrt ..sym
