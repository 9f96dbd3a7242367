; bench-sieve-32: bench-sieve in 32-bit protected mode, without paging.
; bench: ops=6 unit=pass

%define WIDTH 32
%include "../bench-sieve/main.asm"
