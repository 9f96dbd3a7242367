; check-pit: the 8254 as software sees it: access modes, latches, the read-back command, status bytes, terminal
; count in mode 0, square wave, the gate and output of channel 2 at port 61h, and IRQ 0 counted in modes 0, 2, 3.
; Shows: the low/high flip-flop, the null-count bit, that a latched count stays, that BCD counts in decimal.
; Intel 8254 data sheet, Programming the 8254.

%include "../inc/guest.inc"
%include "../inc/cpu.inc"
%include "../inc/gdt.inc"
%include "../inc/idt.inc"
%include "../inc/pic.inc"
%include "../inc/pit.inc"

CHANNEL2        equ 0x42
SYSTEM_PORT     equ 0x61                        ; bit 0 gate 2, bit 1 speaker, bit 5 output 2
STATUS_2        equ 0xe8                        ; read-back: status of channel 2
COUNT_2         equ 0xd8                        ; read-back: count of channel 2
BOTH_2          equ 0xc8

%macro outp 2                                   ; outp port, value
        mov al, %2
        out %1, al
%endmacro

%macro show 1                                   ; show "text": AL
        push rax
        print %1
        pop rax
        call show_al
%endmacro

main:
        call gdt_init
        call idt_init
        call pic_init
        on_interrupt PIC_VECTOR + IRQ_PIT, on_tick
        call status
        call latches
        call output
        jmp ticks_of_modes

show_al:
        movzx eax, al
        print `: `
        print_hex rax, 2
        print `\n`
        ret

gate_off:
        in al, SYSTEM_PORT
        and al, 0xfc
        out SYSTEM_PORT, al
        ret
gate_on:
        in al, SYSTEM_PORT
        and al, 0xfc
        or al, 1
        out SYSTEM_PORT, al
        ret

; differs(qemu): mode 0, no count - QEMU has no null-count bit and no gate in mode 0
; differs(qemu): mode 2: 0x - QEMU has no null-count bit and no gate in mode 0
; differs(qemu): mode 3: 0x - QEMU has no null-count bit and no gate in mode 0
; differs(qemu): low byte only - QEMU has no null-count bit and no gate in mode 0
; differs(qemu): high byte only - QEMU has no null-count bit and no gate in mode 0
; differs(qemu): latched low - QEMU has no null-count bit and no gate in mode 0
; differs(qemu): latched high - QEMU has no null-count bit and no gate in mode 0
; differs(qemu): low: - QEMU has no null-count bit and no gate in mode 0
; differs(qemu): high: - QEMU has no null-count bit and no gate in mode 0
; differs(qemu): both: low - QEMU has no null-count bit and no gate in mode 0
; differs(qemu): both: high - QEMU has no null-count bit and no gate in mode 0
; differs(qemu): low after - QEMU has no null-count bit and no gate in mode 0
; differs(qemu): high after - QEMU has no null-count bit and no gate in mode 0
; The status byte: output, null count, access mode, mode, BCD.
status:
        call gate_off
        outp PIT_CONTROL, 0xb0                  ; channel 2, low and high, mode 0
        outp PIT_CONTROL, STATUS_2
        in al, CHANNEL2
        show "mode 0, no count yet"
        outp CHANNEL2, 0x34
        outp CHANNEL2, 0x12
        outp PIT_CONTROL, 0xb4                  ; mode 2
        outp PIT_CONTROL, STATUS_2
        in al, CHANNEL2
        show "mode 2"
        outp PIT_CONTROL, 0xb6                  ; mode 3
        outp PIT_CONTROL, STATUS_2
        in al, CHANNEL2
        show "mode 3"
        outp PIT_CONTROL, 0x90                  ; low byte only
        outp PIT_CONTROL, STATUS_2
        in al, CHANNEL2
        show "low byte only"
        outp PIT_CONTROL, 0xa0                  ; high byte only
        outp PIT_CONTROL, STATUS_2
        in al, CHANNEL2
        show "high byte only"
        ret

; With the gate low nothing counts: what is read is what was loaded.
latches:
        outp PIT_CONTROL, 0xb0                  ; mode 0, which loads without its gate
        outp CHANNEL2, 0x34
        outp CHANNEL2, 0x12
        call settle
        outp PIT_CONTROL, 0x80                  ; latch
        in al, CHANNEL2
        show "latched low"
        in al, CHANNEL2
        show "latched high"
        in al, CHANNEL2
        show "low"
        in al, CHANNEL2
        show "high"
        outp PIT_CONTROL, BOTH_2
        in al, CHANNEL2
        show "both: status first"
        in al, CHANNEL2
        show "both: low"
        in al, CHANNEL2
        show "both: high"
        outp PIT_CONTROL, 0x80
        outp PIT_CONTROL, 0xb0                  ; a new mode forgets the latch
        outp CHANNEL2, 0x78
        outp CHANNEL2, 0x56
        call settle
        in al, CHANNEL2
        show "low after a new mode and count"
        in al, CHANNEL2
        show "high after a new mode and count"
        ret

; settle: a few input clocks of the timer.
settle:
        mov ecx, 2000
.wait:  in al, 0x80
        dec ecx
        jnz .wait
        ret

; Channel 2 in mode 0 counts while its gate is up; its output appears at port 61h.
output:
        call gate_off
        outp PIT_CONTROL, 0xb0
        outp CHANNEL2, 0x00
        outp CHANNEL2, 0x10
        in al, SYSTEM_PORT
        and al, 0x20
        show "mode 0: output low while counting"
        call gate_on
.wait:  in al, SYSTEM_PORT
        test al, 0x20
        jz .wait
        and al, 0x20
        show "mode 0: output high at the end"
        outp PIT_CONTROL, STATUS_2
        in al, CHANNEL2
        show "mode 0: status at the end"
        outp PIT_CONTROL, 0xb6                  ; mode 3: the output swings
        outp CHANNEL2, 0x00
        outp CHANNEL2, 0x10
        mov ecx, 3
.low:   in al, SYSTEM_PORT
        test al, 0x20
        jnz .low
.high:  in al, SYSTEM_PORT
        test al, 0x20
        jz .high
        dec ecx
        jnz .low
        print `mode 3: three periods seen\n`
        call gate_off
        outp PIT_CONTROL, 0xb1                  ; mode 0, BCD
        outp CHANNEL2, 0x00
        outp CHANNEL2, 0x01
        outp PIT_CONTROL, STATUS_2
        in al, CHANNEL2
        and al, 0x3f
        show "bcd in the status"
        ret

on_tick:
        inc dword [ticks]
        end_of_interrupt
        ret

ticks_of_modes:
        print `mode 0: one interrupt, then none: `
        mov dword [ticks], 0
        outp PIT_CONTROL, 0x30
        call pic_init                           ; forgets a request from before
        outp PIT_CHANNEL0, 0x00
        outp PIT_CHANNEL0, 0x08
        pic_mask ~(1 << IRQ_PIT)
        sti
        hlt
        call long_wait
        cli
        mov eax, [ticks]
        print_dec rax
        print `\n`
        mov al, 0x34
        call three_ticks
        print `mode 2: three interrupts\n`
        mov al, 0x36
        call three_ticks
        print `mode 3: three interrupts\n`
        pic_mask 0xff
        ret

; three_ticks: channel 0 in the mode of AL, until three interrupts have come.
three_ticks:
        out PIT_CONTROL, al
        outp PIT_CHANNEL0, 0x00
        outp PIT_CHANNEL0, 0x08
        mov dword [ticks], 0
.next:  cli
        cmp dword [ticks], 3
        jae .done
        sti
        hlt
        jmp .next
.done:  ret

; long_wait: 4096 input clocks of channel 2 in mode 0.
long_wait:
        call gate_off
        outp PIT_CONTROL, 0xb0
        outp CHANNEL2, 0x00
        outp CHANNEL2, 0x10
        call gate_on
.wait:  in al, SYSTEM_PORT
        test al, 0x20
        jz .wait
        ret

        section .bss
ticks:          resd 1
