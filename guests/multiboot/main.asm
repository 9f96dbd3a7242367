; multiboot: a kernel as GRUB and QEMU's -kernel boot it: entered in 32-bit protected mode, it goes to 64-bit mode.
; Shows: the Multiboot header and the boot information: command line, modules, memory map (inc/multiboot.inc).
; Takes no fault and no interrupt: its only exits are the port accesses of the UART and of port F4h.
; append: root=none verbose
; module: notes.txt,with a command line of its own

; differs(bochs): * - it boots from disks only
; differs(qemu):   0x0000000000100000 - SeaBIOS keeps the last 128 KiB of RAM for its ACPI tables
; differs(qemu):   0x0000000003fe0000 - likewise
; differs(qemu):   0x00000000fffc0000 - there is no BIOS in ROM here

%define MULTIBOOT
%include "../inc/guest.inc"

main:
        cmp dword [boot_eax], BOOTED_MAGIC
        jne not_booted
        print `Hello from 64-bit mode, booted by multiboot.\n`
        call show_command_line
        call show_modules
        jmp show_memory_map

not_booted:
        print `no multiboot loader\n`
        exit 1

show_command_line:
        print `command line: `
        mov ebx, [boot_ebx]
        mov esi, [rbx + INFO_CMDLINE]
        call write_string
        print `\n`
        ret

; The contents of a module go to the console as they are.
show_modules:
        mov ebx, [boot_ebx]
        mov ecx, [rbx + INFO_MODS_COUNT]
        mov ebx, [rbx + INFO_MODS_ADDR]
        jecxz .done
.next:  print `module: `
        mov esi, [rbx + MODULE_STRING]
        call write_string
        print `\n`
        mov esi, [rbx + MODULE_START]
.byte:  cmp esi, [rbx + MODULE_END]
        jae .end
        lodsb
        call write_char
        jmp .byte
.end:   add ebx, MODULE_SIZE
        loop .next
.done:  ret

; One line a range: first and last address, and whether a kernel may use it.
show_memory_map:
        print `memory map:\n`
        mov ebx, [boot_ebx]
        mov ecx, [rbx + INFO_MMAP_LENGTH]
        mov ebx, [rbx + INFO_MMAP_ADDR]
        add ecx, ebx                ; its end
.next:  cmp ebx, ecx
        jae .done
        print `  `
        print_hex [rbx + MMAP_BASE]
        print ` to `
        mov rax, [rbx + MMAP_BASE]
        add rax, [rbx + MMAP_LENGTH]
        dec rax
        print_hex rax
        cmp dword [rbx + MMAP_TYPE], 1
        je .ram
        print ` reserved\n`
        jmp .step
.ram:   print ` RAM\n`
.step:  add ebx, [rbx + MMAP_SIZE]
        add ebx, 4
        jmp .next
.done:  ret
