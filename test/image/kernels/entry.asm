; The way into kernel.c, and the headers that loaders look for: -D MULTIBOOT, -D PVH, -D MULTIBOOT2. With -D HIGH
; the kernel runs VIRTUAL bytes above where it is loaded, and sets up paging first.

%ifdef MULTIBOOT
        section .multiboot align=4
        dd 0x1badb002, 3, -(0x1badb002 + 3)     ; modules at pages, memory information
%endif

%ifdef MULTIBOOT2
        section .multiboot align=8
header2:
        dd 0xe85250d6, 0, header2_end - header2, -(0xe85250d6 + header2_end - header2)
        dd 0, 8
header2_end:
%endif

%ifdef PVH
        section .note note alloc noexec nowrite align=4
        dd 4, 4, 18                             ; XEN_ELFNOTE_PHYS32_ENTRY
        db "Xen", 0
        dd pvh_start
%endif

        extern multiboot_main, pvh_main
        global _start, pvh_start

%ifdef HIGH
        section .bss align=4096
page_directory:
        resb 4096
%else
        section .bss align=16
%endif
        resb 4096
stack_top:

        section .text
        bits 32
_start:
%ifdef HIGH
        extern VIRTUAL
        mov ecx, page_directory
        sub ecx, VIRTUAL
        mov dword [ecx], 0x83                   ; the first 4 MiB, at 0 and at VIRTUAL
        mov dword [ecx + (0xc0000000 >> 20)], 0x83
        mov cr3, ecx
        mov ecx, cr4
        or ecx, 1 << 4                          ; PSE
        mov cr4, ecx
        mov ecx, cr0
        or ecx, 1 << 31                         ; PG
        mov cr0, ecx
        mov ecx, high
        jmp ecx
high:
%endif
        mov esp, stack_top
        push ebx
        push eax
        call multiboot_main
        jmp exit

pvh_start:
        mov esp, stack_top
        push ebx
        call pvh_main

exit:   mov dx, 0x3fd                           ; let COM1 finish
.wait:  in al, dx
        test al, 0x40
        jz .wait
        mov al, 0
        out 0xf4, al
        cli
        hlt
