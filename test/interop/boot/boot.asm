; A boot sector that gives a guest image what Trapline's loader gives it, so that one main.asm boots
; under QEMU, Bochs and Trapline: the image at 0x100000, entered at its first byte in 64-bit mode at
; CPL 0, an identity map of RAM in 2 MiB supervisor pages, flat segments (CS 08h, SS DS ES 10h), an
; empty IDT, interrupts off. Assemble with -D IMAGE='"file"' -D RAM_MIB=n; boots from the first disk.

IMAGE_BASE  equ 0x100000
BOUNCE      equ 0x10000             ; the BIOS reads here, below 1 MiB; then it is copied up
CHUNK       equ 64                  ; sectors per BIOS read
PML4        equ 0x1000
PDPT        equ 0x2000
PD          equ 0x3000
SECTORS     equ (image_end - image + 511) / 512

        bits 16
        org 0x7c00

start:
        cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        mov [drive], dl
        in al, 0x92                 ; A20 on
        or al, 2
        and al, 0xfe
        out 0x92, al
        mov edi, IMAGE_BASE
        mov bp, SECTORS

load:                               ; EDI = where the next chunk goes, BP = sectors still to read
        mov word [packet.count], CHUNK
        mov ah, 0x42
        mov dl, [drive]
        mov si, packet
        int 0x13
        jc failed
        cli
        lgdt [gdt_pointer]          ; "unreal" mode: 4 GiB limits in DS and ES
        mov eax, cr0
        or al, 1
        mov cr0, eax
        mov bx, 0x10
        mov ds, bx
        mov es, bx
        and al, 0xfe
        mov cr0, eax
        mov esi, BOUNCE
        mov ecx, CHUNK * 512 / 4
        a32 rep movsd
        xor ax, ax
        mov ds, ax
        mov es, ax
        add dword [packet.lba], CHUNK
        sub bp, CHUNK
        ja load

        mov di, PML4                ; clear three tables
        mov cx, 3 * 4096 / 4
        xor eax, eax
        rep stosd
        mov dword [PML4], PDPT | 3
        mov dword [PDPT], PD | 3
        mov di, PD
        mov eax, 0x83               ; present, writable, 2 MiB
        mov cx, RAM_MIB / 2
.map:   mov [di], eax
        add eax, 0x200000
        add di, 8
        loop .map

        mov al, 0xff                ; mask every PIC line: the BIOS left some open
        out 0x21, al
        out 0xa1, al
        lidt [idt_pointer]
        mov eax, PML4
        mov cr3, eax
        mov eax, 1 << 5             ; CR4 = PAE
        mov cr4, eax
        mov ecx, 0xc0000080         ; EFER = LME
        mov eax, 1 << 8
        xor edx, edx
        wrmsr
        mov eax, 0x80000011         ; CR0 = PG, ET, PE
        mov cr0, eax
        jmp 0x08:long_mode

failed:
        hlt
        jmp failed

        bits 64
long_mode:
        mov eax, 0x10
        mov ds, eax
        mov es, eax
        mov ss, eax
        mov esp, 0x80000
        mov eax, IMAGE_BASE
        jmp rax

        align 8
gdt:    dq 0
        dq 0x00af9b000000ffff       ; 08h: 64-bit code
        dq 0x00cf93000000ffff       ; 10h: flat data
gdt_pointer:
        dw $ - gdt - 1
        dd gdt
idt_pointer:
        dw 0
        dd 0
packet: db 16, 0                    ; BIOS disk address packet
.count: dw CHUNK
        dw 0, BOUNCE >> 4
.lba:   dq 1
drive:  db 0

        times 510 - ($ - $$) db 0
        dw 0xaa55

image:  incbin IMAGE
image_end:
        times CHUNK * 512 - ($ - image) % (CHUNK * 512) db 0   ; the last chunk is read whole
