; bench-mixed-jumps-apart: bench-mixed-jumps with its data in a page of their own.
; bench: ops=1000000 unit=bytecode

%define APART
%ifndef N
%define N 1000000                               ; bytecodes
%endif
%include "../bench-mixed-jumps/main.asm"
