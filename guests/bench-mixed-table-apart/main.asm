; bench-mixed-table-apart: bench-mixed-table with its data in a page of their own.
; bench: ops=1048576 unit=byte

%define APART
%ifndef N
%define N 16                                    ; passes over the buffer
%endif
%include "../bench-mixed-table/main.asm"
