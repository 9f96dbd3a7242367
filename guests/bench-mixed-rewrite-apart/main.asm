; bench-mixed-rewrite-apart: bench-mixed-rewrite with its data in a page of their own.
; bench: ops=20000 unit=rewrite

%define APART
%ifndef N
%define N 20000                                 ; rewrites
%endif
%include "../bench-mixed-rewrite/main.asm"
