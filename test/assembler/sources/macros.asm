bits 64
%define ONE 1
%define add2(a, b) ((a) + (b))
%define name(x) lab %+ x
%define OUTER INNER * 2
%define INNER 7
%idefine MixedCase 3
%xdefine FROZEN INNER
%define INNER 8
%assign counter 0
%macro store 1-3 10, 20
 mov byte [rdi], %1
 mov word [rdi], %2
 mov dword [rdi], %3
 db %0
%endmacro
%macro greedy 2+
 db %1
 dw %2
%endmacro
%macro each 1-*
%rep %0
 db %1
 %rotate 1
%endrep
%endmacro
%macro loopy 1
%%top: dec %1
 jnz %%top
%endmacro
%imacro CaseLess 0
 nop
%endmacro
%macro nest 1
 %if %1 > 0
  db %1
 %elif %1 = 0
  dw 0
 %else
  dd %1
 %endif
 %ifidn %1, 3
  db "three"
 %endif
%endmacro
%macro define_it 2
%macro %1 0
 db %2
%endmacro
%endmacro
%macro paste 1
val_%1: dq val_%1
end_%1: dw %1 %+ 5
x%{1}y: db %{1}
%endmacro
%macro hidden 0.nolist
 nop
 hlt
%endmacro
%macro push 1
 push %1
 nop
%endmacro
 db ONE, add2(2, 3), add2((4 + 5), 6) & 1
 db OUTER, FROZEN, mixedcase
lab1: dq name(1)
 store 1
 store 1, 2
 store 1, 2, 3
 greedy 1, 2, 3, 4
 each 1, 2, 3
 loopy ecx
 loopy rdx
 caseless
here: CASELESS
 nest 3
 nest 0
 nest -1
 define_it made, 99
 made
 paste 7
 hidden
 push rax
%rep 4
 db counter
 %assign counter counter + 1
 %if counter = 3
  %exitrep
 %endif
%endrep
%ifdef ONE
 db 'defined'
%endif
%ifndef TWO
 db 'undefined'
%else
 junk junk
%endif
%undef ONE
%ifdef ONE
 junk
%elifdef INNER
 db 'elif'
%endif
%ifmacro nest 1
 db 1
%endif
%ifnmacro nest 2
 db 2
%endif
%ifnum 5
 db 3
%endif
%ifid abc
 db 4
%endif
%ifstr 'abc'
 db 5
%endif
%ifempty
 db 6
%endif
%ifnempty x
 db 7
%endif
%iftoken 5 6
 db 8
%else
 db 9
%endif
%ifidni Abc, aBC
 db 10
%endif
%if 0
 %macro inside 0
 %endmacro
 %if 1
  junk 'unterminated
 %endif
%elif 1
 dw __LINE__, __BITS__
 db __FILE__
%endif
 store {1}, {2}, {3}
 greedy {1, 2}, 3
%strlen len 'hello'
%substr sub 'hello' 2, 3
%strcat cat 'ab', "cd"
 db len, sub, cat
%defstr txt some text
 db txt
%define brackets %[FROZEN]
 db brackets
%define f() 12
 db f()
 db 1 %+ 2
section .data
__SECT__
 db 'x'
