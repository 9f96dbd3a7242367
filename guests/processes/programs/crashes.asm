; Programs that break a rule, one for each kind. The kernel ends them with a message.

        program crash_divide, "crash-divide"
        xor eax, eax
        xor edx, edx
        div eax
        end_program

        program crash_read, "crash-read"        ; the kernel's memory
        mov eax, [abs IMAGE_BASE]
        end_program

        program crash_write, "crash-write"
        mov dword [abs IMAGE_BASE], 0
        end_program

        program crash_jump, "crash-jump"
        mov eax, IMAGE_BASE
        jmp rax
        end_program

        program crash_wild, "crash-wild"        ; nothing is mapped there
        mov rax, HEAP_LIMIT
        mov eax, [rax]
        end_program

        program crash_far, "crash-far"          ; not a canonical address
        mov rax, 1 << 47
        mov eax, [rax]
        end_program

        program crash_text, "crash-text"        ; its own instructions
        mov byte [crash_text.text_begin], 0
        end_program

        program crash_nx, "crash-nx"            ; its stack
        push rax
        jmp rsp
        end_program

        program crash_stack, "crash-stack"
        call crash_stack.text_begin
        end_program

        program crash_opcode, "crash-opcode"
        ud2
        end_program

        program crash_break, "crash-break"
        int3
        end_program

        program crash_step, "crash-step"
        push 0x102                              ; TF
        popfq
        nop
        nop
        end_program

        program crash_halt, "crash-halt"        ; an instruction for the kernel only
        hlt
        end_program

        program crash_port, "crash-port"
        in al, 0x60
        end_program
