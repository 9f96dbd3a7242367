; bench-mixed-counter-apart: bench-mixed-counter with its data in a page of their own.
; bench: ops=500000 unit=call

%define APART
%ifndef N
%define N 500000                                ; calls
%endif
%include "../bench-mixed-counter/main.asm"
