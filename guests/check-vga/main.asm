; check-vga: the VGA as text-mode drivers see it: registers of mode 3, the cursor, the attribute controller's
; flip-flop, write protection, display memory.
; Shows: what the registers hold after power-on, and what they keep.
; differs(bochs): * - without a video BIOS its VGA is in no mode
; IBM PS/2 Hardware Interface Technical Reference, Video Subsystem.

%include "../inc/guest.inc"

CRTC            equ 0x3d4
SEQUENCER       equ 0x3c4
GRAPHICS        equ 0x3ce
ATTRIBUTE       equ 0x3c0
ATTRIBUTE_READ  equ 0x3c1
MISC_WRITE      equ 0x3c2
MISC_READ       equ 0x3cc
STATUS1         equ 0x3da
PALETTE_READ    equ 0x3c7
PALETTE_WRITE   equ 0x3c8
PALETTE_DATA    equ 0x3c9
TEXT            equ 0xb8000

%macro show 1                       ; show "text": AL
        push rax
        print %1
        print `: `
        pop rax
        movzx eax, al
        print_hex rax, 2
        print `\n`
%endmacro

%macro get 2                        ; get index port, register: AL
        mov dx, %1
        mov al, %2
        out dx, al
        inc edx
        in al, dx
%endmacro

%macro set 3                        ; set index port, register, value
        mov dx, %1
        mov ax, (%3) << 8 | (%2)
        out dx, ax
%endmacro

%macro list 3                       ; list "text", index port, count: all registers behind an index
        print %1
        print `:`
        mov ebp, %2
        mov ecx, %3
        call list_indexed
%endmacro

main:
        call initial
        call cursor
        call protection
        call attribute
        call palette
        jmp memory

list_indexed:
        xor ebx, ebx
.next:  mov edx, ebp
        mov al, bl
        out dx, al
        inc edx
        in al, dx
        print ` `
        movzx eax, al
        push rcx
        print_hex rax, 2
        pop rcx
        inc ebx
        cmp ebx, ecx
        jb .next
        print `\n`
        ret

initial:
        mov dx, MISC_READ
        in al, dx
        show "miscellaneous output"
        list "crtc", CRTC, 0x0e                 ; the cursor stands where the BIOS left it
        mov dx, CRTC
        print "crtc from 10h:"
        mov ebx, 0x10
.next:  mov dx, CRTC
        mov al, bl
        out dx, al
        inc edx
        in al, dx
        print ` `
        movzx eax, al
        print_hex rax, 2
        inc ebx
        cmp ebx, 0x19
        jb .next
        print `\n`
        list "sequencer", SEQUENCER, 5
        list "graphics", GRAPHICS, 9
        print "attribute:"
        xor ebx, ebx
.attr:  mov dx, STATUS1
        in al, dx
        mov dx, ATTRIBUTE
        mov al, bl
        out dx, al
        inc edx
        in al, dx
        print ` `
        movzx eax, al
        print_hex rax, 2
        inc ebx
        cmp ebx, 0x15
        jb .attr
        print `\n`
        call screen_on
        ret

; screen_on: the attribute controller's index with the bit that lets the palette be used.
screen_on:
        mov dx, STATUS1
        in al, dx
        mov dx, ATTRIBUTE
        mov al, 0x20
        out dx, al
        ret

cursor:
        set CRTC, 0x0e, 0x05
        set CRTC, 0x0f, 0xa7
        get CRTC, 0x0e
        show "cursor high"
        get CRTC, 0x0f
        show "cursor low"
        mov dx, CRTC
        in al, dx
        show "the index reads"
        set CRTC, 0x0a, 0x20
        get CRTC, 0x0a
        show "cursor off"
        set CRTC, 0x0a, 0x0e
        set CRTC, 0x0b, 0x0f
        get CRTC, 0x0b
        show "cursor end"
        ret

protection:
        set CRTC, 0x01, 0x27
        get CRTC, 0x01
        show "columns, write-protected"
        set CRTC, 0x11, 0x0e
        set CRTC, 0x01, 0x27
        get CRTC, 0x01
        show "and not"
        set CRTC, 0x01, 0x4f
        set CRTC, 0x11, 0x8e
        ret

attribute:
        mov dx, STATUS1
        in al, dx
        mov dx, ATTRIBUTE
        mov al, 0x10 | 0x20
        out dx, al
        inc edx
        in al, dx
        show "mode control"
        and al, ~8                              ; bright grounds in place of blinking
        mov dx, ATTRIBUTE
        out dx, al                              ; the flip-flop is at data
        mov dx, STATUS1
        in al, dx
        mov dx, ATTRIBUTE
        mov al, 0x10 | 0x20
        out dx, al
        inc edx
        in al, dx
        show "without blinking"
        mov dx, ATTRIBUTE
        mov al, 0x0c
        out dx, al
        mov al, 0x13 | 0x20                     ; at index again
        out dx, al
        inc edx
        in al, dx
        show "pixel panning"
        call screen_on
        ret

palette:
        mov ebx, 0x3f
        call colour
        mov ebx, 0x14
        call colour
        mov dx, PALETTE_WRITE
        mov al, 0xf0
        out dx, al
        mov dx, PALETTE_DATA
        mov al, 0x11
        out dx, al
        mov al, 0x22
        out dx, al
        mov al, 0x33
        out dx, al
        mov ebx, 0xf0
        call colour
        ret

; colour: prints red, green and blue of colour BL.
colour:
        print `colour `
        print_hex rbx, 2
        print `:`
        mov dx, PALETTE_READ
        mov al, bl
        out dx, al
        mov dx, PALETTE_DATA
        mov ebp, 3
.next:  in al, dx
        movzx eax, al
        print ` `
        print_hex rax, 2
        dec ebp
        jnz .next
        print `\n`
        ret

memory:
        mov word [abs TEXT + 2 * (80 * 24 + 79)], 0x1f41
        mov al, [abs TEXT + 2 * (80 * 24 + 79)]
        show "a character in memory"
        mov al, [abs TEXT + 2 * (80 * 24 + 79) + 1]
        show "its attribute"
        mov edi, TEXT
        mov ecx, 80 * 25
        mov ax, 0x0720
        rep stosw
        xor eax, eax
        mov esi, TEXT
        mov ecx, 80 * 25
.sum:   add al, [rsi]
        inc esi
        loop .sum
        show "sum of half a cleared screen"
        ret
