; Programs: they lie in the image, page-aligned, and are listed in the section .programs (programs/program.inc).
;
; To run one its text is mapped read-only and its data copy-on-write, straight from the image; and with it goes
; the library, which all programs share.

PROGRAM_NAME    equ 0               ; an entry of the table: NAME_SIZE bytes,
PROGRAM_TEXT_AT equ 16              ; the address of the text in the image,
PROGRAM_DATA_AT equ 24
PROGRAM_TEXT_PAGES equ 32           ; and lengths, dwords
PROGRAM_DATA_PAGES equ 36
PROGRAM_SIZE    equ 40

        section .programs align=8
program_table:
        section .text

; program_name: RAX = the address of the name of program RDI, or 0.
program_name:
        cmp rdi, (program_table_end - program_table) / PROGRAM_SIZE
        jae .none
        imul edi, edi, PROGRAM_SIZE
        lea rax, [program_table + rdi + PROGRAM_NAME]
        ret
.none:  xor eax, eax
        ret

; find_program: RAX = the entry of the program with the name at RDI, NAME_SIZE bytes, or 0.
find_program:
        mov rcx, [rdi]
        mov rdx, [rdi + 8]
        mov eax, program_table
.next:  cmp rcx, [rax + PROGRAM_NAME]
        jne .other
        cmp rdx, [rax + PROGRAM_NAME + 8]
        je .done
.other: add rax, PROGRAM_SIZE
        cmp rax, program_table_end
        jb .next
        xor eax, eax
.done:  ret

; load_program: gives the process RSI a new address space with the program RDI in it. RAX = its PML4, or 0 if there
; was no memory: then the process is what it was. The old address space is the caller's.
load_program:
        push rbx                                ; the process
        push rbp                                ; the program
        push r12                                ; the space
        mov rbx, rsi
        mov rbp, rdi
        call space_new
        mov r12, rax
        test rax, rax
        jz .done
        mov rsi, LIBRARY
        mov edx, section..library.start
        mov ecx, (library_end - library_begin + 4095) / 4096
        mov r8d, PTE_USER
        call map_image
        jz .failed
        mov rsi, PROGRAM_TEXT
        mov rdx, [rbp + PROGRAM_TEXT_AT]
        mov ecx, [rbp + PROGRAM_TEXT_PAGES]
        mov r8d, PTE_USER
        call map_image
        jz .failed
        mov rsi, PROGRAM_DATA
        mov rdx, [rbp + PROGRAM_DATA_AT]
        mov ecx, [rbp + PROGRAM_DATA_PAGES]
        mov r8, PTE_USER | PTE_COW | PTE_XD
        call map_image
        jz .failed
        mov [rbx + P_ROOT], r12
        mov rax, HEAP
        mov [rbx + P_BREAK], rax
        mov eax, [rbp + PROGRAM_DATA_PAGES]
        mov [rbx + P_PAGES], eax
        lea rsi, [rbp + PROGRAM_NAME]
        lea rdi, [rbx + P_NAME]
        movsq
        movsq
        mov rax, r12
.done:  pop r12
        pop rbp
        pop rbx
        ret
.failed:
        mov rdi, r12
        call space_free
        xor eax, eax
        jmp .done

; map_image: in the space R12 maps ECX pages of the image from RDX on at RSI, with the flags R8. ZF is set if there
; was no memory.
map_image:
        push rbx
        push rbp
        push r13
        push r14
        mov rbx, rsi
        mov rbp, rdx
        mov r13d, ecx
        mov r14, r8
        inc r13d
        jmp .check
.next:  mov rdi, r12
        mov rsi, rbx
        mov rdx, rbp
        or rdx, r14
        call space_map
        test rax, rax
        jz .done
        mov rdi, rbp
        call frame_share
        add rbx, 4096
        add rbp, 4096
.check: dec r13d
        jnz .next
        test rbp, rbp                           ; not 0
.done:  pop r14
        pop r13
        pop rbp
        pop rbx
        ret

; program_run: SYS_RUN. RBX = the frame in which the process returns: to the beginning of the program.
program_run:
        push r12
        push r13
        sub rsp, NAME_SIZE
        mov qword [rsp], 0
        mov qword [rsp + 8], 0
        mov rdx, rsi
        cmp rdx, NAME_SIZE
        mov rax, E_NOENT
        jae .done
        mov rsi, rdi
        mov rdi, rsp
        call copy_from_user
        test rax, rax
        jnz .done
        mov rdi, rsp
        call find_program
        mov rdi, rax
        test rax, rax
        mov rax, E_NOENT
        jz .done
        mov r12, [current]
        mov r13, [r12 + P_ROOT]
        mov rsi, r12
        call load_program
        test rax, rax
        mov rcx, E_NOMEM
        cmovz rax, rcx
        jz .done
        write_cr cr3, rax
        mov rdi, r13
        call space_free
        mov rdi, rbx
        call reset_frame
        xor eax, eax
.done:  add rsp, NAME_SIZE
        pop r13
        pop r12
        ret
