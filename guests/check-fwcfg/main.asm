; check-fwcfg: QEMU's firmware configuration device: items by key, the file directory, DMA.
; Shows: what a kernel may ask the device for; of the files only those that every machine has.
; differs(bochs): * - it has no such device
; QEMU, docs/specs/fw_cfg.rst.

%include "../inc/guest.inc"

SELECTOR        equ 0x510
DATA            equ 0x511
DMA             equ 0x514

KEY_SIGNATURE   equ 0x00
KEY_ID          equ 0x01
KEY_RAM_SIZE    equ 0x03
KEY_NB_CPUS     equ 0x05
KEY_MAX_CPUS    equ 0x0f
KEY_FILE_DIR    equ 0x19
KEY_IRQ0        equ 0x8002

DMA_ERROR       equ 0x01
DMA_READ        equ 0x02
DMA_SKIP        equ 0x04
DMA_SELECT      equ 0x08
DMA_WRITE       equ 0x10

%macro show 1-2 16                  ; show "text" [, digits]: RAX
        print %1
        print `: `
        print_hex rax, %2
        print `\n`
%endmacro

%macro select 1                     ; select key
        mov dx, SELECTOR
        mov ax, %1
        out dx, ax
%endmacro

; read count: that many bytes, the first in the lowest byte of RAX.
%macro read 1
        mov ecx, %1
        call read_bytes
%endmacro

main:
        call items
        call files
        jmp dma

read_bytes:
        push rdi
        mov edi, buffer
        mov qword [rdi], 0
        mov dx, DATA
        rep insb
        mov rax, [buffer]
        pop rdi
        ret

items:
        select KEY_SIGNATURE
        read 4
        show "signature"
        read 2
        show "behind it"
        select KEY_SIGNATURE
        read 2
        show "selected again"
        select KEY_ID
        read 4
        show "id"
        select KEY_RAM_SIZE
        read 8
        show "ram size"
        select KEY_NB_CPUS
        read 2
        show "processors"
        select KEY_MAX_CPUS
        read 2
        show "at most"
        select KEY_IRQ0
        read 4
        show "irq 0 override"
        select 0x3123
        read 4
        show "an item that does not exist"
        mov dx, DATA
        mov al, 1
        out dx, al
        select KEY_SIGNATURE
        mov dx, DATA
        mov al, 'x'
        out dx, al
        read 4
        show "signature after writes of data"
        ret

; files: looks etc/e820 up in the directory and reads its first entry.
files:
        select KEY_FILE_DIR
        read 4
        bswap eax
        mov ebp, eax
.next:  mov ecx, 64
        mov edi, file
        mov dx, DATA
        rep insb
        mov rax, "etc/e820"
        cmp [file + 8], rax
        jne .step
        cmp byte [file + 16], 0
        je .found
.step:  dec ebp
        jnz .next
        print `no etc/e820\n`
        ret
.found: mov eax, [file]
        bswap eax
        xor edx, edx
        mov ecx, 20
        div ecx
        mov eax, edx
        show "size of etc/e820 modulo 20"
        mov ax, [file + 4]
        xchg al, ah
        movzx ebx, ax
        cmp ebx, 0x20
        setae al
        movzx eax, al
        show "its key is a file's"
        movzx eax, word [file + 6]
        show "reserved"
        select bx
        read 8
        show "first range: base"
        read 8
        show "length"
        read 4
        show "type"
        ret

; transfer control, length, address: RAX = the control word afterwards.
%macro transfer 3
        mov eax, %1
        mov ecx, %2
        mov rbx, %3
        call start_dma
%endmacro

start_dma:
        bswap eax
        bswap ecx
        bswap rbx
        mov [access], eax
        mov [access + 4], ecx
        mov [access + 8], rbx
        mov dx, DMA
        xor eax, eax
        out dx, eax
        mov eax, access
        bswap eax
        mov dx, DMA + 4
        out dx, eax
.wait:  mov eax, [access]
        bswap eax
        test eax, ~DMA_ERROR
        jnz .wait
        ret

dma:
        mov dx, DMA
        in eax, dx
        mov ebx, eax
        mov dx, DMA + 4
        in eax, dx
        shl rax, 32
        or rax, rbx
        show "dma signature"
        mov rax, -1
        mov [buffer], rax
        transfer (KEY_SIGNATURE << 16) | DMA_SELECT | DMA_READ, 6, buffer
        show "select and read 6 bytes"
        mov rax, [buffer]
        show "what came"
        transfer (KEY_RAM_SIZE << 16) | DMA_SELECT, 0, 0
        show "select"
        transfer DMA_SKIP, 3, 0
        show "skip 3 bytes"
        read 2
        show "and read by port"
        transfer (KEY_SIGNATURE << 16) | DMA_SELECT | DMA_WRITE, 4, buffer
        show "write"
        transfer (0x3123 << 16) | DMA_SELECT | DMA_READ, 4, buffer
        show "read an item that does not exist"
        mov rax, [buffer]
        show "what came"
        transfer 0, 0, 0
        show "nothing"
        ret

        section .bss
        alignb 16
access:         resb 16
buffer:         resq 1
file:           resb 64
