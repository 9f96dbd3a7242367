; A guest with 2 MiB that reads and writes whatever it can name: physical addresses that it does not own, the tables that
; SGDT and SIDT show, every slot of its address space, its own page tables while they are in use, and memory by DMA. RBX
; is a checksum of all that it reads. In the end it takes its own page tables away.

        bits 64
        org 0x100000

STACK           equ 0x170000
IDT             equ 0x171000
DMA             equ 0x172000
PML4            equ 0x180000
PDPT            equ 0x181000
DIRECTORY       equ 0x182000
WINDOW_TABLES   equ 0x183000        ; a directory and a table for the window
WINDOW          equ 0x40000000
OWN_FRAMES      equ 0x200
FRAMES          equ 0x2000          ; more than the machine has
MAGIC           equ 0x6b6f6f6c
PRESENT         equ 3
LARGE           equ 0x83
FW_CFG_DMA      equ 0x514

; reach ADDRESS: reads it into the checksum and writes to it; a fault is the end of that.
%macro reach 1
        lea r15, [rel %%after]
        mov r14, rsp
        mov rax, [%1]
        imul rbx, rbx, 0x01000193
        add rbx, rax
        mov dword [%1], MAGIC
%%after:
%endmacro

start:  mov esp, STACK
        mov edi, IDT
        mov ecx, 32
.gate:  mov eax, on_fault
        mov [rdi], ax
        mov dword [rdi + 2], 0x8e000000 | 8
        shr eax, 16
        mov [rdi + 6], ax
        mov byte [rdi + 5], 0x8e
        add edi, 16
        loop .gate
        lidt [idtr]
        xor ebx, ebx

        mov qword [PML4], PDPT + PRESENT
        mov qword [PML4 + 511 * 8], PML4 + PRESENT
        mov qword [PDPT], DIRECTORY + PRESENT
        mov qword [PDPT + 8], WINDOW_TABLES + PRESENT
        mov qword [DIRECTORY], LARGE
        mov qword [WINDOW_TABLES], WINDOW_TABLES + 0x1000 + PRESENT
        mov eax, PML4
        mov cr3, rax

; What it does not own, through a page of the window, and through a large page.
        mov ebp, OWN_FRAMES
.frame: mov rax, rbp
        shl rax, 12
        call look
        inc ebp
        cmp ebp, FRAMES
        jb .frame
        mov ecx, 25                 ; and far away, up to reserved bits
.far:   mov eax, 1
        shl rax, cl
        call look
        inc ecx
        cmp ecx, 52
        jb .far
        mov ebp, 1
.large: mov rax, rbp
        shl rax, 21
        or rax, LARGE
        mov [WINDOW_TABLES + 8], rax
        invlpg [WINDOW + 0x200000]
        reach WINDOW + 0x200000
        reach WINDOW + 0x345678
        inc ebp
        cmp ebp, 16
        jb .large

; Tables that lie in memory which it does not own.
        mov ebp, OWN_FRAMES
.table: mov rax, rbp
        shl rax, 12
        or rax, PRESENT
        mov [WINDOW_TABLES + 16], rax
        invlpg [WINDOW + 0x400000]
        reach WINDOW + 0x400000
        add ebp, 64
        cmp ebp, FRAMES
        jb .table

; The VMM's tables, and all slots.
        sgdt [DMA]
        mov rsi, [DMA + 2]
        call tour
        sidt [DMA]
        mov rsi, [DMA + 2]
        call tour
        mov ebp, 1
.slot:  mov rsi, rbp
        shl rsi, 55
        sar rsi, 16
        cmp ebp, 511                ; its tables, which it needs
        je .done
        reach rsi
        inc ebp
        jmp .slot
.done:

; DMA from the firmware configuration device.
        mov ebp, OWN_FRAMES - 1
.dma:   mov dword [DMA], 0x0a000000                 ; select item 0, read; big-endian
        mov dword [DMA + 4], 0x00200000             ; 8 KiB
        mov dword [DMA + 8], 0
        mov eax, ebp
        shl eax, 12
        bswap eax
        mov [DMA + 12], eax
        mov dx, FW_CFG_DMA
        xor eax, eax
        out dx, eax
        mov eax, DMA
        bswap eax
        mov dx, FW_CFG_DMA + 4
        out dx, eax
        add ebp, 61
        cmp ebp, FRAMES
        jb .dma

; The end: no tables any more.
        mov eax, 0x1fff000
        mov cr3, rax
        jmp $

; look: the physical address RAX through the window.
look:   or rax, PRESENT
        mov [WINDOW_TABLES + 0x1000], rax
        invlpg [WINDOW]
        reach WINDOW
        ret

; tour: 128 pages from RSI on, if they are not its own.
tour:   cmp rsi, OWN_FRAMES << 12
        jb .own
        mov ebp, 128
.next:  reach rsi
        add rsi, 4096
        dec ebp
        jnz .next
.own:   ret

on_fault:
        mov rsp, r14
        jmp r15

        align 8
idtr:   dw 32 * 16 - 1
        dq IDT
