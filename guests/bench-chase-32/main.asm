; bench-chase-32: bench-chase in 32-bit protected mode, with 32-bit paging: a walk has two levels.
; ram: 128
; bench: ops=4000000 unit=load

%define WIDTH 32
%include "../bench-chase/main.asm"
