; A kernel for Xen's PV ABI from its public headers alone, for NASM and ld, with nothing of guests/inc: it prints by console_io
; and by the console's ring, maps a page by mmu_update, takes the event of a timer, and ends by SHUTDOWN_poweroff. VIRT_BASE is 0,
; so that pseudo-physical addresses are virtual ones.
;
;       nasm -f elf64 pv-documented.asm && ld -o pv-documented pv-documented.o

        bits 64
        default rel
        global _start

; xen.h, event_channel.h, sched.h
mmu_update      equ 1
set_callbacks   equ 4
update_va_mapping equ 14
set_timer_op    equ 15
xen_version     equ 17
console_io      equ 18
iret_call       equ 23
sched_op        equ 29
event_channel_op equ 32
SCHEDOP_block   equ 1
SCHEDOP_shutdown equ 2
EVTCHNOP_bind_virq equ 1
EVTCHNOP_send   equ 4
EVTCHNOP_unmask equ 9
XENVER_get_features equ 6
UVMF_INVLPG     equ 2
DOMID_SELF      equ 0x7ff0
MACH2PHYS       equ 0xffff800000000000

; struct start_info
SHARED_INFO     equ 40
CONSOLE_MFN     equ 72
CONSOLE_EVTCHN  equ 80
PT_BASE         equ 88
MFN_LIST        equ 104

; struct shared_info, with struct vcpu_info of vCPU 0 at its beginning
UPCALL_PENDING  equ 0
UPCALL_MASK     equ 1
PENDING_SEL     equ 8
SYSTEM_TIME     equ 32 + 16
EVTCHN_PENDING  equ 2048

; struct xencons_interface
RING_OUT        equ 1024
RING_OUT_CONS   equ 3080
RING_OUT_PROD   equ 3084

RIGHTS          equ 0x67                        ; present, writable, user, accessed, dirty
ADDRESS         equ 0x000ffffffffff000

; elfnote.h
%macro note 2                                   ; type, descriptor
        dd 4, %%end - %%descriptor, %1
        db "Xen", 0
%%descriptor:
        %2
%%end:  align 4, db 0
%endmacro

        section .note.Xen note alloc noexec nowrite align=4
        note 6, {db "documented", 0}            ; GUEST_OS
        note 5, {db "xen-3.0", 0}               ; XEN_VERSION
        note 8, {db "generic", 0}               ; LOADER
        note 3, {dq 0}                          ; VIRT_BASE
        note 1, {dq _start}                     ; ENTRY
        note 2, {dq hypercall_page}
        note 10, {db "auto_translated_physmap|pae_pgdir_above_4gb", 0} ; FEATURES

%macro hypercall 1                              ; number; arguments in rdi, rsi, rdx, r10
        call hypercall_page + %1 * 32
%endmacro

        section .text align=4096
hypercall_page:
        times 4096 db 0

_start: cld
        mov r15, rsi                            ; the start info
        lea rsp, [stack_top]
        xor edi, edi                            ; CONSOLEIO_write
        mov esi, hello_end - hello
        lea rdx, [hello]
        hypercall console_io

        mov edi, XENVER_get_features
        lea rsi, [features]
        hypercall xen_version
        mov rax, [r15 + MFN_LIST]               ; the identity where the hypervisor translates
        mov rcx, MACH2PHYS
        bt dword [features + 4], 2              ; auto_translated_physmap
        cmovnc rax, rcx
        mov [frames], rax
        mov rax, [r15 + CONSOLE_MFN]
        shl rax, 12
        call own_address
        mov r14, rax                            ; the console's page
        lea rsi, [by_ring]
        call print

; The shared info lies in no page of the guest's: it is mapped in place of one.
        lea rdi, [shared]
        mov rsi, [r15 + SHARED_INFO]
        or rsi, RIGHTS
        mov edx, UVMF_INVLPG
        hypercall update_va_mapping
        test rax, rax
        jnz failed

; A page is mapped a second time, at the address of another one.
        lea rax, [page]
        shr rax, 12
        mov rcx, [r15 + MFN_LIST]
        mov rax, [rcx + rax * 8]
        shl rax, 12
        or rax, RIGHTS
        mov [update + 8], rax                   ; val
        lea rdi, [window]
        call find_entry
        mov [update], rax                       ; ptr, with MMU_NORMAL_PT_UPDATE
        lea rdi, [update]
        mov esi, 1
        xor edx, edx
        mov r10d, DOMID_SELF
        hypercall mmu_update
        test rax, rax
        jnz failed
        lea rdi, [window]
        mov rsi, [update + 8]
        mov edx, UVMF_INVLPG
        hypercall update_va_mapping             ; the same again, for its flush
        test rax, rax
        jnz failed
        mov dword [window + 0x123], 0x12345678
        cmp dword [page + 0x123], 0x12345678
        jne failed
        lea rsi, [mapped]
        call print

        lea rdi, [event]
        lea rsi, [failed]
        lea rdx, [failed]
        hypercall set_callbacks
        mov edi, EVTCHNOP_bind_virq
        lea rsi, [bind_virq]
        hypercall event_channel_op
        test rax, rax
        jnz failed
        mov edi, EVTCHNOP_unmask
        lea rsi, [bind_virq + 8]                ; the port
        hypercall event_channel_op
        mov rdi, [shared + SYSTEM_TIME]
        add rdi, 5000000                        ; nanoseconds
        hypercall set_timer_op
        test rax, rax
        jnz failed
.wait:  mov edi, SCHEDOP_block                  ; lets events come, too
        hypercall sched_op
        cmp byte [has_come], 0
        je .wait
        lea rsi, [came]
        call print
        mov edi, SCHEDOP_shutdown
        lea rsi, [poweroff]
        hypercall sched_op
        ud2

failed: mov edi, SCHEDOP_shutdown
        lea rsi, [crash]
        hypercall sched_op
        ud2

; The callback: RCX and R11 lie above the frame.
event:  push rax
        mov byte [shared + UPCALL_PENDING], 0
        mov qword [shared + PENDING_SEL], 0
        mov ecx, [bind_virq + 8]
        lock btr [shared + EVTCHN_PENDING], rcx
        jnc .other
        mov byte [has_come], 1
.other: pop rax
        pop rcx
        pop r11
        push 0                                  ; flags of the iret_context
        jmp hypercall_page + iret_call * 32

; own_address: RAX = an entry or a machine address; becomes the guest's address of the page.
own_address:
        mov rcx, ADDRESS
        and rax, rcx
        shr rax, 12
        mov rcx, [frames]
        mov rax, [rcx + rax * 8]
        shl rax, 12
        ret

; find_entry: RAX = the machine address of the L1 entry for RDI.
find_entry:
        mov rax, [r15 + PT_BASE]
        mov r8d, 39
.level: mov ecx, r8d
        mov rdx, rdi
        shr rdx, cl
        and edx, 511
        lea rax, [rax + rdx * 8]
        cmp r8d, 12
        je .found
        mov rax, [rax]
        call own_address
        sub r8d, 9
        jmp .level
.found: mov rdx, rax
        shr rdx, 12
        mov rcx, [r15 + MFN_LIST]
        mov rdx, [rcx + rdx * 8]
        shl rdx, 12
        and eax, 4095
        add rax, rdx
        ret

; print: the text at RSI, through the ring at R14, which is never as full as that.
print:  mov ecx, [r14 + RING_OUT_PROD]
.next:  lodsb
        test al, al
        jz .done
        mov edx, ecx
        and edx, 2047
        mov [r14 + RING_OUT + rdx], al
        inc ecx
        jmp .next
.done:  mov [r14 + RING_OUT_PROD], ecx
.wait:  mov edi, EVTCHNOP_send
        lea rsi, [r15 + CONSOLE_EVTCHN]
        hypercall event_channel_op
        mov ecx, [r14 + RING_OUT_PROD]
        cmp ecx, [r14 + RING_OUT_CONS]
        jne .wait
        ret

        section .data align=8
bind_virq:      dd 0, 0, 0                      ; virq VIRQ_TIMER, vcpu, port
poweroff:       dd 0
crash:          dd 3
features:       dd 0, 0                         ; submap_idx, submap
hello:          db `by console_io\n`
hello_end:
by_ring:        db `by the ring\n`, 0
mapped:         db `a page has two addresses\n`, 0
came:           db `a timer's event has come\n`, 0

        section .bss align=4096
shared:         resb 4096
page:           resb 4096
window:         resb 4096
stack:          resb 8192
stack_top:
frames:         resq 1
update:         resq 2                          ; a struct mmu_update
has_come:       resb 1
