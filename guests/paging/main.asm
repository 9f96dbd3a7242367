; paging: 4-level paging seen from its kernel. Maps 4 KiB, 2 MiB and 1 GiB pages and reads through them, shows
; accessed and dirty bits before and after, stale TLB entries until INVLPG, global pages across a load of CR3,
; and then one page fault for each reason with its error code and CR2: not present, read-only at CPL 3 and at
; CPL 0 with WP, supervisor page, reserved bit, no-execute, SMEP, SMAP; and #GP for non-canonical addresses.
; Takes: page faults, CR accesses, INVLPG.
; Under Xen's PV ABI, where pages are small and open to CPL 3, bad entries refused and CR0, CR4 and EFER Xen's, what needs
; others is not tried.

%include "../inc/guest.inc"
%include "../inc/check.inc"

WINDOW          equ 0x40000000                  ; where test pages are mapped
BIG             equ 0x8000000000                ; for large pages
FRAME           equ 0x2000000                   ; a frame for tests, at 32 MiB
FRAME_2         equ 0x2200000
ACCESS_BITS     equ PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D

main:
        call check_init
        set_cr0 CR0_WP
        set_efer EFER_NXE
        call sizes
        call accessed_dirty
        call invalidation
        call protection
%ifndef PARA
        call supervisor_modes
%endif
        ret

; One byte pattern in a frame, read through a page of each size.
sizes:
        mov rax, 0x1122334455667788
        mov [abs FRAME + 0x1238], rax

        check page_4k, "4 KiB page"
          map WINDOW + 0x1000, FRAME + 0x1000 + PTE_P
          mov rbx, WINDOW + 0x1238
          mov rax, [rbx]
        done_value

        check page_2m, "2 MiB page"
          map BIG, FRAME + PTE_P, LEVEL_2M
          mov rbx, BIG + 0x1238
          mov rax, [rbx]
        done_value

%ifndef PARA
        require "1 GiB pages", 0x80000001, edx, 26
        check page_1g, "1 GiB page"
          map BIG + 0x40000000, PTE_P, LEVEL_1G
          mov rbx, BIG + 0x40000000 + FRAME + 0x1238
          mov rax, [rbx]
        done_value
%endif

        check straddle, "load across two pages"
          map WINDOW + 0x2000, FRAME + 0x1000 + PTE_P
          map WINDOW + 0x3000, FRAME + 0x5000 + PTE_P
          mov word [abs FRAME + 0x1ffe], 0xaabb
          mov dword [abs FRAME + 0x5000], 0xccddeeff
          mov rbx, WINDOW + 0x2ffe
          mov rax, [rbx]
          shl rax, 16
        done_value
        ret

; show "text": the P, RW, US, A and D bits of the entry at RBX.
%macro show 1
        print %1
        read_entry rax, rbx
        and eax, ACCESS_BITS
        print ` `
        print_hex rax, 3
        print `\n`
%endmacro

accessed_dirty:
        map WINDOW + 0x4000, FRAME + PTE_P + PTE_RW
        mov rbx, rax
        mov rbp, WINDOW + 0x4000
        show "entry as written:"
        mov al, [rbp]
        show "after a read:"
        mov [rbp], al
        show "after a write:"
        mov rdi, rbp
        mov ecx, LEVEL_2M
        call page_entry
        mov rbx, rax
        show "its directory entry:"
        map WINDOW + 0x5000, FRAME + PTE_P
        mov rbx, rax
        mov byte [abs FRAME], 0xc3                  ; ret
        mov rax, WINDOW + 0x5000
        call rax
        show "after a fetch:"
%ifndef PARA
        map BIG + 0x200000, FRAME + PTE_P + PTE_RW, LEVEL_2M
        mov rbx, rax
        mov rax, BIG + 0x200000
        mov [rax + 0x3000], rax
        show "2 MiB page after a write:"
%endif
        ret

; What the TLB holds may be stale until it is invalidated; after that it must not be.
invalidation:
        mov dword [abs FRAME], 1
        mov dword [abs FRAME_2], 2
        mov rbp, WINDOW + 0x6000

        check after_invlpg, "another frame after invlpg"
          map rbp, FRAME + PTE_P
          mov eax, [rbp]
          map rbp, FRAME_2 + PTE_P
          flush_page [rbp]
          mov eax, [rbp]
        done_value

        check after_cr3, "another frame after mov cr3"
          map rbp, FRAME + PTE_P
          read_cr rax, cr3
          write_cr cr3, rax
          mov eax, [rbp]
        done_value

        check unmapped, "unmapped and invlpg"
          map rbp, 0
          flush_page [rbp]
          mov eax, [rbp]
        done_value

        check fresh_mapping, "a new mapping needs no invlpg"
          map rbp, FRAME + PTE_P
          mov eax, [rbp]
        done_value

        check more_rights, "after a spurious fault a page made writable is writable"
          mov rbx, rax
          map rbp, FRAME + PTE_P + PTE_RW
          flush_page [rbp]
          mov dword [rbp], 3
          mov eax, [abs FRAME]
        done_value

        check global_page, "a global page after invlpg"
          set_cr4 CR4_PGE
          map rbp, FRAME + PTE_P + PTE_G
          mov eax, [rbp]
          map rbp, FRAME_2 + PTE_P + PTE_G
          flush_page [rbp]
          mov eax, [rbp]
        done_value

%ifndef PARA
        check global_off, "a global page after clearing PGE"
          map rbp, FRAME + PTE_P + PTE_G
          clear_cr4 CR4_PGE
          mov eax, [rbp]
        done_value
%endif
        ret

protection:
        mov rbp, WINDOW + 0x10000

        check read_absent, "read, not present"
          mov rax, [rbp]
        done

        check write_absent, "write, not present"
          mov [rbp + 0x123], rax
        done

        check absent_level, "read, no PDPT"
          mov rbx, 0x600000000000
          mov rax, [rbx]
        done

        map rbp, FRAME + PTE_P
        check wp, "write to a read-only page with WP"
          mov [rbp], rax
        done

%ifndef PARA
        check no_wp, "write to a read-only page without WP"
          clear_cr0 CR0_WP
          mov dword [rbp], 7
          set_cr0 CR0_WP
        done
%endif

        check read_modify_write, "locked add to a read-only page"
          lock add dword [rbp], 1
        done

%ifndef PARA
        user_check user_supervisor_read, "read of a supervisor page at CPL 3"
          mov rax, [rbp]
        done

        user_check user_supervisor_write, "write of a supervisor page at CPL 3"
          mov [rbp], rax
        done
%endif

        user_check user_absent, "read, not present, at CPL 3"
          mov rax, [rbp + 0x1000]
        done

%ifndef PARA
        user_check user_fetch, "fetch from a supervisor page at CPL 3"
          jmp rbp
        done
%endif

        map rbp, FRAME + PTE_P + PTE_US
        flush_page [rbp]
        user_check user_read_only, "write to a read-only page at CPL 3"
          mov [rbp], rax
        done

%ifndef PARA
        ; differs(qemu): reserved address - QEMU 7.2 leaves P out of the error code
        check reserved, "reserved address bit"
          mov rax, (1 << 51) + FRAME + PTE_P
          map rbp, rax
          flush_page [rbp]
          mov rax, [rbp]
        done

        ; differs(qemu): reserved bit 13 - QEMU 7.2 leaves P out of the error code
        check reserved_2m, "reserved bit 13 of a 2 MiB page"
          map BIG + 0x400000, FRAME + (1 << 13) + PTE_P, LEVEL_2M
          mov rbx, BIG + 0x400000
          mov rax, [rbx]
        done

        ; differs(qemu): PS in - QEMU 7.2 leaves P out of the error code
        check reserved_pml4, "PS in a PML4 entry"
          map 0x700000000000, PTE_P + PTE_PS, 4
          mov rbx, 0x700000000000
          mov [rbx], rax
        done
%endif

        check no_execute, "fetch from a no-execute page"
          mov rax, PTE_XD + FRAME + PTE_P
          map rbp, rax
          flush_page [rbp]
          jmp rbp
        done

        check no_execute_read, "read from a no-execute page"
          mov eax, [rbp]
        done

%ifndef PARA
        ; differs(qemu): XD while - QEMU 7.2 leaves P out of the error code
        check no_nxe, "XD while NXE is clear is a reserved bit"
          mov ecx, IA32_EFER
          rdmsr
          and eax, ~EFER_NXE
          wrmsr
          read_cr rax, cr3
          write_cr cr3, rax
          mov eax, [rbp]
        done
        set_efer EFER_NXE
%endif

        check straddling_fault, "write across into a page that is not present"
          map WINDOW + 0x20000, FRAME + PTE_P + PTE_RW
          mov rbx, WINDOW + 0x20ffd
          mov [rbx], rax
        done

        check noncanonical, "non-canonical read"
          mov rbx, 0x0000800000000000
          mov rax, [rbx]
        done

        map 0x00007ffffffff000, FRAME + PTE_P
        check canonical_edge, "read across the canonical edge"
          mov rbx, 0x00007ffffffffffc
          mov rax, [rbx]
        done

        ; differs(qemu): jump to a non - QEMU's TCG faults at the target, as AMD processors do
        check noncanonical_jump, "jump to a non-canonical address"
          mov rbx, 0x0000800000000000
          jmp rbx
        done
        ret

; SMEP and SMAP protect a kernel from user pages; here only WINDOW's pages are user pages.
supervisor_modes:
        call close_kernel_pages
        mov rbp, WINDOW + 0x30000
        mov byte [abs FRAME], 0xc3
        map rbp, FRAME + PTE_P + PTE_RW + PTE_US

        require "SMEP", 7, ebx, 7
        set_cr4 CR4_SMEP
        check smep, "SMEP: kernel fetches from a user page"
          call rbp
        done

        require "SMAP", 7, ebx, 20
        set_cr4 CR4_SMAP
        check smap_read, "SMAP: kernel reads a user page"
          mov al, [rbp]
        done

        check smap_write, "SMAP: kernel writes a user page"
          mov [rbp], al
        done

        check smap_stac, "SMAP: kernel reads a user page after stac"
          stac
          movzx eax, byte [rbp]
          clac
        done_value

        check smap_clac, "SMAP: and again after clac"
          stac
          clac
          mov al, [rbp]
        done
        ret

; Takes US from the identity map, so that the kernel itself runs on supervisor pages.
close_kernel_pages:
        mov edx, PTE_P | PTE_RW
        jmp identity_map
