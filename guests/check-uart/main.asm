; check-uart: COM2 as a driver probes it: registers that read back, the divisor latch, FIFO identification,
; loopback of data and of modem lines, interrupt identification and its priorities, through IRQ 3.
; Shows: what a 16550A answers; THRE and received-data interrupts, what clears each of them; overrun.
; differs(bochs): loop: lsr after a fifo - Bochs leaves DR set
; differs(bochs): thre without out2 - its board has OUT2 gate the interrupt
; differs(qemu): loop: all on - QEMU has no deltas in loopback
; differs(qemu): loop: dtr - the same
; differs(qemu): loop: rts - the same
; differs(qemu): loop: out - the same
; differs(qemu): iir: modem - the same
; differs(qemu): iir: reading it does not - QEMU puts the time-out before received data
; differs(qemu): data: - the same
; differs(qemu): iir: data: - the same
; National Semiconductor PC16550D data sheet, 8.0 Registers.

%include "../inc/guest.inc"
%include "../inc/cpu.inc"
%include "../inc/gdt.inc"
%include "../inc/idt.inc"
%include "../inc/pic.inc"

COM2            equ 0x2f8
IRQ_COM2        equ 3
DATA            equ 0                           ; register numbers
IER             equ 1
IIR             equ 2
LCR             equ 3
MCR             equ 4
LSR             equ 5
MSR             equ 6
SCR             equ 7
LOOPBACK        equ 0x10
OUT2            equ 0x08

%macro write 2                                  ; write register, value
        mov dx, COM2 + %1
        mov al, %2
        out dx, al
%endmacro

%macro read 1                                   ; AL = register
        mov dx, COM2 + %1
        in al, dx
%endmacro

%macro show 2                                   ; show "text", register
        print %1
        read %2
        call show_al
%endmacro

main:
        call gdt_init
        call idt_init
        call pic_init
        on_interrupt PIC_VECTOR + IRQ_COM2, on_com2
        call registers
        call fifo
        call loopback
        call modem
        jmp interrupts

show_al:
        movzx eax, al
        print `: `
        print_hex rax, 2
        print `\n`
        ret

registers:
        write IER, 0
        write MCR, 0
        write SCR, 0x5a
        show "scratch", SCR
        write SCR, 0xa5
        show "scratch", SCR
        write LCR, 0x1b
        show "lcr", LCR
        write LCR, 0x83                         ; DLAB
        write DATA, 0x0c
        write IER, 0x01
        show "divisor low", DATA
        show "divisor high", IER
        write LCR, 0x03
        show "ier is another register", IER
        write IER, 0xff
        show "ier has four bits", IER
        write IER, 0
        write MCR, 0xff
        show "mcr has five bits", MCR
        write MCR, 0
        write LCR, 0x83
        write DATA, 1
        write IER, 0
        write LCR, 0x03
        ret

fifo:
        write IIR, 0
        show "iir without fifos", IIR
        write IIR, 0x01
        show "iir with fifos", IIR
        write IIR, 0x07
        show "iir after they are emptied", IIR
        show "lsr at rest", LSR
        ret

; send_loop: AL through the loop. Returns when it has arrived.
send_loop:
        mov dx, COM2 + DATA
        out dx, al
.wait:  read LSR
        test al, 0x40
        jz .wait
        ret

loopback:
        write MCR, LOOPBACK
        mov al, 'x'
        call send_loop
        show "loop: lsr with a byte", LSR
        show "loop: the byte", DATA
        show "loop: lsr after", LSR
        mov al, 1
        call send_loop
        mov al, 2
        call send_loop
        mov al, 3
        call send_loop
        show "loop: fifo, first", DATA
        show "loop: fifo, second", DATA
        show "loop: lsr with one left", LSR
        write IIR, 0x03                         ; empties the receive FIFO
        show "loop: lsr after a fifo reset", LSR
        write IIR, 0                            ; no FIFOs: the second byte overruns the first
        mov al, 'a'
        call send_loop
        write DATA, 'b'
        mov ecx, 100000                         ; reading LSR would clear the error
.wait:  in al, 0x80
        dec ecx
        jnz .wait
        show "loop: overrun", LSR
        show "loop: the error is cleared by reading", LSR
        show "loop: the later byte stays", DATA
        write IIR, 0x07
        ret

modem:
        read MSR
        write MCR, LOOPBACK
        read MSR
        show "loop: modem lines off", MSR
        write MCR, LOOPBACK | 0x0f
        show "loop: all on, with deltas", MSR
        show "loop: deltas are cleared by reading", MSR
        write MCR, LOOPBACK | 0x01
        show "loop: dtr is dsr", MSR
        write MCR, LOOPBACK | 0x02
        show "loop: rts is cts", MSR
        write MCR, LOOPBACK | 0x04
        show "loop: out1 is ri", MSR
        write MCR, LOOPBACK | 0x08
        show "loop: out2 is dcd, the end of ri is a delta", MSR
        read MSR
        write MCR, 0
        ret

; Interrupts are counted; the handler keeps the IIR it saw and does what clears the cause.
on_com2:
        inc dword [count]
        read IIR
        mov [seen], al
        and al, 0x0e
        cmp al, 0x04
        je .data
        cmp al, 0x0c
        jne .done
.data:  read DATA
        mov [byte_seen], al
.done:  end_of_interrupt
        ret

; window: lets interrupts in for a moment and says what came.
window:
        mov dword [count], 0
        mov byte [seen], 0
        sti
        mov ecx, 100000
.wait:  in al, 0x80
        dec ecx
        jnz .wait
        cli
        print `: interrupts `
        mov eax, [count]
        print_dec rax
        print ` iir `
        movzx eax, byte [seen]
        print_hex rax, 2
        print `\n`
        ret

interrupts:
        pic_mask ~(1 << IRQ_COM2)
        write IIR, 0x07
        write IER, 0x02
        print "thre without out2"
        call window
        write IER, 0
        write MCR, OUT2
        write IER, 0x02
        print "thre enabled while the holding register is empty"
        call window
        print "not again"
        call window
        write IER, 0
        write IER, 0x02
        show "iir: thre", IIR
        show "iir: reading it clears thre", IIR
        write IER, 0
        write MCR, LOOPBACK | OUT2
        mov al, 'q'
        call send_loop
        show "iir: data, but not enabled", IIR
        write IER, 0x01
        show "iir: data", IIR
        show "iir: reading it does not clear data", IIR
        print "data"
        call window
        print "the byte"
        mov al, [byte_seen]
        call show_al
        show "iir: none", IIR
        mov al, 'r'
        call send_loop
        write IER, 0x03
        show "iir: data comes before thre", IIR
        read DATA
        write IER, 0x01
        write IER, 0x03
        show "iir: then thre", IIR
        write IER, 0
        read MSR
        write MCR, LOOPBACK | 0x01
        write IER, 0x08
        show "iir: modem status", IIR
        read MSR
        show "iir: reading msr clears it", IIR
        write IER, 0
        write MCR, 0
        ret

        section .bss
count:          resd 1
seen:           resb 1
byte_seen:      resb 1
