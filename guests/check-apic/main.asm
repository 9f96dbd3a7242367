; check-apic: the local APIC: its registers, interrupts sent to itself, priorities (TPR, PPR, CR8), EOI,
; destinations, NMI, errors, software and hardware disable.
; Shows: the state that firmware leaves, what each register keeps, the order in which interrupts arrive.
; SDM 3A chapter 10, Advanced Programmable Interrupt Controller.

%define TABLE_COUNT 32
%include "../inc/guest.inc"
%include "../inc/check.inc"
%include "../inc/apic.inc"

FIRST_VECTOR    equ 0x30            ; these vectors, up to 9Fh, are logged
LAST_VECTOR     equ 0x9f

; show label, "text", register: what it reads as.
%macro show 3
        check %1, %2
        apic_read %3
        done_value
%endmacro

; keeps label, "text", register, value: what it reads as after a write; then it gets `restored` back.
%macro keeps 4-5 0
        check %1, %2
        apic_write %3, %4
        apic_read %3
        apic_write %3, %5
        done_value
%endmacro

; ipi command: to the interrupt command register, with the destination that is there.
%macro ipi 1
        apic_write APIC_ICR_LOW, %1
%endmacro

; log_value: what has arrived since the last time, the first vector in the highest byte.
%macro log_value 0
        mov rax, [log]
        mov qword [log], 0
        done_value
%endmacro

; open: a moment with interrupts enabled.
%macro open 0
        sti
        nop
        nop
        nop
        nop
        cli
%endmacro

main:
        call check_init
        call apic_init
        mov ecx, FIRST_VECTOR
.next:  mov qword [handlers + rcx * 8], on_interrupt_log
        inc ecx
        cmp ecx, LAST_VECTOR
        jbe .next
        call initial
        call kept
        call ordered
        call priorities
        call destinations
        call errors
        call disabled
        jmp base

initial:
        show initial_id, "id", APIC_ID
        show initial_version, "version", APIC_VERSION
        show initial_tpr, "tpr", APIC_TPR
        show initial_ppr, "ppr", APIC_PPR
        show initial_ldr, "ldr", APIC_LDR
        show initial_dfr, "dfr", APIC_DFR
        show initial_svr, "svr", APIC_SVR
        show initial_timer, "lvt timer", APIC_LVT_TIMER
        show initial_thermal, "lvt thermal", APIC_LVT_THERMAL
        show initial_perf, "lvt performance", APIC_LVT_PERF
        ; differs(bochs): lvt lint0: - its BIOS leaves it masked
        show initial_lint0, "lvt lint0", APIC_LVT_LINT0
        ; differs(bochs): lvt lint1: - the same
        show initial_lint1, "lvt lint1", APIC_LVT_LINT1
        show initial_error, "lvt error", APIC_LVT_ERROR
        show initial_esr, "esr", APIC_ESR
        check initial_base, "ia32_apic_base"
        mov ecx, IA32_APIC_BASE
        rdmsr
        done_value
        ret

kept:
        keeps kept_tpr, "tpr keeps", APIC_TPR, 0xffffffff
        keeps kept_ldr, "ldr keeps", APIC_LDR, 0xffffffff
        keeps kept_dfr, "dfr keeps", APIC_DFR, 0x0, 0xffffffff
        keeps kept_svr, "svr keeps", APIC_SVR, 0x1fe, SVR_ENABLE | 0xff
        ; differs(qemu): lvt timer keeps - reserved bits are not read-only
        keeps kept_timer, "lvt timer keeps", APIC_LVT_TIMER, 0xfffbafff, LVT_MASKED
        ; differs(qemu): lvt thermal keeps - reserved bits are not read-only
        keeps kept_thermal, "lvt thermal keeps", APIC_LVT_THERMAL, 0xffffafff, LVT_MASKED
        ; differs(qemu): lvt performance keeps - reserved bits are not read-only
        keeps kept_perf, "lvt performance keeps", APIC_LVT_PERF, 0xffffafff, LVT_MASKED
        ; differs(qemu): lvt lint0 keeps - reserved bits are not read-only
        keeps kept_lint0, "lvt lint0 keeps", APIC_LVT_LINT0, 0xffffafff, LVT_EXTINT
        ; differs(qemu): lvt lint1 keeps - reserved bits are not read-only
        keeps kept_lint1, "lvt lint1 keeps", APIC_LVT_LINT1, 0xffffafff, LVT_NMI
        ; differs(qemu): lvt error keeps - reserved bits are not read-only
        keeps kept_error, "lvt error keeps", APIC_LVT_ERROR, 0xffffafff, LVT_MASKED
        ; differs(qemu): icr high keeps - reserved bits are not read-only
        keeps kept_high, "icr high keeps", APIC_ICR_HIGH, 0xffffffff
        keeps kept_divide, "divide keeps", APIC_DIVIDE, 0xffffffff
        keeps kept_version, "version keeps", APIC_VERSION, 0xffffffff, 0xffffffff
        keeps kept_isr, "isr keeps", APIC_ISR, 0xffffffff, 0xffffffff
        check kept_low, "icr low keeps"
        ipi 0x000c4640                          ; a start-up message to nobody
        apic_read APIC_ICR_LOW
        done_value
        ret

; on_interrupt_log: the handler of all vectors from FIRST_VECTOR on: notes the vector, runs [inside] once.
on_interrupt_log:
        mov rax, [rdi + FRAME_VECTOR]
        shl qword [log], 8
        or [log], al
        mov rax, [inside]
        test rax, rax
        jz .end
        mov qword [inside], 0
        call rax
.end:   apic_write APIC_EOI, 0
        ret

ordered:
        check irr, "irr with interrupts disabled"
        ipi ICR_SELF | 0x45
        ipi ICR_SELF | 0x92
        ipi ICR_SELF | 0x31
        ipi ICR_SELF | 0x31
        ipi ICR_SELF | 0x4e
        apic_read APIC_IRR + 0x20               ; vectors 40h to 5Fh
        shl rax, 32
        mov rbx, rax
        apic_read APIC_IRR + 0x10               ; 20h to 3Fh
        or rax, rbx
        done_value
        check order, "the order in which they arrive"
        open
        log_value
        check irr_after, "irr afterwards"
        apic_read APIC_IRR + 0x20
        done_value
        check isr_inside, "isr of vector 61h in its handler"
        mov qword [inside], .isr
        ipi ICR_SELF | 0x61
        open
        mov rax, [seen]
        done_value
        jmp .ppr
.isr:   apic_read APIC_ISR + 0x30
        mov [seen], rax
        ret
.ppr:   check ppr_inside, "ppr in the handler of vector 67h"
        mov qword [inside], .ppr_seen
        ipi ICR_SELF | 0x67
        open
        mov rax, [seen]
        done_value
        jmp .nested
.ppr_seen:
        apic_read APIC_PPR
        mov [seen], rax
        ret
.nested:
        ; differs(bochs): 58h, - 5fh gives it a spurious interrupt
        check nested, "58h, in its handler 5fh (same class) and 60h (above), then 31h"
        mov qword [log], 0
        mov qword [inside], send_three
        ipi ICR_SELF | 0x58
        open
        log_value
        check eoi_without, "an eoi with nothing in service"
        apic_write APIC_EOI, 0
        apic_read APIC_PPR
        done_value
        ret

send_three:
        ipi ICR_SELF | 0x5f
        ipi ICR_SELF | 0x60
        ipi ICR_SELF | 0x31
        open
        ret

priorities:
        open
        mov qword [log], 0
        check tpr_ppr, "ppr follows tpr 53h"
        apic_write APIC_TPR, 0x53
        apic_read APIC_PPR
        done_value
        check tpr_cr8, "cr8 then"
        mov rax, cr8
        done_value
        check tpr_holds, "tpr 53h: 5fh waits, 60h comes"
        ipi ICR_SELF | 0x5f
        ipi ICR_SELF | 0x60
        open
        log_value
        check cr8_tpr, "tpr after cr8 = 4"
        mov eax, 4
        mov cr8, rax
        apic_read APIC_TPR
        done_value
        check cr8_opens, "then 5fh comes"
        open
        log_value
        check cr8_opens_at_once, "lowering cr8 with interrupts enabled lets 81h in at once"
        mov eax, 8
        mov cr8, rax
        ipi ICR_SELF | 0x81
        sti
        nop
        xor eax, eax
        mov rbx, [log]
        mov cr8, rax
        mov rcx, [log]
        cli
        mov eax, ebx
        shl eax, 16
        or eax, ecx
        mov qword [log], 0
        done_value
        ; differs(qemu): cr8 = 10h - reserved bits are not checked
        check cr8_reserved, "cr8 = 10h"
        mov eax, 0x10
        mov cr8, rax
        done
        check tpr_15, "tpr ffh holds back everything"
        apic_write APIC_TPR, 0xff
        ipi ICR_SELF | 0x9f
        open
        mov rax, [log]
        apic_write APIC_TPR, 0
        done_value
        check tpr_0, "and 0 lets it in"
        open
        log_value
        check low_class, "vector 10h to 1fh: class 1 is above tpr 0"
        on_interrupt 0x18, on_interrupt_log
        ipi ICR_SELF | 0x18
        open
        log_value
        ret

; arrives label, "text", destination, command: which of the vectors sent arrive.
%macro arrives 4
        check %1, %2
        apic_write APIC_ICR_HIGH, (%3) << 24
        ipi %4
        open
        log_value
%endmacro

destinations:
        arrives to_0, "to physical 0", 0, 0x40
        arrives to_1, "to physical 1", 1, 0x40
        arrives to_ff, "to physical ffh", 0xff, 0x41
        arrives to_all, "to all including self", 5, ICR_ALL | 0x42
        arrives to_others, "to all but self", 0, ICR_OTHERS | 0x43
        arrives to_self, "to self, lowest priority", 5, ICR_SELF | 0x144
        apic_write APIC_LDR, 0x06000000
        arrives flat_2, "flat 06h, to 02h", 2, ICR_LOGICAL | 0x45
        arrives flat_1, "flat 06h, to 01h", 1, ICR_LOGICAL | 0x45
        arrives flat_ff, "flat 06h, to ffh, lowest priority", 0xff, ICR_LOGICAL | 0x146
        apic_write APIC_DFR, 0x0fffffff
        apic_write APIC_LDR, 0x26000000
        arrives cluster_22, "cluster 26h, to 22h", 0x22, ICR_LOGICAL | 0x47
        arrives cluster_29, "cluster 26h, to 29h", 0x29, ICR_LOGICAL | 0x47
        arrives cluster_16, "cluster 26h, to 16h", 0x16, ICR_LOGICAL | 0x47
        ; differs(qemu): cluster 26h, to ffh - no broadcast to all clusters
        arrives cluster_ff, "cluster 26h, to ffh", 0xff, ICR_LOGICAL | 0x48
        apic_write APIC_DFR, 0xffffffff
        apic_write APIC_LDR, 0
        apic_write APIC_ICR_HIGH, 0
        check nmi, "nmis after one to physical 0"
        call send_nmi
        done_value
        check startup, "start-up to self: it is running"
        ipi 0x4640
        done
        check init_deassert, "init, level, not asserted"
        ipi ICR_ALL | 0x8500
        done
        ret

; send_nmi: RAX = how many have come by now.
send_nmi:
        on_interrupt 2, .count
        ipi LVT_NMI | 0x4000
        mov ecx, 1000                           ; an emulator may deliver it a little later
        loop $
        mov rax, [nmi_count]
        ret
.count: inc qword [nmi_count]
        ret

; esr_value: what the error status register has collected.
%macro esr_value 0
        apic_write APIC_ESR, 0
        apic_read APIC_ESR
        done_value
%endmacro

errors:
        apic_write APIC_ESR, 0
        apic_write APIC_ESR, 0                  ; forgets what was before
        check esr_register, "esr after reading register 3f0h"
        mov eax, [abs APIC + 0x3f0]
        esr_value
        ; differs(qemu): esr after another write - it never clears it
        check esr_clear, "esr after another write"
        esr_value
        ret

disabled:
        apic_write APIC_LVT_ERROR, 0x51
        ; differs(qemu): software-disabled - the masks are not set
        check off_lvt, "software-disabled: lvt error"
        apic_write APIC_SVR, 0xff
        apic_read APIC_LVT_ERROR
        done_value
        ; differs(qemu): and after unmasking - nor held
        check off_unmask, "and after unmasking it"
        apic_write APIC_LVT_ERROR, 0x51
        apic_read APIC_LVT_ERROR
        done_value
        check off_nmi, "nmis after another one then"
        call send_nmi
        done_value
        ; differs(qemu): what was requested before - it waits
        check off_pending, "what was requested before is still delivered"
        apic_write APIC_SVR, SVR_ENABLE | 0xff
        ipi ICR_SELF | 0x71
        apic_write APIC_SVR, 0xff
        open
        log_value
        apic_write APIC_SVR, SVR_ENABLE | 0xff
        open
        ret

%macro base_write 2                 ; base_write low half, high half
        mov ecx, IA32_APIC_BASE
        mov eax, %1
        mov edx, %2
        wrmsr
%endmacro

; move_apic address: the local APIC, and where APIC leads to.
%macro move_apic 1
        base_write (%1) | 0x900, 0
        look_at %1
%endmacro

%macro look_at 1
        map APIC, (%1) | PTE_P | PTE_RW | PTE_PCD
        invlpg [abs APIC]
%endmacro

base:
        ; differs(qemu): ia32_apic_base with bit 0 - reserved bits are not checked
        check base_low, "ia32_apic_base with bit 0"
        base_write 0xfee00901, 0
        done
        ; differs(qemu): with bit 9 - reserved bits are not checked
        check base_9, "with bit 9"
        base_write 0xfee00b00, 0
        done
        ; differs(qemu): with bit 52 - the same
        check base_high, "with bit 52"
        base_write 0xfee00900, 0x100000
        done
        ; differs(qemu): version register at fe000000h - its APIC does not move
        check base_moved, "version register at fe000000h"
        move_apic 0xfe000000
        apic_read APIC_VERSION
        done_value
        ; differs(qemu): and at fee00000h - the same
        check base_left, "and at fee00000h"
        look_at APIC_BASE
        apic_read APIC_VERSION
        done_value
        ; differs(qemu): over RAM - the same
        check base_ram, "over RAM at 3000000h"
        move_apic 0x03000000
        apic_read APIC_VERSION
        done_value
        check ram_below, "RAM there when it has moved away"
        base_write 0xfee00900, 0
        apic_read APIC_VERSION
        done_value
        look_at APIC_BASE
        check base_off, "apic off: cpuid.1:edx bit 9"
        base_write 0xfee00100, 0
        call cpuid_apic
        done_value
        base_write 0xfee00900, 0
        ; differs(bochs): on again - its APIC cannot be switched on again
        check base_svr, "on again: svr"
        apic_read APIC_SVR
        done_value
        ret

cpuid_apic:
        mov eax, 1
        cpuid
        xor eax, eax
        bt edx, 9
        adc eax, eax
        ret

        section .bss
        alignb 8
log:            resq 1                          ; vectors that arrived, the latest in the lowest byte
inside:         resq 1                          ; called once, from the next handler
seen:           resq 1
nmi_count:      resq 1
