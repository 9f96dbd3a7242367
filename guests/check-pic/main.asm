; check-pic: the pair of 8259s: mask, request and service registers, priorities and nesting, specific and
; automatic end of interrupt, the cascade, with the timer (IRQ 0), COM2 (IRQ 3) and the RTC's line 8 as sources.
; COM2's transmitter gives an interrupt whenever software wants one.
; Shows: IRR before and ISR during service, that a line of lower priority waits, special mask mode, poll.
; Intel 8259A data sheet, Operation Command Words.

%include "../inc/guest.inc"
%include "../inc/cpu.inc"
%include "../inc/gdt.inc"
%include "../inc/idt.inc"
%include "../inc/pic.inc"
%include "../inc/pit.inc"

COM2            equ 0x2f8
IRQ_COM2        equ 3
READ_IRR        equ 0x0a
READ_ISR        equ 0x0b

%macro show 1                                   ; show "text": AL
        push rax
        print %1
        pop rax
        call show_al
%endmacro

%macro read_pic 2                               ; read_pic port, command: AL = the register
        mov al, %2
        out %1, al
        in al, %1
%endmacro

main:
        call gdt_init
        call idt_init
        call pic_init
        on_interrupt PIC_VECTOR + IRQ_PIT, on_pit
        on_interrupt PIC_VECTOR + IRQ_COM2, on_com2
        call masks
        call service
        call nesting
        call automatic
        jmp software_interrupt

show_al:
        movzx eax, al
        print `: `
        print_hex rax, 2
        print `\n`
        ret

masks:
        pic_out PIC1 + 1, 0x5a
        in al, PIC1 + 1
        show "imr 1"
        pic_out PIC2 + 1, 0xa5
        in al, PIC2 + 1
        show "imr 2"
        pic_out PIC1 + 1, 0xff
        pic_out PIC2 + 1, 0xff
        read_pic PIC1, READ_ISR
        show "isr 1 at rest"
        read_pic PIC2, READ_ISR
        show "isr 2 at rest"
        read_pic PIC2, READ_IRR
        and al, 0xfe                            ; the RTC may be asking
        show "irr 2 at rest"
        ret

; raise: makes COM2 ask for an interrupt; lower: ends that.
raise:
        push rdx
        outb COM2 + 4, 0x08                     ; OUT2
        outb COM2 + 1, 0                        ; THRE interrupt off and on
        outb COM2 + 1, 2
        pop rdx
        ret
lower:
        push rdx
        outb COM2 + 1, 0
        pop rdx
        ret

%macro irq_bits 2                               ; irq_bits "text", READ_IRR or READ_ISR: lines 3 and 0
        read_pic PIC1, %2
        and al, 0x09
        show %1
%endmacro

service:
        outb PIT_CONTROL, 0x30                  ; the timer in mode 0: at most one request, now over
        outb PIT_CHANNEL0, 1
        outb PIT_CHANNEL0, 0
        call raise
        read_pic PIC1, READ_IRR
        and al, 0x08
        show "irr: com2 asks, masked"
        pic_mask ~(1 << IRQ_COM2)
        sti
        nop
        nop
        cli
        mov al, [isr_seen]
        show "isr while com2 is served"
        mov al, [irr_seen]
        show "irr then"
        read_pic PIC1, READ_ISR
        show "isr after the end of interrupt"
        ret

on_com2:
        read_pic PIC1, READ_ISR
        mov [isr_seen], al
        read_pic PIC1, READ_IRR
        and al, 0x08
        mov [irr_seen], al
        call lower
        cmp qword [inside], 0
        je .end
        call [inside]
.end:   mov al, [eoi]
        test al, al
        jz .none
        out PIC1, al
.none:  ret

on_pit:
        inc dword [timer_count]
        mov al, PIC_EOI
        out PIC1, al
        ret

; start_timer: one request of IRQ 0 soon; waits until it is there.
start_timer:
        push rax
        outb PIT_CONTROL, 0x30
        outb PIT_CHANNEL0, 16
        outb PIT_CHANNEL0, 0
.wait:  read_pic PIC1, READ_IRR
        test al, 1
        jz .wait
        pop rax
        ret

; While COM2 is served, the timer (a higher priority) gets in if interrupts are enabled.
nesting:
        pic_mask ~((1 << IRQ_COM2) | (1 << IRQ_PIT))
        mov dword [timer_count], 0
        mov qword [inside], let_timer_in
        call raise
        sti
        nop
        nop
        cli
        mov al, [nested_count]
        show "timer interrupts inside com2's handler"
        mov qword [inside], 0

        mov byte [eoi], 0                       ; no end of interrupt: COM2 and everything below stays blocked
        call raise
        sti
        nop
        nop
        cli
        irq_bits "isr without an end of interrupt", READ_ISR
        mov byte [isr_seen], 0
        call raise
        sti
        nop
        nop
        cli
        mov al, [isr_seen]
        show "com2 again: blocked by its own isr bit"
        irq_bits "but it waits in the irr", READ_IRR
        mov byte [eoi], 0x60 | IRQ_COM2         ; specific
        pic_out PIC1, 0x60 | IRQ_COM2
        sti
        nop
        nop
        cli
        mov al, [isr_seen]
        show "after a specific end of interrupt it comes"
        irq_bits "isr at the end", READ_ISR
        ret

let_timer_in:
        call start_timer
        mov eax, [timer_count]
        push rax
        sti
        nop
        nop
        cli
        pop rax
        neg eax
        add eax, [timer_count]
        mov [nested_count], al
        ret

; ICW4's automatic end of interrupt: the ISR bit is gone at once.
automatic:
        pic_out PIC1, ICW1
        pic_out PIC1 + 1, PIC_VECTOR
        pic_out PIC1 + 1, 1 << 2
        pic_out PIC1 + 1, ICW4_8086 | 2
        pic_mask ~(1 << IRQ_COM2)
        mov byte [eoi], 0
        call raise
        sti
        nop
        nop
        cli
        mov al, [isr_seen]
        show "isr while com2 is served, automatic end"
        call pic_init
        in al, PIC1 + 1
        show "imr after pic_init"
        ret

; Not from the PIC at all: INT n to the same vector leaves it alone.
software_interrupt:
        mov byte [eoi], 0
        int PIC_VECTOR + IRQ_COM2
        mov al, [isr_seen]
        show "isr inside int n to com2's vector"
        ret

        section .data
eoi:            db PIC_EOI
inside:         dq 0                            ; called from COM2's handler
        section .bss
timer_count:    resd 1
isr_seen:       resb 1
irr_seen:       resb 1
nested_count:   resb 1
