; check-tsc-deadline: the timer of the local APIC in TSC-deadline mode.
; Shows: what IA32_TSC_DEADLINE holds before and after, that the interrupt does not come early, what disarms it.
; SDM 3A 10.5.4.1, TSC-Deadline Mode.

%include "../inc/guest.inc"
%include "../inc/check.inc"
%include "../inc/apic.inc"

TIMER           equ 0x40            ; vector
SOON            equ 200000          ; counts of the TSC
LATE            equ 1 << 40
TURNS           equ 3000000         ; of a loop that is given up

main:
        require "tsc-deadline mode", 1, ecx, 24
        call check_init
        call apic_init
        on_interrupt TIMER, on_timer
        apic_write APIC_DIVIDE, DIVIDE_BY_1
        call other_modes
        jmp deadline

on_timer:
        inc dword [ticks]
        rdtsc
        shl rdx, 32
        or rax, rdx
        mov [arrival], rax
        apic_write APIC_EOI, 0
        ret

; arm_in counts: RAX = the deadline.
%macro arm_in 1
        mov rdi, %1
        call arm
%endmacro

arm:
        mov dword [ticks], 0
        rdtsc
        shl rdx, 32
        or rax, rdx
        add rax, rdi
        mov [due], rax
        ; falls through

; write_deadline: RAX to the MSR.
write_deadline:
        mov rdx, rax
        shr rdx, 32
        mov ecx, IA32_TSC_DEADLINE
        wrmsr
        ret

read_deadline:
        mov ecx, IA32_TSC_DEADLINE
        rdmsr
        shl rdx, 32
        or rax, rdx
        ret

; await: until an interrupt has come, or a long time has passed. RAX = how many have come.
await:
        mov ecx, TURNS
        sti
.next:  cmp dword [ticks], 0
        jne .done
        loop .next
.done:  cli
        mov eax, [ticks]
        ret

other_modes:
        check ignored, "deadline after a write in one-shot mode"
        apic_write APIC_LVT_TIMER, TIMER
        arm_in SOON
        call read_deadline
        done_value
        check ignored_ticks, "interrupts then"
        call await
        done_value
        ret

deadline:
        check mode, "lvt timer keeps"
        apic_write APIC_LVT_TIMER, LVT_DEADLINE | TIMER
        apic_read APIC_LVT_TIMER
        done_value
        check unarmed, "deadline before any"
        call read_deadline
        done_value
        check armed, "armed: the deadline less what was written"
        arm_in LATE
        call read_deadline
        sub rax, [due]
        done_value
        check zero, "disarmed by 0: deadline"
        xor eax, eax
        call write_deadline
        call read_deadline
        done_value
        check comes, "interrupts"
        arm_in SOON
        call await
        done_value
        check not_early, "and not before its time"
        mov rax, [arrival]
        cmp rax, [due]
        setae al
        movzx eax, al
        done_value
        check past, "a deadline that has passed: interrupts"
        mov dword [ticks], 0
        mov eax, 1
        call write_deadline
        call await
        done_value
        check counts, "initial count cannot be written, the current count reads"
        apic_write APIC_INITIAL, 0x1000
        apic_read APIC_CURRENT
        done_value
        check halted, "it ends a halt: interrupts"
        arm_in SOON
        sti
        hlt
        cli
        mov eax, [ticks]
        done_value
        check masked, "masked: interrupts"
        apic_write APIC_LVT_TIMER, LVT_DEADLINE | LVT_MASKED | TIMER
        arm_in SOON
        call await
        done_value
        ret

        section .bss
        alignb 8
due:            resq 1
arrival:        resq 1
ticks:          resd 1
