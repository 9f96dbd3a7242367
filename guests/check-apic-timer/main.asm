; check-apic-timer: the timer of the local APIC, one-shot and periodic: its counts, its divider, its mask.
; Shows: that it counts down, how often it interrupts, what stops it. No times are printed, so that it is the
; same on machines of any speed.
; SDM 3A 10.5.4, APIC Timer.

%include "../inc/guest.inc"
%include "../inc/check.inc"
%include "../inc/apic.inc"

TIMER           equ 0x40            ; vectors
OTHER           equ 0x50
SOON            equ 20000           ; counts
LATE            equ 0xf0000000
MOMENT          equ 300000          ; turns of a loop that is waited out
TURNS           equ 30000000        ; of a loop that is given up

main:
        call check_init
        call apic_init
        on_interrupt TIMER, on_timer
        on_interrupt OTHER, on_timer
        apic_write APIC_DIVIDE, DIVIDE_BY_1
        call counts
        call one_shot
        jmp periodic

on_timer:
        inc dword [ticks]
        mov rax, [rdi + FRAME_VECTOR]
        mov [last_vector], eax
        apic_write APIC_EOI, 0
        ret

%macro timer 2                      ; timer LVT entry, initial count: starts it
        mov dword [ticks], 0
        apic_write APIC_LVT_TIMER, %1
        apic_write APIC_INITIAL, %2
%endmacro

; wait_ticks count: until that many interrupts have come, or a long time has passed. RAX = how many have.
%macro wait_ticks 1
        mov ebx, %1
        call await
%endmacro

await:
        mov ecx, TURNS
        sti
.next:  cmp [ticks], ebx
        jae .done
        loop .next
.done:  cli
        mov eax, [ticks]
        ret

; wait_a_moment: much longer than SOON.
wait_a_moment:
        mov ebx, -1
        mov ecx, MOMENT
        sti
.next:  pause
        loop .next
        cli
        mov eax, [ticks]
        ret

; is condition: RAX = 1 if the flags say so.
%macro is 1
        set%1 al
        movzx eax, al
        done_value
%endmacro

counts:
        check at_rest, "current count at rest"
        apic_read APIC_CURRENT
        done_value
        check initial, "initial count keeps"
        timer LVT_MASKED | TIMER, 0x12345678
        apic_read APIC_INITIAL
        done_value
        check running, "masked, the current count is lower than the initial count"
        apic_read APIC_CURRENT
        cmp eax, 0x12345678
        is b
        check falling, "and falls"
        apic_read APIC_CURRENT
        mov ebx, eax
        mov ecx, 10000
        loop $
        apic_read APIC_CURRENT
        cmp eax, ebx
        is b
        check stopped, "current count after an initial count of 0"
        apic_write APIC_INITIAL, 0
        apic_read APIC_CURRENT
        done_value
        check read_only, "the current count cannot be written"
        apic_write APIC_CURRENT, 0x1000
        apic_read APIC_CURRENT
        done_value
        check divided, "divided by 128 it falls at least 30 times slower"
        call speed
        mov ebp, eax
        apic_write APIC_DIVIDE, 0x0a
        call speed
        apic_write APIC_DIVIDE, DIVIDE_BY_1
        imul eax, 30
        cmp eax, ebp
        is b
        check divide_2, "divided by 2 it falls slower"
        call speed
        mov ebp, eax
        apic_write APIC_DIVIDE, 0
        call speed
        apic_write APIC_DIVIDE, DIVIDE_BY_1
        cmp eax, ebp
        is b
        ret

; speed: EAX = by how much the count falls within a loop.
speed:
        apic_write APIC_INITIAL, LATE
        mov ecx, 300000
        loop $
        apic_read APIC_CURRENT
        sub eax, LATE
        neg eax
        apic_write APIC_INITIAL, 0
        ret

one_shot:
        check shot, "one-shot: interrupts"
        timer TIMER, SOON
        wait_ticks 1
        done_value
        check shot_vector, "its vector"
        mov eax, [last_vector]
        done_value
        check shot_over, "current count afterwards"
        apic_read APIC_CURRENT
        done_value
        check shot_only, "interrupts after a long time"
        call wait_a_moment
        done_value
        check shot_masked, "masked: interrupts"
        timer LVT_MASKED | TIMER, SOON
        call wait_a_moment
        done_value
        check shot_masked_over, "but the count has reached"
        apic_read APIC_CURRENT
        done_value
        check shot_unmasked, "interrupts after unmasking it then"
        apic_write APIC_LVT_TIMER, TIMER
        call wait_a_moment
        done_value
        check shot_again, "started twice: interrupts"
        timer TIMER, LATE
        apic_write APIC_INITIAL, SOON
        wait_ticks 1
        call wait_a_moment
        done_value
        check shot_vector_changed, "the vector changed while it runs"
        timer TIMER, SOON * 200
        apic_write APIC_LVT_TIMER, OTHER
        wait_ticks 1
        mov eax, [last_vector]
        done_value
        check shot_irr, "with interrupts disabled it waits in the irr"
        timer TIMER, SOON
        mov ecx, TURNS
.next:  apic_read APIC_IRR + 0x20
        test eax, eax
        loopz .next
        done_value
        check shot_late, "and comes when they are enabled"
        wait_ticks 1
        done_value
        ret

periodic:
        check many, "periodic: at least 5 interrupts"
        timer LVT_PERIODIC | TIMER, SOON
        wait_ticks 5
        cmp eax, 5
        is ae
        check many_count, "current count between 0 and the initial count"
        apic_read APIC_CURRENT
        cmp eax, SOON
        is be
        check many_stopped, "initial count 0 stops it: more than one interrupt"
        apic_write APIC_INITIAL, 0
        mov dword [ticks], 0
        call wait_a_moment
        cmp eax, 1
        is a
        check many_masked, "masked: more than one interrupt"
        timer LVT_PERIODIC | TIMER, SOON
        apic_write APIC_LVT_TIMER, LVT_MASKED | LVT_PERIODIC | TIMER
        mov dword [ticks], 0
        call wait_a_moment
        cmp eax, 1
        is a
        check many_unmasked, "unmasked it goes on: at least 5 interrupts"
        apic_write APIC_LVT_TIMER, LVT_PERIODIC | TIMER
        wait_ticks 5
        cmp eax, 5
        is ae
        check many_one_shot, "made one-shot while it runs: interrupts from the next on"
        apic_write APIC_LVT_TIMER, TIMER
        call wait_a_moment
        mov dword [ticks], 0
        call wait_a_moment
        done_value
        check many_disabled, "software-disabled: more than one interrupt"
        timer LVT_PERIODIC | TIMER, SOON
        apic_write APIC_SVR, 0xff
        mov dword [ticks], 0
        call wait_a_moment
        apic_write APIC_SVR, SVR_ENABLE | 0xff
        apic_write APIC_INITIAL, 0
        cmp eax, 1
        is a
        check halted, "it ends a halt: interrupts"
        timer TIMER, SOON
        sti
        hlt
        cli
        mov eax, [ticks]
        done_value
        ret

        section .bss
ticks:          resd 1
last_vector:    resd 1
