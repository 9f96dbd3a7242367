; check-acpi: finds its way as a kernel does: RSDP, RSDT, FADT, _S5 in the DSDT, MADT; the MP table; takes the
; machine into ACPI mode, looks at the power-management timer and lets it interrupt.
; Shows: checksums, where things are, which interrupts go where. Addresses of tables are not printed.
; differs(bochs): * - its BIOS has the registers of power management elsewhere
; ACPI 6.4 sections 4.8 and 5.2; Intel MultiProcessor Specification 1.4, chapter 4.

%include "../inc/guest.inc"
%include "../inc/cpu.inc"
%include "../inc/gdt.inc"
%include "../inc/idt.inc"
%include "../inc/pic.inc"

BIOS_START      equ 0xe0000
BIOS_END        equ 0x100000

FADT_DSDT       equ 40              ; offsets
FADT_SCI        equ 46
FADT_SMI        equ 48
FADT_ENABLE     equ 52
FADT_DISABLE    equ 53
FADT_EVENT      equ 56
FADT_CONTROL    equ 64
FADT_TIMER      equ 76
FADT_EVENT_BYTES equ 88
FADT_CENTURY    equ 108
MADT_ENTRIES    equ 44
MP_TABLE        equ 4
MP_COUNT        equ 34
MP_ENTRIES      equ 44

PM1_TMR         equ 1
SCI_EN          equ 1

%macro show 1-2 16                  ; show "text" [, digits]: RAX
        print %1
        print `: `
        print_hex rax, %2
        print `\n`
%endmacro

; find signature, alignment mask: RSI = where it is in the BIOS's area, 0 if nowhere. 8 bytes are compared
; under the mask in RDX.
%macro find 2
        mov rax, %1
        mov rdx, %2
        call find_in_bios
%endmacro

main:
        call gdt_init
        call idt_init
        call pic_init
        call root
        call fadt
        call madt
        call mp
        jmp management

find_in_bios:
        mov esi, BIOS_START
.next:  mov rcx, [rsi]
        and rcx, rdx
        cmp rcx, rax
        je .done
        add esi, 16
        cmp esi, BIOS_END
        jb .next
        xor esi, esi
.done:  ret

; sum: AL = sum of the ECX bytes at RSI.
sum:    push rsi
        xor eax, eax
.next:  add al, [rsi]
        inc rsi
        loop .next
        pop rsi
        ret

; table "sign": RSI = the table of that name in the RSDT, 0 if there is none.
%macro table 1
        mov eax, %1
        call find_table
%endmacro

find_table:
        mov edi, [rsdt]
        mov edx, [rdi + 4]
        sub edx, 36
        shr edx, 2
.next:  mov esi, [rdi + 36]
        cmp [rsi], eax
        je .done
        add edi, 4
        dec edx
        jnz .next
        xor esi, esi
.done:  ret

root:
        find "RSD PTR ", -1
        mov ebp, esi
        mov ecx, 20
        call sum
        movzx eax, al
        show "sum of the rsdp"
        mov esi, [rbp + 16]
        mov [rsdt], esi
        mov eax, [rsi]
        cmp eax, "RSDT"
        sete al
        movzx eax, al
        show "it leads to an rsdt"
        mov ecx, [rsi + 4]
        call sum
        movzx eax, al
        show "sum of the rsdt"
        ret

%macro checked 1                    ; checked "text": the sum of the table at RSI
        mov ecx, [rsi + 4]
        call sum
        movzx eax, al
        show %1
%endmacro

fadt:
        table "FACP"
        mov [fadt_at], esi
        checked "sum of the fadt"
        movzx eax, word [rsi + FADT_SCI]
        show "sci", 4
        mov eax, [rsi + FADT_SMI]
        show "smi command port", 4
        movzx eax, byte [rsi + FADT_ENABLE]
        show "acpi enable", 2
        movzx eax, byte [rsi + FADT_DISABLE]
        show "acpi disable", 2
        mov eax, [rsi + FADT_EVENT]
        show "pm1a event block", 4
        mov eax, [rsi + FADT_CONTROL]
        show "pm1a control block", 4
        mov eax, [rsi + FADT_TIMER]
        show "pm timer", 4
        movzx eax, byte [rsi + FADT_EVENT_BYTES]
        show "bytes of the event block", 2
        movzx eax, byte [rsi + FADT_CENTURY]
        show "century register", 2
        mov esi, [rsi + FADT_DSDT]
        checked "sum of the dsdt"
        mov ecx, [rsi + 4]
        add ecx, esi
.next:  cmp dword [rsi], "_S5_"
        je .found
        inc esi
        cmp esi, ecx
        jb .next
.found: movzx eax, byte [rsi + 4]               ; PackageOp
        show "behind _S5_", 2
        movzx eax, byte [rsi + 5]               ; PkgLength
        shr eax, 6
        lea esi, [rsi + rax + 7]
        lodsb
        cmp al, 0x0a                            ; BytePrefix
        jne .type
        lodsb
.type:  movzx eax, al
        show "sleep type of s5", 2
        ret

; madt: local and I/O APICs, and the overrides of lines 0 and 9.
madt:
        table "APIC"
        checked "sum of the madt"
        mov eax, [rsi + 36]
        show "local apics at", 8
        mov eax, [rsi + 40]
        show "flags", 8
        mov ebp, [rsi + 4]
        add ebp, esi
        add esi, MADT_ENTRIES
.next:  cmp esi, ebp
        jae .done
        cmp byte [rsi], 0
        je .local
        cmp byte [rsi], 1
        je .io
        cmp byte [rsi], 2
        je .override
        cmp byte [rsi], 4
        je .nmi
.step:  movzx eax, byte [rsi + 1]
        add esi, eax
        jmp .next
.done:  ret
.local: mov eax, [rsi + 2]                      ; processor, APIC ID; flags
        and eax, 0xffff
        show "local apic: processor and id", 4
        mov eax, [rsi + 4]
        show "enabled", 8
        jmp .step
.io:    movzx eax, byte [rsi + 2]
        show "i/o apic: id", 2
        mov eax, [rsi + 4]
        show "at", 8
        mov eax, [rsi + 8]
        show "first interrupt", 8
        jmp .step
.override:
        test byte [rsi + 3], ~9                 ; other emulators have more
        jnz .step
        movzx eax, byte [rsi + 3]
        show "override of line", 2
        mov eax, [rsi + 4]
        show "to interrupt", 8
        movzx eax, word [rsi + 8]
        show "flags of it", 4
        jmp .step
.nmi:   movzx eax, byte [rsi + 5]
        show "nmi at lint", 2
        jmp .step

; mp: the processor, the I/O APIC, where lines 0 and 8 go, the local interrupts.
mp:
        find "_MP_", 0xffffffff
        mov ecx, 16
        call sum
        movzx eax, al
        show "sum of the mp pointer"
        mov esi, [rsi + MP_TABLE]
        mov eax, [rsi]
        cmp eax, "PCMP"
        sete al
        movzx eax, al
        show "it leads to a configuration table"
        movzx ecx, word [rsi + 4]
        call sum
        movzx eax, al
        show "sum of the table"
        mov eax, [rsi + 36]
        show "local apics at", 8
        movzx ebp, word [rsi + MP_COUNT]
        add esi, MP_ENTRIES
.next:  mov al, [rsi]
        mov ecx, 20
        test al, al
        jz .processor
        mov ecx, 8
        cmp al, 2
        je .io
        cmp al, 3
        je .line
        cmp al, 4
        je .local
.step:  add esi, ecx
        dec ebp
        jnz .next
        ret
.processor:
        movzx eax, byte [rsi + 3]
        show "processor flags", 2
        jmp .step
.io:    mov eax, [rsi + 4]
        show "i/o apic at", 8
        jmp .step
.line:  cmp byte [rsi + 1], 0                   ; an ordinary interrupt
        jne .step
        test byte [rsi + 5], ~8                 ; line 9 is a PCI one elsewhere
        jnz .step
        movzx eax, byte [rsi + 5]
        show "line", 2
        movzx eax, byte [rsi + 7]
        show "to pin", 2
        jmp .step
.local: movzx eax, byte [rsi + 1]
        show "local interrupt of type", 2
        movzx eax, byte [rsi + 7]
        show "at lint", 2
        jmp .step

management:
        mov ebx, [fadt_at]
        mov edx, [rbx + FADT_CONTROL]
        in ax, dx
        and eax, SCI_EN
        show "acpi mode", 2
        mov edx, [rbx + FADT_SMI]
        mov al, [rbx + FADT_ENABLE]
        out dx, al
        mov edx, [rbx + FADT_CONTROL]
        in ax, dx
        and eax, SCI_EN
        show "after acpi enable", 2
        mov edx, [rbx + FADT_SMI]
        mov al, [rbx + FADT_DISABLE]
        out dx, al
        mov edx, [rbx + FADT_CONTROL]
        in ax, dx
        and eax, SCI_EN
        show "after acpi disable", 2
        mov edx, [rbx + FADT_SMI]
        mov al, [rbx + FADT_ENABLE]
        out dx, al

        mov edx, [rbx + FADT_TIMER]
        in eax, dx
        shr eax, 24
        show "bits 31:24 of the timer", 2
        in eax, dx
        mov edi, eax
        mov ecx, 100000
        loop $
        in eax, dx
        sub eax, edi
        and eax, 0xffffff
        cmp eax, 0x800000
        setb al
        movzx eax, al
        show "it counts up"
        mov edi, 10
.ever:  in eax, dx
        mov esi, eax
        in eax, dx
        cmp eax, esi
        loope .ever
        setne al
        movzx eax, al
        show "and moves"

        on_interrupt PIC_VECTOR + 9, on_sci
        pic_out PIC1 + 1, 0xfb
        pic_out PIC2 + 1, 0xfd
        mov edx, [rbx + FADT_EVENT]
        mov eax, 0xffff
        out dx, ax
        in ax, dx
        and eax, PM1_TMR
        show "timer status after clearing it", 4
        add edx, 2
        mov eax, PM1_TMR
        out dx, ax
        in ax, dx
        movzx eax, ax
        show "enabled", 4
.sleep: cli
        cmp dword [interrupts], 0
        jne .woken
        sti
        hlt
        jmp .sleep
.woken: mov eax, [status]
        show "timer status in the handler of the sci", 4
        mov eax, [interrupts]
        show "interrupts", 4
        ret

; on_sci: clears the event, which lets the line go.
on_sci:
        mov ebx, [fadt_at]
        mov edx, [rbx + FADT_EVENT]
        in ax, dx
        and eax, PM1_TMR
        mov [status], eax
        mov eax, PM1_TMR
        out dx, ax
        inc dword [interrupts]
        pic_out PIC2, PIC_EOI
        pic_out PIC1, PIC_EOI
        ret

        section .bss
rsdt:           resd 1
fadt_at:        resd 1
status:         resd 1
interrupts:     resd 1
