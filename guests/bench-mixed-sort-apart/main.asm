; bench-mixed-sort-apart: bench-mixed-sort with its data in a page of their own.
; bench: ops=1000 unit=sort

%define APART
%ifndef N
%define N 1000                                  ; sorts
%endif
%include "../bench-mixed-sort/main.asm"
