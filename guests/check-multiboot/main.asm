; check-multiboot: everything that a multiboot loader promises, field by field (Multiboot Specification 0.6.96,
; 3.2 Machine state, 3.3 Boot information format), against QEMU's -kernel.
; append: a=1 "b c"
; module: one.txt,first "module"
; module: empty.txt
; module: two.txt

; differs(bochs): * - it boots from disks only
; differs(qemu): mem_upper - SeaBIOS keeps the last 128 KiB of RAM for its ACPI tables
; differs(qemu): range 0x0000000000100000 - likewise
; differs(qemu): range 0x0000000003fe0000 - likewise
; differs(qemu): range 0x00000000fffc0000 - there is no BIOS in ROM here
; differs(qemu): ranges - likewise
; differs(qemu): boot_device - QEMU names the first hard disk; there is none here
; differs(qemu): framebuffer - QEMU says nothing of the screen, which is in text mode, as GRUB does
; differs(qemu): boot_loader_name - the name of another program

%define MULTIBOOT

; The state at entry, kept while it is: in 32-bit code.
%macro AT_ENTRY 0
        mov [state_esp], esp
        mov esp, stack_top
        pushfd
        pop dword [state_eflags]
        mov eax, cr0
        mov [state_cr0], eax
        mov eax, cr3
        mov [state_cr3], eax
        mov eax, cr4
        mov [state_cr4], eax
        mov ecx, 0xc0000080
        rdmsr
        mov [state_efer], eax
        keep_segment cs
        keep_segment ds
        keep_segment es
        keep_segment fs
        keep_segment gs
        keep_segment ss
        mov al, [0x80000]           ; with A20 off, a byte of the guest's own lies here too
        not al
        mov [0x180000], al
        cmp [0x80000], al
        setne [state_a20]
%endmacro

; Selector, limit and access rights of a segment register.
%macro keep_segment 1
        mov eax, %1
        mov [state_%1], eax
        lsl ebx, eax
        mov [state_%1 + 4], ebx
        lar ebx, eax
        and ebx, 0x00f0fe00         ; not the accessed bit, and not what is left of the limit
        mov [state_%1 + 8], ebx
%endmacro

%include "../inc/guest.inc"

        section .bss
state_esp:      resd 1
state_eflags:   resd 1
state_cr0:      resd 1
state_cr3:      resd 1
state_cr4:      resd 1
state_efer:     resd 1
state_a20:      resd 1
state_cs:       resd 3
state_ds:       resd 3
state_es:       resd 3
state_fs:       resd 3
state_gs:       resd 3
state_ss:       resd 3
        section .text

%macro show 2-3 8                   ; show "name", value [, digits]
        print %1
        print ` `
        push rax
        mov eax, %2
        print_hex rax, %3
        pop rax
        print `\n`
%endmacro

%macro show_segment 2
        print %1
        print ` selector `
        mov eax, [state_%2]
        print_hex rax, 4
        print ` limit `
        mov eax, [state_%2 + 4]
        print_hex rax, 8
        print ` rights `
        mov eax, [state_%2 + 8]
        print_hex rax, 8
        print `\n`
%endmacro

; check_place "name", address, length: the bytes lie in RAM that a kernel may use, and not in the kernel.
%macro check_place 3
        print %1
        mov eax, %2
        mov edx, %3
        call write_place
%endmacro

CONTENTS_SHOWN  equ 40

main:
        call check_state
        mov ebx, [boot_ebx]
        call check_info
        call check_command_line
        call check_modules
        jmp check_memory_map

check_state:
        show `eax`, [boot_eax]
        and dword [state_eflags], 1 << 9 | 1 << 10 | 1 << 17
        show `eflags (IF, DF, VM)`, [state_eflags]
        show `cr0`, [state_cr0]
        show `cr3`, [state_cr3]
        show `cr4`, [state_cr4]
        show `efer`, [state_efer]
        show `a20`, [state_a20], 1
        show_segment `cs`, cs
        show_segment `ds`, ds
        show_segment `es`, es
        show_segment `fs`, fs
        show_segment `gs`, gs
        show_segment `ss`, ss
        check_place `stack`, [state_esp], 0
        ret

check_info:
        check_place `boot information`, ebx, 88
        print `flags of memory, command line, modules, map, loader name `
        mov eax, [rbx + INFO_FLAGS]
        and eax, 1 << 0 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9
        print_hex rax, 4
        print `\n`
        print `flags of symbols, drives, configuration table, APM, VBE `
        mov eax, [rbx + INFO_FLAGS]
        and eax, 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11
        print_hex rax, 4
        print `\n`
        show `mem_lower`, [rbx + INFO_MEM_LOWER]
        show `mem_upper`, [rbx + INFO_MEM_UPPER]
        print `boot_device flag `
        mov eax, [rbx + INFO_FLAGS]
        shr eax, 1
        and eax, 1
        print_dec rax
        print `\n`
        mov esi, [rbx + INFO_LOADER]
        print `boot_loader_name `
        call write_string
        print `\n`
        call place_string
        print `framebuffer flag `
        mov eax, [rbx + INFO_FLAGS]
        bt eax, 12
        jc .screen
        print `0\n`
        ret
.screen:
        print `1: address `
        print_hex [rbx + 88]
        print ` pitch `
        mov eax, [rbx + 96]
        print_dec rax
        print ` width `
        mov eax, [rbx + 100]
        print_dec rax
        print ` height `
        mov eax, [rbx + 104]
        print_dec rax
        print ` bits, type `
        mov eax, [rbx + 108]
        print_hex rax, 4
        print `\n`
        ret

check_command_line:
        mov esi, [rbx + INFO_CMDLINE]
        print `command line: `
        call write_string
        print `\n`
        jmp place_string

check_modules:
        mov ecx, [rbx + INFO_MODS_COUNT]
        show `modules`, ecx, 1
        mov r12d, [rbx + INFO_MODS_ADDR]
        mov r13d, ecx
        shl ecx, 4
        check_place `list of modules`, r12d, ecx
.next:  dec r13d
        js .done
        mov esi, [r12 + MODULE_STRING]
        print `module: `
        call write_string
        print `\n`
        call place_string
        mov eax, [r12 + MODULE_START]
        and eax, 0xfff
        show `offset in its page`, eax, 3
        mov edi, [r12 + MODULE_START]
        mov ecx, [r12 + MODULE_END]
        sub ecx, edi
        show `bytes`, ecx, 4
        check_place `place`, edi, ecx
        show `reserved`, [r12 + 12]
        print `contents: `
        lea r8d, [rdi + CONTENTS_SHOWN]
.byte:  cmp edi, [r12 + MODULE_END]
        jae .end
        cmp edi, r8d
        je .end
        mov al, [rdi]
        inc edi
        call write_char
        jmp .byte
.end:   print `\n`
        add r12d, MODULE_SIZE
        jmp .next
.done:  ret

check_memory_map:
        mov r12d, [rbx + INFO_MMAP_ADDR]
        mov r13d, [rbx + INFO_MMAP_LENGTH]
        check_place `memory map`, r12d, r13d
        print `ranges `
        mov eax, r13d
        xor edx, edx
        mov ecx, 24
        div ecx
        print_dec rax
        print ` and bytes `
        mov eax, edx
        print_dec rax
        print `\n`
        add r13d, r12d
        xor r14d, r14d              ; where the range before ends
.next:  cmp r12d, r13d
        jae .done
        print `range `
        print_hex [r12 + MMAP_BASE]
        print ` length `
        print_hex [r12 + MMAP_LENGTH]
        print ` type `
        mov eax, [r12 + MMAP_TYPE]
        print_dec rax
        print ` size `
        mov eax, [r12 + MMAP_SIZE]
        print_dec rax
        cmp [r12 + MMAP_BASE], r14
        jae .sorted
        print ` overlaps the range before`
.sorted:
        print `\n`
        mov r14, [r12 + MMAP_BASE]
        add r14, [r12 + MMAP_LENGTH]
        add r12d, [r12 + MMAP_SIZE]
        add r12d, 4
        jmp .next
.done:  ret

; place_string: as write_place, for the zero-terminated string at ESI.
place_string:
        mov eax, esi
        mov edx, esi
.next:  cmp byte [rdx], 0
        lea edx, [rdx + 1]
        jne .next
        sub edx, eax
        print `  string`

; write_place: where the EDX bytes at EAX lie.
write_place:
        push rbx
        push rcx
        add edx, eax                ; their end
        cmp eax, GUEST_END
        jae .ram
        cmp edx, IMAGE_BASE
        jbe .ram
        print `: in the kernel\n`
        jmp .done
.ram:   mov ebx, [boot_ebx]
        mov ecx, [rbx + INFO_MMAP_LENGTH]
        mov ebx, [rbx + INFO_MMAP_ADDR]
        add ecx, ebx
.range: cmp ebx, ecx
        jae .nowhere
        mov rsi, [rbx + MMAP_BASE]
        cmp rax, rsi
        jb .step
        add rsi, [rbx + MMAP_LENGTH]
        cmp rdx, rsi
        ja .step
        cmp dword [rbx + MMAP_TYPE], 1
        jne .step
        print `: in RAM\n`
        jmp .done
.step:  add ebx, [rbx + MMAP_SIZE]
        add ebx, 4
        jmp .range
.nowhere:
        print `: not in RAM\n`
.done:  pop rcx
        pop rbx
        ret
