; check-rtc: the real-time clock: how its date counts, formats, alarm, periodic and update-ended interrupts,
; what is in its memory.
; Shows: dates that the guest has set, a second or a few later. No date of the machine is printed.
; differs(bochs): * - it shows other hours than were set, and no periodic interrupts come while set
; Motorola MC146818A data sheet; the south bridge keeps the century in register 32h.

%include "../inc/guest.inc"
%include "../inc/cpu.inc"
%include "../inc/gdt.inc"
%include "../inc/idt.inc"
%include "../inc/pic.inc"

RTC_INDEX       equ 0x70
RTC_DATA        equ 0x71
REG_SECONDS     equ 0x00
REG_SECONDS_ALARM equ 0x01
REG_MINUTES_ALARM equ 0x03
REG_HOURS_ALARM equ 0x05
REG_A           equ 0x0a
REG_B           equ 0x0b
REG_C           equ 0x0c
REG_D           equ 0x0d
REG_CENTURY     equ 0x32

B_24H           equ 0x02            ; bits of register B
B_BINARY        equ 0x04
B_UIE           equ 0x10
B_AIE           equ 0x20
B_PIE           equ 0x40
B_SET           equ 0x80

IRQ_RTC         equ 8
PIC_CASCADE     equ 2

%macro rtc_write 2                  ; rtc_write register, value
        mov al, %1
        out RTC_INDEX, al
        mov al, %2
        out RTC_DATA, al
%endmacro

%macro rtc_read 1                   ; rtc_read register: AL
        mov al, %1
        out RTC_INDEX, al
        in al, RTC_DATA
%endmacro

%macro show 1                       ; show "text": AL
        push rax
        print %1
        print `: `
        pop rax
        movzx eax, al
        print_hex rax, 2
        print `\n`
%endmacro

main:
        call gdt_init
        call idt_init
        call pic_init
        on_interrupt PIC_VECTOR + IRQ_RTC, on_rtc
        pic_out PIC1 + 1, 0xff & ~(1 << PIC_CASCADE)
        pic_out PIC2 + 1, 0xfe
        call registers
        call memory
        call dates
        call stopped
        call alarms
        jmp periodic

; on_rtc: notes register C of the last interrupt and counts.
on_rtc:
        rtc_read REG_C
        mov [flags], al
        inc dword [interrupts]
        pic_out PIC2, PIC_EOI
        pic_out PIC1, PIC_EOI
        ret

; sleep count: until that many interrupts have come.
%macro sleep 1
        mov dword [interrupts], 0
%%next: cli
        cmp dword [interrupts], %1
        jae %%done
        sti
        hlt
        jmp %%next
%%done: sti
        cli
%endmacro

registers:
        rtc_write REG_B, B_24H
        rtc_read REG_C
        rtc_read REG_A
        and al, 0x7f
        show "register a"
        rtc_read REG_B
        show "register b"
        rtc_read REG_D
        show "register d"
        rtc_write REG_D, 0
        rtc_read REG_D
        show "register d after a write"
        rtc_write REG_C, 0xff
        rtc_read REG_C
        and al, 0x80
        show "interrupt flag after a write to register c"
        rtc_write REG_B, B_SET | B_UIE | B_24H
        rtc_read REG_B
        show "set clears the update interrupt"
        rtc_write REG_B, B_24H
        in al, RTC_INDEX
        show "the index port reads"
        rtc_write 0x50, 0x5a
        rtc_read 0x50
        show "memory keeps"
        rtc_write 0xd0, 0xa5                    ; bit 7 is not part of the index
        rtc_read 0x50
        show "and is written through index d0h"
        ret

memory:
        rtc_read 0x15
        show "memory below 1 MiB in KiB, low"
        rtc_read 0x16
        show "high"
        rtc_read 0x17
        show "memory above 1 MiB in KiB, low"
        rtc_read 0x18
        show "high"
        rtc_read 0x30
        show "again, low"
        rtc_read 0x31
        show "high"
        rtc_read 0x34
        show "memory above 16 MiB in 64 KiB, low"
        rtc_read 0x35
        show "high"
        rtc_read 0x0f
        show "shutdown status"
        ret

; date "text", format, century, year, month, day, weekday, hour, minute, second: sets the clock, in bytes as
; they are, and shows it one update later.
%macro date 10
        print %1
        print `: `
        rtc_write REG_B, B_SET | (%2)
        rtc_write REG_CENTURY, %3
        rtc_write 9, %4
        rtc_write 8, %5
        rtc_write 7, %6
        rtc_write 6, %7
        rtc_write 4, %8
        rtc_write 2, %9
        rtc_write 0, %10
        rtc_read REG_C
        rtc_write REG_B, B_UIE | (%2)
        sleep 1
        rtc_write REG_B, (%2)
        call show_date
%endmacro

show_date:
        mov ebx, date_registers
.next:  rtc_read [rbx]
        movzx eax, al
        print_hex rax, 2
        print ` `
        inc ebx
        cmp ebx, date_registers_end
        jb .next
        print `\n`
        ret

        section .data
date_registers: db REG_CENTURY, 9, 8, 7, 6, 4, 2
date_registers_end:
        section .text

dates:
        date "new year", B_24H, 0x19, 0x99, 0x12, 0x31, 0x06, 0x23, 0x59, 0x59
        date "leap day of 2000", B_24H, 0x20, 0x00, 0x02, 0x28, 0x02, 0x23, 0x59, 0x59
        date "none in 2001", B_24H, 0x20, 0x01, 0x02, 0x28, 0x04, 0x23, 0x59, 0x59
        date "12 hours, before noon", 0, 0x20, 0x10, 0x05, 0x05, 0x04, 0x11, 0x59, 0x59
        date "12 hours, before midnight", 0, 0x20, 0x10, 0x05, 0x05, 0x04, 0x91, 0x59, 0x59
        date "12 hours, before one", 0, 0x20, 0x10, 0x05, 0x05, 0x04, 0x12, 0x59, 0x59
        date "binary", B_24H | B_BINARY, 20, 30, 4, 30, 3, 23, 59, 59
        date "binary, 12 hours", B_BINARY, 20, 10, 10, 10, 1, 0x80 | 12, 59, 59
        ret

stopped:
        rtc_write REG_B, B_SET | B_24H
        rtc_write REG_SECONDS, 0x30
        rtc_read REG_C
        rtc_write REG_B, B_SET | B_PIE | B_24H
        sleep 1100                              ; more than a second at 1024 Hz
        rtc_write REG_B, B_SET | B_24H
        rtc_read REG_SECONDS
        show "seconds do not count while set"
        mov al, [flags]
        show "the last register c"
        rtc_write REG_B, B_24H
        ret

%macro alarm_at 3                               ; alarm_at hour, minute, second
        rtc_write REG_HOURS_ALARM, %1
        rtc_write REG_MINUTES_ALARM, %2
        rtc_write REG_SECONDS_ALARM, %3
%endmacro

%macro set_time 3                               ; set_time hour, minute, second; 24 hours, BCD
        rtc_write REG_B, B_SET | B_24H
        rtc_write 4, %1
        rtc_write 2, %2
        rtc_write 0, %3
        rtc_read REG_C
%endmacro

alarms:
        alarm_at 0x12, 0x35, 0x01
        set_time 0x12, 0x34, 0x59
        rtc_write REG_B, B_AIE | B_24H
        sleep 1
        mov al, [flags]
        and al, 0xb0                            ; the periodic flag comes by itself
        show "register c at the alarm"
        rtc_write REG_B, B_24H
        alarm_at 0xff, 0xc0, 0x30
        set_time 0x23, 0x59, 0x29
        rtc_write REG_B, B_AIE | B_24H
        sleep 1
        rtc_write REG_B, B_24H
        rtc_read REG_SECONDS
        and al, 0xf0
        show "seconds at an alarm at any hour and minute, to ten"
        alarm_at 0xff, 0xff, 0xff
        set_time 0x00, 0x00, 0x10
        rtc_write REG_B, B_AIE | B_24H
        sleep 2
        rtc_write REG_B, B_24H
        rtc_read REG_SECONDS
        and al, 0xf0
        show "seconds after two alarms at any time, to ten"
        alarm_at 0x00, 0x00, 0x01
        set_time 0x00, 0x00, 0x00
        rtc_write REG_B, B_UIE | B_24H
        sleep 1
        mov al, [flags]
        and al, 0xb0
        show "the alarm's flag comes without its interrupt"
        rtc_write REG_B, B_24H
        ret

periodic:
        rtc_write REG_A, 0x26                   ; 1024 Hz
        rtc_read REG_C
        rtc_write REG_B, B_PIE | B_24H
        sleep 5
        mov al, [flags]
        and al, 0xc0
        show "register c at a periodic interrupt"
        rtc_write REG_B, B_24H
        rtc_read REG_C
        sti                                     ; what is already there
        nop
        cli
        mov dword [interrupts], 0
        rtc_write REG_A, 0x20                   ; rate 0: none
        rtc_read REG_C
        rtc_write REG_B, B_PIE | B_UIE | B_24H
        sleep 1
        mov al, [flags]
        and al, 0xd0
        show "register c with rate 0: an update"
        rtc_write REG_B, B_24H
        rtc_write REG_A, 0x26
        ret

        section .bss
interrupts:     resd 1
flags:          resb 1
