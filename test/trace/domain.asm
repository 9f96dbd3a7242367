; A PV kernel that takes an exit of each kind once, on the page tables that it is entered with.

%include "../inc/para.inc"

        section .data
        align 8
callback: dw CALLBACKTYPE_event, CALLBACKF_mask_events
        dd 0
        dq upcall
traps:  db 3, 3                     ; #BP, from everywhere
        dw FLAT_KERNEL_CS
        dd 0
        dq breakpoint
        dq 0, 0
bind:   dd VIRQ_TIMER, 0, 0
calls:  dq __HYPERVISOR_xen_version, 0, XENVER_version, 0, 0, 0, 0, 0
        dq 77, 0, 0, 0, 0, 0, 0, 0
bad_op: dd 99, 0
        dq 0x1000, 0
reason: dd SHUTDOWN_poweroff

        section .text
main:
        hypercall callback_op, CALLBACKOP_register, callback
        hypercall set_trap_table, traps
        hypercall event_channel_op, EVTCHNOP_bind_virq, bind
        hypercall event_channel_op, 99, bind
        hypercall multicall, calls, 2
        hypercall mmuext_op, bad_op, 1, 0, DOMID_SELF
        mov eax, 77
        syscall
        int3

        xor eax, eax
        ud2
        db "xen"
        cpuid
        mov rax, cr0
        mov al, '!'
        out 0xe9, al
        rdtsc
        shl rdx, 32
        lea rdi, [rdx + rax + 1000]
        call hypercall_page + __HYPERVISOR_set_timer_op * 32
        hypercall sched_op, SCHEDOP_block, 0
        ud2                         ; what comes first is the event

breakpoint:
        pop rcx
        pop r11
        hypercall_iret
upcall: hypercall sched_op, SCHEDOP_shutdown, reason
        ud2
