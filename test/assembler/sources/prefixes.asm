; bnd, {rex} and repeated times.
bits 64
 {rex} mov al,bl
x: {rex} nop
 lock {rex} add [rax],al
 {rex} mov rax,[rbx]
 {vex} andn eax,ebx,ecx
 {vex3} andn eax,ebx,ecx
 times 2 times 3 {rex} nop
 bnd call $
 default bnd
 jmp $
 jmp $+500
 jz $
 jz $+500
 ret
 call [rax]
 jmp far [rax]
 loop $
 nobnd ret
 retf
 default nobnd
 ret
 rep ret
