; The clock: a timer interrupt each millisecond, and the controllers through which interrupts come: the local APIC
; and the I/O APIC if CPUID and their registers show them, else the pair of 8259 and the PIT. Either way the timer is
; vector PIC_VECTOR + IRQ_PIT and COM1 vector PIC_VECTOR + IRQ_COM1.

TICKS_PER_SECOND equ 1000

VECTOR_SPURIOUS equ 0xff
DIVIDE_BY_16    equ 0x03
PORT_B          equ 0x61            ; system control port B:
PORT_B_GATE     equ 0x01            ; lets channel 2 of the PIT count,
PORT_B_SPEAKER  equ 0x02            ; lets the speaker sound,
PORT_B_OUT      equ 0x20            ; the output of channel 2
PIT_CHANNEL2    equ 0x42
PIT_ONE_SHOT    equ 0xb0            ; channel 2, low then high byte, mode 0
PAUSE_TURNS     equ 100             ; between two looks at a port, each of which is an exit under a VMM

        section .bss
ticks:          resq 1              ; since the start
        section .data
end_of_request: dq pic_end          ; tells the controller that an interrupt has been taken
        section .text

clock_init:
        on_interrupt PIC_VECTOR + IRQ_PIT, on_clock
        on_interrupt PIC_VECTOR + 7, ignore     ; what an 8259 gives when a request has gone away
        on_interrupt VECTOR_SPURIOUS, ignore    ; the same of the APIC
        call pic_init
%ifdef PARA
%define TIMER_PIT                   ; which Xen's timer stands for
%endif
%ifndef TIMER_PIT
        cpuid_bit 1, edx, 9
        jnc .pit
        call apic_init
        ioapic_read 1
        inc eax                                 ; nobody answers there
        jnz clock_by_apic
.pit:
%endif
        pit_start TICKS_PER_SECOND
        pic_mask ~(1 << IRQ_PIT | 1 << IRQ_COM1)
ignore: ret

on_clock:
        push rdi
        call [end_of_request]
        pop rdi
        jmp tick

pic_end:
        end_of_interrupt
        ret

apic_end:
        apic_write APIC_EOI, 0
        ret

%ifndef TIMER_PIT
; clock_by_apic: COM1 through the I/O APIC, the timer as often as TICKS_PER_SECOND says.
clock_by_apic:
        mov qword [end_of_request], apic_end
        apic_write APIC_LVT_LINT0, LVT_MASKED
        apic_write APIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS
        apic_read APIC_ID
        mov ebx, eax
        ioapic_write IOREDTBL + 2 * IRQ_COM1 + 1, ebx
        ioapic_write IOREDTBL + 2 * IRQ_COM1, PIC_VECTOR + IRQ_COM1
        apic_write APIC_DIVIDE, DIVIDE_BY_16
        apic_write APIC_LVT_TIMER, LVT_MASKED
        apic_write APIC_INITIAL, -1
        call wait_for_one_tick
        apic_read APIC_CURRENT
        not eax                                 ; the counts of one tick
        mov ebx, eax
        apic_write APIC_LVT_TIMER, LVT_PERIODIC | PIC_VECTOR + IRQ_PIT
        apic_write APIC_INITIAL, ebx
        ret

; wait_for_one_tick: returns after 1 / TICKS_PER_SECOND seconds, which channel 2 of the PIT counts.
wait_for_one_tick:
        port_in al, PORT_B
        and al, ~PORT_B_SPEAKER
        or al, PORT_B_GATE
        port_out PORT_B, al
        mov al, PIT_ONE_SHOT
        port_out PIT_CONTROL, al
        mov eax, PIT_HZ / TICKS_PER_SECOND
        port_out PIT_CHANNEL2, al
        mov al, ah
        port_out PIT_CHANNEL2, al
.wait:  mov ecx, PAUSE_TURNS
        loop $
        port_in al, PORT_B
        test al, PORT_B_OUT
        jz .wait
        ret
%endif
