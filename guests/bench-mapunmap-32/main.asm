; bench-mapunmap-32: bench-mapunmap in 32-bit protected mode, with 32-bit paging.
; bench: ops=2000000 unit=map-touch-unmap

%define WIDTH 32
%include "../bench-mapunmap/main.asm"
