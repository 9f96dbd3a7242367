; bench-crc32-32: bench-crc32 in 32-bit protected mode, without paging.
; bench: ops=6291456 unit=byte

%define WIDTH 32
%ifndef N
%define N 6                                     ; passes over the buffer
%endif
%include "../bench-crc32/main.asm"
