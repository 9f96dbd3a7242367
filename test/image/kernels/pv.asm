; A kernel for Xen's PV ABI, written from Xen's public headers alone: it prints by console_io and by the console's
; ring what its start info says, and shuts down.

        bits 64
        default rel
        global _start
        extern VIRT_BASE

; elfnote.h
%macro note 2                                   ; type, descriptor
        dd 4, %%end - %%descriptor, %1
        db "Xen", 0
%%descriptor:
        %2
%%end:  align 4, db 0
%endmacro

        section .note note alloc noexec nowrite align=4
        note 6, {db "toy", 0}                   ; GUEST_OS
        note 7, {db "1", 0}                     ; GUEST_VERSION
        note 5, {db "xen-3.0", 0}               ; XEN_VERSION
        note 8, {db "generic", 0}               ; LOADER
        note 3, {dq VIRT_BASE}
        note 1, {dq _start}                     ; ENTRY
        note 2, {dq hypercall_page}
        note 10, {db "auto_translated_physmap|pae_pgdir_above_4gb", 0} ; FEATURES
        note 14, {dd 1}                         ; SUSPEND_CANCEL
        note 13, {dq 1, 1}                      ; L1_MFN_VALID: mask, value
        note 12, {dq 0xffff800000000000}        ; HV_START_LOW
        note 16, {dd 1}                         ; MOD_START_PFN
        note 9, {db "yes", 0}                   ; PAE_MODE

        section .hypercall_page progbits alloc exec nowrite align=4096
hypercall_page:
        times 4096 db 0

%macro hypercall 1                              ; number; arguments in rdi, rsi, rdx, r10, r8
        call hypercall_page + %1 * 32
%endmacro
console_io      equ 18
event_channel_op equ 32
xen_version     equ 17
sched_op        equ 29

; start_info
NR_PAGES        equ 32
CONSOLE_MFN     equ 72
CONSOLE_EVTCHN  equ 80
CMD_LINE        equ 128

; xencons_interface
RING_OUT        equ 1024
RING_OUT_CONS   equ 3080
RING_OUT_PROD   equ 3084

MACHINE_TO_PHYS equ 0xffff800000000000

        section .text
_start: cld
        mov [start_info], rsi
        xor edi, edi                            ; CONSOLEIO_write
        mov esi, hello_end - hello
        lea rdx, [hello]
        hypercall console_io

        call find_ring
        lea rsi, [pages]
        call print
        mov rax, [start_info]
        mov rax, [rax + NR_PAGES]
        call print_hex
        lea rsi, [command_line]
        call print
        mov rsi, [start_info]
        add rsi, CMD_LINE
        call print
        lea rsi, [newline]
        call print

        mov edi, 2                              ; SCHEDOP_shutdown, for the reason SHUTDOWN_poweroff
        lea rsi, [poweroff]
        hypercall sched_op
        ud2

; Frame numbers are the guest's own where the hypervisor translates them, and else the machine's.
find_ring:
        mov edi, 6                              ; XENVER_get_features
        lea rsi, [features]
        hypercall xen_version
        mov rax, [start_info]
        mov rax, [rax + CONSOLE_MFN]
        bt dword [features + 4], 2              ; auto_translated_physmap
        jc .pfn
        mov rcx, MACHINE_TO_PHYS
        mov rax, [rcx + rax * 8]
.pfn:   shl rax, 12
        add rax, VIRT_BASE
        mov [ring], rax
        ret

; The text at rsi, through the ring.
print:  mov rbx, [ring]
.next:  lodsb
        test al, al
        jz notify
        call put
        jmp .next

print_hex:                                      ; rax
        mov rbx, [ring]
        mov rbp, rax
        mov r12d, 16
.next:  rol rbp, 4
        mov eax, ebp
        and eax, 15
        add al, '0'
        cmp al, '9'
        jbe .digit
        add al, 'a' - '0' - 10
.digit: call put
        dec r12d
        jnz .next
        jmp notify

; The character in al into the ring at rbx, when there is room.
put:    mov ecx, [rbx + RING_OUT_PROD]
        mov edx, ecx
        sub edx, [rbx + RING_OUT_CONS]
        cmp edx, 2048
        jae .full
        mov edx, ecx
        and edx, 2047
        mov [rbx + RING_OUT + rdx], al
        inc ecx
        mov [rbx + RING_OUT_PROD], ecx
        ret
.full:  push rax
        push rsi
        call notify
        pop rsi
        pop rax
        jmp put

; The backend is told, and given time.
notify: mov rax, [start_info]
        mov eax, [rax + CONSOLE_EVTCHN]
        mov [port], eax
        mov edi, 4                              ; EVTCHNOP_send
        lea rsi, [port]
        hypercall event_channel_op
        xor edi, edi                            ; SCHEDOP_yield
        xor esi, esi
        hypercall sched_op
        ret

        section .data
hello:  db "hello from console_io", 10
hello_end:
pages:  db "pages: ", 0
command_line:
        db 10, "command line: ", 0
newline:
        db 10, 0
poweroff: dd 0

        section .bss
start_info: resq 1
ring:   resq 1
features: resd 2
port:   resd 1
