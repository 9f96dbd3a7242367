; interrupts: the PIC, the timer and the serial port at work. First the PIT interrupts 100 times a second while
; the processor sleeps in HLT, until ten ticks are counted. Then COM1's receive interrupt collects characters,
; which are echoed until a full stop arrives (input.txt holds what is typed after the prompt).
; Also shown: STI takes effect one instruction late, a masked line stays pending, and how often each handler ran.
; Takes: external interrupts, HLT, port accesses of PIC, PIT and UART.

%include "../inc/guest.inc"
%include "../inc/cpu.inc"
%include "../inc/gdt.inc"
%include "../inc/idt.inc"
%include "../inc/pic.inc"
%include "../inc/pit.inc"

TICKS           equ 10
QUEUE_SIZE      equ 256                         ; a power of two

main:
        call gdt_init
        call idt_init
        call pic_init
        on_interrupt PIC_VECTOR + IRQ_PIT, on_tick
        on_interrupt PIC_VECTOR + IRQ_COM1, on_serial
        call count_ticks
        call show_pending
        jmp echo

; The processor sleeps between ticks; STI; HLT loses none, since STI holds interrupts for one instruction.
count_ticks:
        pit_start 100
        pic_mask ~(1 << IRQ_PIT)
.next:  disable_interrupts
        cmp dword [ticks], TICKS
        jae .done
        wait_for_interrupt
        jmp .next
.done:  pic_mask 0xff
        print `ticks counted in hlt: `
        print_dec TICKS
        print `\n`
        ret

; A request that comes while its line is masked is delivered once, when the mask opens.
show_pending:
        mov dword [ticks], 0
.raise: pic_choose_requests
        pic_read_requests
        test al, 1 << IRQ_PIT
        jz .raise
        print `masked: pending in the IRR, delivered `
        mov eax, [ticks]
        print_dec rax
        pic_mask ~(1 << IRQ_PIT)
        ; para: events are let in by a store to memory, and come at once.
        enable_interrupts                       ; one more instruction runs before the interrupt
        mov ecx, [ticks]
        nop
        disable_interrupts
        pic_mask 0xff
        print `, in the shadow of sti `
        print_dec rcx
        mov eax, [ticks]
        print `, after it `
        print_dec rax
        print `\n`
        ret

; The main loop sleeps until the handler has put something into the queue.
echo:
        mov dx, COM1_IER
        mov al, IER_ERBFI
        port_out dx, al
        pic_mask ~(1 << IRQ_COM1)
        print `type something, end with a full stop\n> `
        xor ebx, ebx                            ; characters taken out of the queue
.next:  disable_interrupts
        cmp ebx, [received]
        jne .take
        wait_for_interrupt
        jmp .next
.take:  enable_interrupts
        mov eax, ebx
        and eax, QUEUE_SIZE - 1
        mov al, [queue + rax]
        inc ebx
        call write_char
        cmp al, '.'
        jne .next
        disable_interrupts
        print `\ncharacters received: `
        print_dec rbx
        print `\n`
        ret

on_tick:
        inc dword [ticks]
        end_of_interrupt
        ret

; The interrupt is level-like: it stays until the FIFO is empty, so all of it is read.
on_serial:
        mov dx, COM1_LSR
        port_in al, dx
        test al, LSR_DR
        jz .done
        mov dx, COM1_DATA
        port_in al, dx
        mov ecx, [received]
        and ecx, QUEUE_SIZE - 1
        mov [queue + rcx], al
        inc dword [received]
        jmp on_serial
.done:  end_of_interrupt
        ret

        section .bss
ticks:          resd 1
received:       resd 1
queue:          resb QUEUE_SIZE
