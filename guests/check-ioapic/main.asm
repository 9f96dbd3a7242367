; check-ioapic: the I/O APIC: what its registers keep, edge and level triggering, remote IRR and EOI, masks,
; destinations and delivery modes, the timer on pin 2. COM2's transmitter (pin 3) gives an interrupt whenever
; software wants one, and holds its line until it is told not to.
; Shows: which vectors arrive, and the redirection entries before, while and after they are served.
; Intel 82093AA data sheet; SDM 3A 10.8.5, Signaling Interrupt Servicing Completion.

%include "../inc/guest.inc"
%include "../inc/check.inc"
%include "../inc/pic.inc"
%include "../inc/pit.inc"
%include "../inc/apic.inc"

COM2            equ 0x2f8
PIN_PIT         equ 2
PIN_COM2        equ 3
FIRST_VECTOR    equ 0x30            ; these vectors, up to 9Fh, are logged
LAST_VECTOR     equ 0x9f
TURNS           equ 2000000         ; of a loop that is given up

RED_LOWEST      equ 0x100           ; bits of a redirection entry
RED_LOGICAL     equ 0x800
RED_LOW_ACTIVE  equ 0x2000
RED_LEVEL       equ 0x8000
RED_MASKED      equ 0x10000

%macro redirect 2-3 0               ; redirect pin, low half [, destination]
        ioapic_write IOREDTBL + 2 * (%1) + 1, (%3) << 24
        ioapic_write IOREDTBL + 2 * (%1), %2
%endmacro

%macro entry_value 1                ; entry_value pin: the low half
        ioapic_read IOREDTBL + 2 * (%1)
        done_value
%endmacro

%macro log_value 0                  ; what has arrived, the first vector in the highest byte
        mov rax, [log]
        mov qword [log], 0
        done_value
%endmacro

main:
        call check_init
        call apic_init
        call pic_init
        mov ecx, FIRST_VECTOR
.next:  mov qword [handlers + rcx * 8], on_interrupt_log
        inc ecx
        cmp ecx, LAST_VECTOR
        jbe .next
        apic_write APIC_SVR, SVR_ENABLE | 0xff
        outb COM2 + 4, 0x08                     ; OUT2 lets interrupts out
        call registers
        call edges
        call levels
        call destinations
        jmp timer

registers:
        check pins, "number of the last entry"
        ioapic_read 1
        shr eax, 16
        and eax, 0xff
        done_value
        ; differs(bochs): id keeps - 8 bits
        check identity, "id keeps"
        ioapic_write 0, 0xffffffff
        ioapic_read 0
        done_value
        ; differs(bochs): arbitration id - it has none
        check arbitration, "arbitration id then"
        ioapic_read 2
        done_value
        ioapic_write 0, 0
        check low, "low half of an entry keeps"
        redirect 20, 0x1bfff
        entry_value 20
        check high, "high half of an entry keeps"
        ioapic_write IOREDTBL + 2 * 20 + 1, 0xff000000
        ioapic_read IOREDTBL + 2 * 20 + 1
        done_value
        redirect 20, RED_MASKED
        check selected, "the select register reads"
        ioapic_write 0x21, 0
        mov eax, [abs IOAPIC]
        done_value
        ret

; on_interrupt_log: the handler of all vectors from FIRST_VECTOR on: notes the vector and COM2's entry, runs
; [inside], ends the interrupt.
on_interrupt_log:
        mov rax, [rdi + FRAME_VECTOR]
        shl qword [log], 8
        or [log], al
        ioapic_read IOREDTBL + 2 * PIN_COM2
        mov [entry_inside], eax
        mov rax, [inside]
        test rax, rax
        jz .end
        call rax
.end:   apic_write APIC_EOI, 0
        ret

; raise: makes COM2 ask for an interrupt; lower: ends that.
raise:
        push rdx
        outb COM2 + 1, 0                        ; THRE interrupt off and on
        outb COM2 + 1, 2
        pop rdx
        ret
lower:
        push rax
        push rdx
        outb COM2 + 1, 0
        pop rdx
        pop rax
        ret

; open: a moment with interrupts enabled.
%macro open 0
        sti
        times 4 nop
        cli
%endmacro

edges:
        check edge, "edge: vectors"
        redirect PIN_COM2, 0x40
        call raise
        open
        log_value
        check edge_entry, "its entry in the handler"
        mov eax, [entry_inside]
        done_value
        check edge_high, "while the line stays high: vectors"
        open
        log_value
        check edge_two, "two edges before interrupts are enabled: vectors"
        call raise
        call raise
        open
        log_value
        check edge_masked, "an edge while masked: vectors"
        redirect PIN_COM2, RED_MASKED | 0x40
        call raise
        open
        log_value
        check edge_unmasked, "after unmasking it: vectors"
        redirect PIN_COM2, 0x40
        open
        log_value
        check edge_irr_masked, "masked after it was accepted: vectors"
        call raise
        redirect PIN_COM2, RED_MASKED | 0x40
        open
        log_value
        check edge_vector, "vector changed after it was accepted: vectors"
        redirect PIN_COM2, 0x40
        call raise
        redirect PIN_COM2, 0x41
        open
        log_value
        call lower
        check edge_low_active, "active low, edge: vectors when the line rises"
        redirect PIN_COM2, RED_LOW_ACTIVE | 0x42
        open
        mov qword [log], 0
        call raise
        open
        log_value
        call lower
        open
        mov qword [log], 0
        ret

levels:
        check level, "level triggered: vectors"
        mov qword [inside], lower
        redirect PIN_COM2, RED_LEVEL | 0x50
        call raise
        open
        log_value
        ; differs(bochs): level: its entry - it has no remote IRR
        check level_entry, "level: its entry in the handler"
        mov eax, [entry_inside]
        done_value
        check level_after, "its entry afterwards"
        entry_value PIN_COM2
        ; differs(bochs): waiting in the irr - the same
        check level_accepted, "waiting in the irr: its entry"
        call raise
        entry_value PIN_COM2
        ; differs(bochs): tmr bit - it is not set
        check level_tmr, "tmr bit of its vector"
        open
        apic_read APIC_TMR + 0x20
        mov qword [log], 0
        done_value
        ; differs(bochs): the handler lowers - a line that stays asserted is not heard again
        check level_again, "the handler lowers the line the third time: vectors"
        mov qword [inside], lower_third
        mov dword [count], 0
        call raise
        open
        open
        open
        log_value
        ; differs(bochs): raised while masked - it is remembered
        check level_masked, "raised while masked: vectors"
        mov qword [inside], lower
        redirect PIN_COM2, RED_MASKED | RED_LEVEL | 0x50
        call raise
        open
        log_value
        ; differs(bochs): unmasked while the line - the same
        check level_unmasked, "unmasked while the line is high: vectors"
        redirect PIN_COM2, RED_LEVEL | 0x50
        open
        log_value
        check level_gone, "raised and lowered while masked, then unmasked: vectors"
        redirect PIN_COM2, RED_MASKED | RED_LEVEL | 0x50
        call raise
        call lower
        redirect PIN_COM2, RED_LEVEL | 0x50
        open
        log_value
        check level_to_edge, "its entry, made edge-triggered while it is served"
        mov qword [inside], make_edge
        call raise
        open
        mov eax, [entry_inside]
        mov qword [log], 0
        done_value
        mov qword [inside], 0
        redirect PIN_COM2, RED_MASKED
        call lower
        ret

lower_third:
        inc dword [count]
        cmp dword [count], 3
        je lower
        ret

make_edge:
        call lower
        redirect PIN_COM2, RED_MASKED | 0x50
        ioapic_read IOREDTBL + 2 * PIN_COM2
        mov [entry_inside], eax
        ret

; arrives label, "text", low half, destination: which vectors arrive.
%macro arrives 4
        check %1, %2
        redirect PIN_COM2, %3, %4
        call raise
        open
        log_value
%endmacro

destinations:
        arrives to_0, "to physical 0: vectors", 0x60, 0
        arrives to_3, "to physical 3: vectors", 0x60, 3
        ; differs(bochs): to physical ffh - a request that was refused comes here
        arrives to_all, "to physical ffh: vectors", 0x61, 0xff
        ; differs(bochs): lowest priority - it is not accepted
        arrives lowest, "lowest priority to physical 0: vectors", RED_LOWEST | 0x62, 0
        apic_write APIC_LDR, 0x02000000
        arrives flat_2, "to logical 02h: vectors", RED_LOGICAL | 0x63, 2
        arrives flat_1, "to logical 01h: vectors", RED_LOGICAL | 0x63, 1
        apic_write APIC_LDR, 0
        apic_write APIC_TPR, 0x70
        arrives task_priority, "tpr 70h: vectors", 0x64, 0
        check task_priority_0, "tpr 0: vectors"
        apic_write APIC_TPR, 0
        open
        log_value
        check nmi, "delivery mode nmi: nmis"
        on_interrupt 2, on_nmi
        redirect PIN_COM2, LVT_NMI
        call raise
        mov ecx, 1000                           ; an emulator may deliver it a little later
        loop $
        mov eax, [nmis]
        done_value
        redirect PIN_COM2, RED_MASKED
        call lower
        ret

on_nmi: inc dword [nmis]
        ret

timer:
        check pit, "the timer on pin 2: vectors"
        redirect PIN_PIT, 0x70
        call tick
        log_value
        check pit_masked, "while masked: vectors"
        redirect PIN_PIT, RED_MASKED | 0x70
        call tick
        log_value
        ; differs(bochs): level triggered, its output - a line that stays asserted is not heard again
        check pit_level, "level triggered, its output stays high: vectors until it is masked the third time"
        mov qword [inside], mask_pit
        mov dword [count], 0
        redirect PIN_PIT, RED_LEVEL | 0x70
        call start_pit
        mov ecx, TURNS
        sti
.wait:  cmp dword [count], 3
        loopne .wait
        cli
        mov eax, [count]
        mov qword [log], 0
        mov qword [inside], 0
        done_value
        ret

mask_pit:
        inc dword [count]
        cmp dword [count], 3
        jb .done
        redirect PIN_PIT, RED_MASKED
.done:  ret

; tick: one edge of the timer's output with interrupts enabled; waits for a vector in the log, or a long time.
tick:   call start_pit
        mov ecx, TURNS
        sti
.wait:  cmp qword [log], 0
        loope .wait
        cli
        ret

start_pit:
        outb PIT_CONTROL, 0x30                  ; mode 0
        outb PIT_CHANNEL0, 0
        outb PIT_CHANNEL0, 1
        ret

        section .bss
        alignb 8
log:            resq 1                          ; vectors that arrived, the latest in the lowest byte
inside:         resq 1                          ; called from the handler
entry_inside:   resd 1
count:          resd 1
nmis:           resd 1
