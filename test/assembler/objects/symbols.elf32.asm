; Relocations of 32- and 16-bit code, far pointers, 64-bit code for a kernel's start.
global a:function, b:data 4
extern x, y
extern _GLOBAL_OFFSET_TABLE_
common z 16:4
bits 32
a: call x
b: call y wrt ..plt
 call .g
.g: pop ebx
 add ebx, _GLOBAL_OFFSET_TABLE_+$$-.g wrt ..gotpc
 mov eax, [ebx + x wrt ..got]
 lea eax, [ebx + b wrt ..gotoff]
 mov eax, [gs:0]
 mov eax, [x wrt ..tlsie]
 dd x wrt ..sym
 dw x
 db x
 dd x-$
 dw x-$
 db x-$
bits 16
 mov ax, x
 jmp x
 jmp 0x10:x
 call dword x
 jmp x:y
 jmp a:0
bits 64
far64: lea rax, [rel far64]
 mov rax, far64
