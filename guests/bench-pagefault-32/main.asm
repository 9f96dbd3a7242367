; bench-pagefault-32: bench-pagefault in 32-bit protected mode, with 32-bit paging.
; bench: ops=1000000 unit=page-fault

%define WIDTH 32
%include "../bench-pagefault/main.asm"
