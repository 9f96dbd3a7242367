; Frames: physical memory in pages, each with a count of its owners.
;
; The pool begins above the image. A free frame holds the address of the next one in the list; frames that were
; never taken need no list. Frames of the image have one owner, the kernel, that never drops them: so a program's
; data, which processes share with the image, is copied before it is written.

POOL            equ 0x400000
POOL_END        equ IDENTITY_END

        section .bss
        alignb 8
free_list:      resq 1
frames_for_processes: resq 1        ; free ones when the first process is made
frame_owners:   resw POOL_END / 4096
        section .data
fresh_frame:    dq POOL             ; from here on none was ever taken
free_frames:    dq (POOL_END - POOL) / 4096

        section .text

; memory_init: the kernel's address space, and the protection that the rest builds upon.
memory_init:
        mov eax, image_end
        cmp eax, POOL
        ja .too_large
        mov edi, frame_owners
        mov eax, 1
        mov ecx, POOL / 4096
        rep stosw
        set_efer EFER_NXE
        mov edx, PTE_P | PTE_RW | PTE_G
        call identity_map
        set_cr0 CR0_WP                          ; the kernel too faults on a page that is to be copied
        cpuid_bit 1, edx, 13
        jnc .no_global
        set_cr4 CR4_PGE
.no_global:
        cpuid_bit 7, ebx, 7
        jnc .done
        set_cr4 CR4_SMEP
.done:  ret
.too_large:
        print `the image reaches into the pool\n`
        exit 1

; frame_take: RAX = a zeroed frame with one owner, or 0 if there is none.
frame_take:
        mov rax, [free_list]
        test rax, rax
        jnz .listed
        mov rax, [fresh_frame]
        cmp rax, POOL_END
        jae .none
        add qword [fresh_frame], 4096
        jmp .clear
.listed:
        mov rcx, [rax]
        mov [free_list], rcx
.clear: dec qword [free_frames]
        mov ecx, eax
        shr ecx, 12
        mov word [frame_owners + rcx * 2], 1
        mov rdx, rax
        mov rdi, rax
        xor eax, eax
        mov ecx, 4096 / 8
        rep stosq
        mov rax, rdx
        ret
.none:  xor eax, eax
        ret

; frame_share: one more owner for the frame RDI. Changes RDI only.
frame_share:
        shr rdi, 12
        inc word [frame_owners + rdi * 2]
        ret

; frame_drop: one owner less for the frame RDI; after the last it is free.
frame_drop:
        mov rax, rdi
        shr rax, 12
        dec word [frame_owners + rax * 2]
        jnz .done
        mov rax, [free_list]
        mov [rdi], rax
        mov [free_list], rdi
        inc qword [free_frames]
.done:  ret

; frames_shared: RAX = how many frames of the pool have several owners.
frames_shared:
        xor eax, eax
        mov ecx, POOL / 4096
.next:  cmp word [frame_owners + rcx * 2], 2
        cmc
        adc rax, 0
        inc ecx
        cmp ecx, POOL_END / 4096
        jb .next
        ret

; new_table: what paging.inc asks for. R9 = a frame, or 0 if there is none. Changes nothing else.
new_table:
        push rax
        push rcx
        push rdx
        push rdi
        call frame_take
        mov r9, rax
        pop rdi
        pop rdx
        pop rcx
        pop rax
        ret
