; What the listing leaves out, and names of the environment.
 db 1
[list -]
 db 2
[list +]
 db 3
%macro quiet 0
[list -]
 db 4
[list +]
%endmacro
 quiet
struc before, -8
.x: resd 1
.y: resd 1
endstruc
 db before.x
 dd __?ilog2e?__ 8+1, -__?ilog2e?__(8)*2, __?ilog2f?__ 9, __?ilog2c?__ 9, __?ilog2w?__ 8, 0x, 1x
%use ifunc
 dd ilog2(8), ilog2f(17), ilog2c(17)
 alignb 16
%pathsearch part 'inc/part.inc'
 db part
