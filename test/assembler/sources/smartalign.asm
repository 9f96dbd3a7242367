; Padding by the package smartalign in each mode and code size.
%use smartalign
bits 64
 db 1
%assign i 1
%rep 17
 align 16
 times i db 0cch
%assign i i+1
%endrep
 align 32
bits 32
%macro all 1-2
 alignmode %1, %2
%assign i 1
%rep 17
 align 16
 times i db 0cch
%assign i i+1
%endrep
 align 64
 nop
 align 64
 nop
%endmacro
 all nop,16
 all generic,8
 all k7,16
 all k8,16
 all p6,16
 all p6,4
 all p6,32
 all p6,nojmp
bits 16
 alignmode p6
 nop
 align 8
 align 8
 db 1
 align 16, db 3
 db 1
 align 16,nop
 db 2
 ALIGNMODE k8,5
 align 16
 db 1
 align 8
 alignmode nop
 align 64
 db 1
 align 32
 alignmode generic
 align 16
 nop
 align 16
 alignb 32
