; bench-quicksort-32: bench-quicksort in 32-bit protected mode, without paging: 32-bit integers.
; bench: ops=1000000 unit=element

%define WIDTH 32
%include "../bench-quicksort/main.asm"
