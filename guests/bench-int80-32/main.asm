; bench-int80-32: bench-int80 in 32-bit protected mode, with 32-bit paging: flat segments, a stack from a
; 32-bit TSS.
; bench: ops=1000000 unit=int80

%define WIDTH 32
%include "../bench-int80/main.asm"
