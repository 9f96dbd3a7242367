; Sections that ELF knows by name, and attributes.
section .text
 nop
section .data
 dq foo
section .rodata
 db 1
section .bss
 resb 4
section .lbss
 resb 1
section .ldata
 db 1
section .lrodata
 db 1
section .tdata
 db 1
section .tbss
 resb 3
section .comment
 db 1
section .preinit_array
 dq foo
section .init_array
 dq foo
section .fini_array
 dq foo
section .note
 dd 1
section .text.foo
 nop
section .data.rel.ro
 dq 1
section .rodata.str
 db 1
section .my
 db 1
section .my2 progbits alloc exec nowrite align=8
 db 1
section .my3 nobits alloc noexec write align=32
 resb 1
section .my4 note
 db 1
section .m5 merge strings align=1 progbits alloc noexec nowrite entsize=1
 db 'a',0
section .m6 tls write
 db 1
section .m7 byte
 db 1
section .m8 pointer
 dq 1
section .eh_frame
section .ctors
foo:
osabi 3, 1
