/*
 * Prints what Xen's public headers say of every constant and structure in src/xen, for test/xen/abi.test.ts:
 *
 *   apt-get install libxen-dev
 *   gcc -o xen-abi test/interop/xen-abi.c && ./xen-abi > test/xen/abi.txt
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define __XEN_INTERFACE_VERSION__ __XEN_LATEST_INTERFACE_VERSION__
#include <xen/xen.h>

#include <xen/arch-x86/cpuid.h>
#include <xen/callback.h>
#include <xen/elfnote.h>
#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/features.h>
#include <xen/grant_table.h>
#include <xen/io/console.h>
#include <xen/memory.h>
#include <xen/physdev.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

/* A constant; the size of a structure; offset and size of its field. */
#define C(name) printf("%s %#llx\n", #name, (unsigned long long)(name))
#define S(type) printf("struct %s %zu\n", #type, sizeof(struct type))
#define F(type, field) \
    printf("struct %s.%s %zu %zu\n", #type, #field, offsetof(struct type, field), sizeof(((struct type *)0)->field))

int main(void)
{
    struct trap_info every_flag = { .flags = 0xff };

    printf("TI_DPL_MASK %#x\nTI_IF %#x\n", TI_GET_DPL(&every_flag), TI_GET_IF(&every_flag));
    /* src/xen/address-space.ts */
    C(HYPERVISOR_VIRT_END); C(HYPERVISOR_VIRT_START); C(MACH2PHYS_VIRT_END); C(MACH2PHYS_VIRT_START);
    /* src/xen/callback.ts */
    C(CALLBACKF_mask_events); C(CALLBACKOP_register); C(CALLBACKOP_unregister); C(CALLBACKTYPE_event);
    C(CALLBACKTYPE_failsafe); C(CALLBACKTYPE_syscall); C(CALLBACKTYPE_sysenter_deprecated);
    C(CALLBACKTYPE_nmi); C(CALLBACKTYPE_sysenter); C(CALLBACKTYPE_syscall32);
    /* src/xen/console.ts */
    C(CONSOLEIO_write); C(CONSOLEIO_read);
    /* src/xen/cpuid.ts */
    C(XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD); C(XEN_CPUID_FIRST_LEAF); C(XEN_CPUID_MAX_NUM_LEAVES);
    C(XEN_CPUID_SIGNATURE_EBX); C(XEN_CPUID_SIGNATURE_ECX); C(XEN_CPUID_SIGNATURE_EDX);
    /* src/xen/domid.ts */
    C(DOMID_FIRST_RESERVED); C(DOMID_SELF); C(DOMID_IO); C(DOMID_XEN); C(DOMID_COW); C(DOMID_INVALID);
    C(DOMID_IDLE); C(DOMID_MASK);
    /* src/xen/elf-note.ts */
    C(XEN_ELFNOTE_INFO); C(XEN_ELFNOTE_ENTRY); C(XEN_ELFNOTE_HYPERCALL_PAGE); C(XEN_ELFNOTE_VIRT_BASE);
    C(XEN_ELFNOTE_PADDR_OFFSET); C(XEN_ELFNOTE_XEN_VERSION); C(XEN_ELFNOTE_GUEST_OS);
    C(XEN_ELFNOTE_GUEST_VERSION); C(XEN_ELFNOTE_LOADER); C(XEN_ELFNOTE_PAE_MODE); C(XEN_ELFNOTE_FEATURES);
    C(XEN_ELFNOTE_BSD_SYMTAB); C(XEN_ELFNOTE_HV_START_LOW); C(XEN_ELFNOTE_L1_MFN_VALID);
    C(XEN_ELFNOTE_SUSPEND_CANCEL); C(XEN_ELFNOTE_INIT_P2M); C(XEN_ELFNOTE_MOD_START_PFN);
    C(XEN_ELFNOTE_SUPPORTED_FEATURES); C(XEN_ELFNOTE_PHYS32_ENTRY);
    /* src/xen/errno.ts */
    C(XEN_EPERM); C(XEN_ENOENT); C(XEN_ESRCH); C(XEN_EIO); C(XEN_ENXIO); C(XEN_E2BIG); C(XEN_ENOEXEC);
    C(XEN_EBADF); C(XEN_ECHILD); C(XEN_EAGAIN); C(XEN_ENOMEM); C(XEN_EACCES); C(XEN_EFAULT); C(XEN_EBUSY);
    C(XEN_EEXIST); C(XEN_EXDEV); C(XEN_ENODEV); C(XEN_ENOTDIR); C(XEN_EISDIR); C(XEN_EINVAL); C(XEN_ENFILE);
    C(XEN_EMFILE); C(XEN_ENOSPC); C(XEN_EROFS); C(XEN_EMLINK); C(XEN_EDOM); C(XEN_ERANGE); C(XEN_EDEADLK);
    C(XEN_ENAMETOOLONG); C(XEN_ENOLCK); C(XEN_ENOSYS); C(XEN_ENOTEMPTY); C(XEN_ENODATA); C(XEN_ETIME);
    C(XEN_EBADMSG); C(XEN_EOVERFLOW); C(XEN_EILSEQ); C(XEN_ENOTSOCK); C(XEN_EMSGSIZE); C(XEN_EOPNOTSUPP);
    C(XEN_EADDRINUSE); C(XEN_EADDRNOTAVAIL); C(XEN_ENOBUFS); C(XEN_EISCONN); C(XEN_ENOTCONN);
    C(XEN_ETIMEDOUT); C(XEN_ECONNREFUSED);
    /* src/xen/event-channel.ts */
    C(EVTCHNOP_bind_interdomain); C(EVTCHNOP_bind_virq); C(EVTCHNOP_bind_pirq); C(EVTCHNOP_close);
    C(EVTCHNOP_send); C(EVTCHNOP_status); C(EVTCHNOP_alloc_unbound); C(EVTCHNOP_bind_ipi);
    C(EVTCHNOP_bind_vcpu); C(EVTCHNOP_unmask); C(EVTCHNOP_reset); C(EVTCHNOP_init_control);
    C(EVTCHNOP_expand_array); C(EVTCHNOP_set_priority); C(EVTCHNSTAT_closed); C(EVTCHNSTAT_unbound);
    C(EVTCHNSTAT_interdomain); C(EVTCHNSTAT_pirq); C(EVTCHNSTAT_virq); C(EVTCHNSTAT_ipi);
    C(EVTCHN_2L_NR_CHANNELS);
    /* src/xen/features.ts */
    C(XENFEAT_writable_page_tables); C(XENFEAT_writable_descriptor_tables);
    C(XENFEAT_auto_translated_physmap); C(XENFEAT_supervisor_mode_kernel); C(XENFEAT_pae_pgdir_above_4gb);
    C(XENFEAT_mmu_pt_update_preserve_ad); C(XENFEAT_highmem_assist); C(XENFEAT_gnttab_map_avail_bits);
    C(XENFEAT_hvm_callback_vector); C(XENFEAT_hvm_safe_pvclock); C(XENFEAT_hvm_pirqs); C(XENFEAT_dom0);
    C(XENFEAT_memory_op_vnode_supported); C(XENFEAT_ARM_SMCCC_supported); C(XENFEAT_linux_rsdp_unrestricted);
    C(XENFEAT_not_direct_mapped); C(XENFEAT_direct_mapped); C(XENFEAT_NR_SUBMAPS);
    /* src/xen/grant-table.ts */
    C(GNTTABOP_map_grant_ref); C(GNTTABOP_unmap_grant_ref); C(GNTTABOP_setup_table); C(GNTTABOP_dump_table);
    C(GNTTABOP_transfer); C(GNTTABOP_copy); C(GNTTABOP_query_size); C(GNTTABOP_unmap_and_replace);
    C(GNTTABOP_set_version); C(GNTTABOP_get_status_frames); C(GNTTABOP_get_version);
    C(GNTTABOP_swap_grant_ref); C(GNTTABOP_cache_flush);
    /* src/xen/hypercalls.ts */
    C(__HYPERVISOR_set_trap_table); C(__HYPERVISOR_mmu_update); C(__HYPERVISOR_set_gdt);
    C(__HYPERVISOR_stack_switch); C(__HYPERVISOR_set_callbacks); C(__HYPERVISOR_fpu_taskswitch);
    C(__HYPERVISOR_sched_op_compat); C(__HYPERVISOR_platform_op); C(__HYPERVISOR_set_debugreg);
    C(__HYPERVISOR_get_debugreg); C(__HYPERVISOR_update_descriptor); C(__HYPERVISOR_memory_op);
    C(__HYPERVISOR_multicall); C(__HYPERVISOR_update_va_mapping); C(__HYPERVISOR_set_timer_op);
    C(__HYPERVISOR_event_channel_op_compat); C(__HYPERVISOR_xen_version); C(__HYPERVISOR_console_io);
    C(__HYPERVISOR_physdev_op_compat); C(__HYPERVISOR_grant_table_op); C(__HYPERVISOR_vm_assist);
    C(__HYPERVISOR_update_va_mapping_otherdomain); C(__HYPERVISOR_iret); C(__HYPERVISOR_vcpu_op);
    C(__HYPERVISOR_set_segment_base); C(__HYPERVISOR_mmuext_op); C(__HYPERVISOR_xsm_op);
    C(__HYPERVISOR_nmi_op); C(__HYPERVISOR_sched_op); C(__HYPERVISOR_callback_op);
    C(__HYPERVISOR_xenoprof_op); C(__HYPERVISOR_event_channel_op); C(__HYPERVISOR_physdev_op);
    C(__HYPERVISOR_hvm_op); C(__HYPERVISOR_sysctl); C(__HYPERVISOR_domctl); C(__HYPERVISOR_kexec_op);
    C(__HYPERVISOR_tmem_op); C(__HYPERVISOR_argo_op); C(__HYPERVISOR_xenpmu_op); C(__HYPERVISOR_dm_op);
    C(__HYPERVISOR_hypfs_op);
    /* src/xen/memory.ts */
    C(XENMAPSPACE_shared_info); C(XENMAPSPACE_grant_table); C(XENMAPSPACE_gmfn); C(XENMAPSPACE_gmfn_range);
    C(XENMAPSPACE_gmfn_foreign); C(XENMAPSPACE_dev_mmio); C(XENMEM_increase_reservation);
    C(XENMEM_decrease_reservation); C(XENMEM_maximum_ram_page); C(XENMEM_current_reservation);
    C(XENMEM_maximum_reservation); C(XENMEM_machphys_mfn_list); C(XENMEM_populate_physmap);
    C(XENMEM_add_to_physmap); C(XENMEM_memory_map); C(XENMEM_machine_memory_map); C(XENMEM_exchange);
    C(XENMEM_machphys_mapping); C(XENMEM_set_memory_map); C(XENMEM_maximum_gpfn);
    C(XENMEM_remove_from_physmap); C(XENMEM_set_pod_target); C(XENMEM_get_pod_target);
    C(XENMEM_add_to_physmap_batch); C(XENMEM_machphys_compat_mfn_list); C(XENMEMF_populate_on_demand);
    /* src/xen/mmu.ts */
    C(MMU_NORMAL_PT_UPDATE); C(MMU_MACHPHYS_UPDATE); C(MMU_PT_UPDATE_PRESERVE_AD);
    C(MMU_PT_UPDATE_NO_TRANSLATE); C(MMUEXT_PIN_L1_TABLE); C(MMUEXT_PIN_L2_TABLE); C(MMUEXT_PIN_L3_TABLE);
    C(MMUEXT_PIN_L4_TABLE); C(MMUEXT_UNPIN_TABLE); C(MMUEXT_NEW_BASEPTR); C(MMUEXT_TLB_FLUSH_LOCAL);
    C(MMUEXT_INVLPG_LOCAL); C(MMUEXT_TLB_FLUSH_MULTI); C(MMUEXT_INVLPG_MULTI); C(MMUEXT_TLB_FLUSH_ALL);
    C(MMUEXT_INVLPG_ALL); C(MMUEXT_FLUSH_CACHE); C(MMUEXT_SET_LDT); C(MMUEXT_NEW_USER_BASEPTR);
    C(MMUEXT_CLEAR_PAGE); C(MMUEXT_COPY_PAGE); C(MMUEXT_FLUSH_CACHE_GLOBAL); C(MMUEXT_MARK_SUPER);
    C(MMUEXT_UNMARK_SUPER); C(UVMF_NONE); C(UVMF_TLB_FLUSH); C(UVMF_INVLPG); C(UVMF_FLUSHTYPE_MASK);
    C(UVMF_MULTI); C(UVMF_LOCAL); C(UVMF_ALL);
    /* src/xen/physdev.ts */
    C(PHYSDEVOP_irq_status_query); C(PHYSDEVOP_set_iopl); C(PHYSDEVOP_set_iobitmap); C(PHYSDEVOP_apic_read);
    C(PHYSDEVOP_apic_write); C(PHYSDEVOP_alloc_irq_vector); C(PHYSDEVOP_free_irq_vector); C(PHYSDEVOP_eoi);
    C(PHYSDEVOP_map_pirq); C(PHYSDEVOP_unmap_pirq); C(PHYSDEVOP_setup_gsi); C(PHYSDEVOP_get_free_pirq);
    S(physdev_set_iopl); F(physdev_set_iopl, iopl);
    /* src/xen/sched.ts */
    C(SCHEDOP_yield); C(SCHEDOP_block); C(SCHEDOP_shutdown); C(SCHEDOP_poll); C(SCHEDOP_remote_shutdown);
    C(SCHEDOP_shutdown_code); C(SCHEDOP_watchdog); C(SCHEDOP_pin_override); C(SHUTDOWN_poweroff);
    C(SHUTDOWN_reboot); C(SHUTDOWN_suspend); C(SHUTDOWN_crash); C(SHUTDOWN_watchdog); C(SHUTDOWN_soft_reset);
    /* src/xen/segments.ts */
    C(FIRST_RESERVED_GDT_BYTE); C(FIRST_RESERVED_GDT_ENTRY); C(FIRST_RESERVED_GDT_PAGE); C(FLAT_RING3_CS32);
    C(FLAT_RING3_CS64); C(FLAT_RING3_DS32); C(FLAT_RING3_DS64); C(FLAT_RING3_SS32); C(FLAT_RING3_SS64);
    C(FLAT_KERNEL_CS); C(FLAT_KERNEL_DS); C(FLAT_KERNEL_SS); C(FLAT_USER_CS); C(FLAT_USER_DS);
    C(FLAT_USER_SS); C(SEGBASE_FS); C(SEGBASE_GS_USER); C(SEGBASE_GS_KERNEL); C(SEGBASE_GS_USER_SEL);
    /* src/xen/shared-info.ts */
    C(XEN_LEGACY_MAX_VCPUS); C(XEN_PVCLOCK_GUEST_STOPPED); C(XEN_PVCLOCK_TSC_STABLE_BIT);
    /* src/xen/start-info.ts */
    C(MAX_GUEST_CMDLINE); C(SIF_PRIVILEGED); C(SIF_INITDOMAIN); C(SIF_MULTIBOOT_MOD); C(SIF_MOD_START_PFN);
    C(SIF_VIRT_P2M_4TOOLS); C(SIF_PM_MASK);
    /* src/xen/trap.ts */
    C(VGCF_in_syscall);
    /* src/xen/vcpu.ts */
    C(RUNSTATE_running); C(RUNSTATE_runnable); C(RUNSTATE_blocked); C(RUNSTATE_offline);
    C(VCPUOP_initialise); C(VCPUOP_up); C(VCPUOP_down); C(VCPUOP_is_up); C(VCPUOP_get_runstate_info);
    C(VCPUOP_register_runstate_memory_area); C(VCPUOP_set_periodic_timer); C(VCPUOP_stop_periodic_timer);
    C(VCPUOP_set_singleshot_timer); C(VCPUOP_stop_singleshot_timer); C(VCPUOP_register_vcpu_info);
    C(VCPUOP_send_nmi); C(VCPUOP_get_physid); C(VCPUOP_register_vcpu_time_memory_area);
    C(VCPU_SSHOTTMR_future); C(XEN_RUNSTATE_UPDATE);
    /* src/xen/version.ts */
    C(XENVER_version); C(XENVER_extraversion); C(XENVER_compile_info); C(XENVER_capabilities);
    C(XENVER_changeset); C(XENVER_platform_parameters); C(XENVER_get_features); C(XENVER_pagesize);
    C(XENVER_guest_handle); C(XENVER_commandline); C(XENVER_build_id); C(XEN_CAPABILITIES_INFO_LEN);
    C(XEN_CHANGESET_INFO_LEN); C(XEN_EXTRAVERSION_LEN);
    /* src/xen/virq.ts */
    C(NR_VIRQS); C(VIRQ_TIMER); C(VIRQ_DEBUG); C(VIRQ_CONSOLE); C(VIRQ_DOM_EXC); C(VIRQ_TBUF);
    C(VIRQ_DEBUGGER); C(VIRQ_XENOPROF); C(VIRQ_CON_RING); C(VIRQ_PCPU_STATE); C(VIRQ_MEM_EVENT);
    C(VIRQ_ARGO); C(VIRQ_ENOMEM); C(VIRQ_XENPMU);
    /* src/xen/vm-assist.ts */
    C(VMASST_CMD_enable); C(VMASST_CMD_disable); C(VMASST_TYPE_4gb_segments);
    C(VMASST_TYPE_4gb_segments_notify); C(VMASST_TYPE_writable_pagetables); C(VMASST_TYPE_pae_extended_cr3);
    C(VMASST_TYPE_architectural_iopl); C(VMASST_TYPE_runstate_update_flag); C(VMASST_TYPE_m2p_strict);

    S(callback_register); F(callback_register, type); F(callback_register, flags);
    F(callback_register, address);
    S(callback_unregister); F(callback_unregister, type); F(callback_unregister, _unused);
    S(xencons_interface); F(xencons_interface, in); F(xencons_interface, out); F(xencons_interface, in_cons);
    F(xencons_interface, in_prod); F(xencons_interface, out_cons); F(xencons_interface, out_prod);
    S(evtchn_alloc_unbound); F(evtchn_alloc_unbound, dom); F(evtchn_alloc_unbound, remote_dom);
    F(evtchn_alloc_unbound, port);
    S(evtchn_bind_interdomain); F(evtchn_bind_interdomain, remote_dom);
    F(evtchn_bind_interdomain, remote_port); F(evtchn_bind_interdomain, local_port);
    S(evtchn_bind_ipi); F(evtchn_bind_ipi, vcpu); F(evtchn_bind_ipi, port);
    S(evtchn_bind_pirq); F(evtchn_bind_pirq, pirq); F(evtchn_bind_pirq, flags); F(evtchn_bind_pirq, port);
    S(evtchn_bind_vcpu); F(evtchn_bind_vcpu, port); F(evtchn_bind_vcpu, vcpu);
    S(evtchn_bind_virq); F(evtchn_bind_virq, virq); F(evtchn_bind_virq, vcpu); F(evtchn_bind_virq, port);
    S(evtchn_close); F(evtchn_close, port);
    S(evtchn_expand_array); F(evtchn_expand_array, array_gfn);
    S(evtchn_init_control); F(evtchn_init_control, control_gfn); F(evtchn_init_control, offset);
    F(evtchn_init_control, vcpu); F(evtchn_init_control, link_bits); F(evtchn_init_control, _pad);
    S(evtchn_op); F(evtchn_op, cmd); F(evtchn_op, u);
    F(evtchn_op, u.alloc_unbound); F(evtchn_op, u.bind_interdomain); F(evtchn_op, u.bind_virq);
    F(evtchn_op, u.bind_pirq); F(evtchn_op, u.bind_ipi); F(evtchn_op, u.close);
    F(evtchn_op, u.send); F(evtchn_op, u.status); F(evtchn_op, u.bind_vcpu);
    F(evtchn_op, u.unmask);
    S(evtchn_reset); F(evtchn_reset, dom);
    S(evtchn_send); F(evtchn_send, port);
    S(evtchn_set_priority); F(evtchn_set_priority, port); F(evtchn_set_priority, priority);
    S(evtchn_status); F(evtchn_status, dom); F(evtchn_status, port); F(evtchn_status, status);
    F(evtchn_status, vcpu); F(evtchn_status, u); F(evtchn_status, u.unbound);
    F(evtchn_status, u.unbound.dom); F(evtchn_status, u.interdomain); F(evtchn_status, u.interdomain.dom);
    F(evtchn_status, u.interdomain.port); F(evtchn_status, u.pirq); F(evtchn_status, u.virq);
    S(evtchn_unmask); F(evtchn_unmask, port);
    S(xen_add_to_physmap); F(xen_add_to_physmap, domid); F(xen_add_to_physmap, size);
    F(xen_add_to_physmap, space); F(xen_add_to_physmap, idx); F(xen_add_to_physmap, gpfn);
    S(xen_machphys_mapping); F(xen_machphys_mapping, v_start); F(xen_machphys_mapping, v_end);
    F(xen_machphys_mapping, max_mfn);
    S(xen_machphys_mfn_list); F(xen_machphys_mfn_list, max_extents); F(xen_machphys_mfn_list, extent_start);
    F(xen_machphys_mfn_list, nr_extents);
    S(xen_memory_domain); F(xen_memory_domain, domid);
    S(xen_memory_exchange); F(xen_memory_exchange, in); F(xen_memory_exchange, out);
    F(xen_memory_exchange, nr_exchanged);
    S(xen_memory_map); F(xen_memory_map, nr_entries); F(xen_memory_map, buffer);
    S(xen_memory_reservation); F(xen_memory_reservation, extent_start);
    F(xen_memory_reservation, nr_extents); F(xen_memory_reservation, extent_order);
    F(xen_memory_reservation, mem_flags); F(xen_memory_reservation, domid);
    S(xen_remove_from_physmap); F(xen_remove_from_physmap, domid); F(xen_remove_from_physmap, gpfn);
    S(mmuext_op); F(mmuext_op, cmd); F(mmuext_op, arg1); F(mmuext_op, arg1.mfn);
    F(mmuext_op, arg1.linear_addr); F(mmuext_op, arg2); F(mmuext_op, arg2.nr_ents);
    F(mmuext_op, arg2.vcpumask); F(mmuext_op, arg2.src_mfn);
    S(mmu_update); F(mmu_update, ptr); F(mmu_update, val);
    S(multicall_entry); F(multicall_entry, op); F(multicall_entry, result); F(multicall_entry, args);
    S(sched_pin_override); F(sched_pin_override, pcpu);
    S(sched_poll); F(sched_poll, ports); F(sched_poll, nr_ports); F(sched_poll, timeout);
    S(sched_remote_shutdown); F(sched_remote_shutdown, domain_id); F(sched_remote_shutdown, reason);
    S(sched_shutdown); F(sched_shutdown, reason);
    S(sched_watchdog); F(sched_watchdog, id); F(sched_watchdog, timeout);
    S(arch_shared_info); F(arch_shared_info, max_pfn); F(arch_shared_info, pfn_to_mfn_frame_list_list);
    F(arch_shared_info, nmi_reason); F(arch_shared_info, p2m_cr3); F(arch_shared_info, p2m_vaddr);
    F(arch_shared_info, p2m_generation);
    S(arch_vcpu_info); F(arch_vcpu_info, cr2); F(arch_vcpu_info, pad);
    S(shared_info); F(shared_info, vcpu_info); F(shared_info, evtchn_pending); F(shared_info, evtchn_mask);
    F(shared_info, wc_version); F(shared_info, wc_sec); F(shared_info, wc_nsec); F(shared_info, wc_sec_hi);
    F(shared_info, arch);
    S(vcpu_info); F(vcpu_info, evtchn_upcall_pending); F(vcpu_info, evtchn_upcall_mask);
    F(vcpu_info, evtchn_pending_sel); F(vcpu_info, arch); F(vcpu_info, time);
    S(vcpu_time_info); F(vcpu_time_info, version); F(vcpu_time_info, pad0); F(vcpu_time_info, tsc_timestamp);
    F(vcpu_time_info, system_time); F(vcpu_time_info, tsc_to_system_mul); F(vcpu_time_info, tsc_shift);
    F(vcpu_time_info, flags); F(vcpu_time_info, pad1);
    S(start_info); F(start_info, magic); F(start_info, nr_pages); F(start_info, shared_info);
    F(start_info, flags); F(start_info, store_mfn); F(start_info, store_evtchn); F(start_info, console);
    F(start_info, console.domU); F(start_info, console.domU.mfn); F(start_info, console.domU.evtchn);
    F(start_info, console.dom0); F(start_info, console.dom0.info_off); F(start_info, console.dom0.info_size);
    F(start_info, pt_base); F(start_info, nr_pt_frames); F(start_info, mfn_list); F(start_info, mod_start);
    F(start_info, mod_len); F(start_info, cmd_line); F(start_info, first_p2m_pfn);
    F(start_info, nr_p2m_frames);
    S(iret_context); F(iret_context, rax); F(iret_context, r11); F(iret_context, rcx);
    F(iret_context, flags); F(iret_context, rip); F(iret_context, cs); F(iret_context, rflags);
    F(iret_context, rsp); F(iret_context, ss);
    S(trap_info); F(trap_info, vector); F(trap_info, flags); F(trap_info, cs); F(trap_info, address);
    S(vcpu_guest_context);
    F(vcpu_guest_context, fpu_ctxt); F(vcpu_guest_context, flags);
    F(vcpu_guest_context, user_regs); F(vcpu_guest_context, trap_ctxt);
    F(vcpu_guest_context, ldt_base); F(vcpu_guest_context, ldt_ents);
    F(vcpu_guest_context, gdt_frames); F(vcpu_guest_context, gdt_ents);
    F(vcpu_guest_context, kernel_ss); F(vcpu_guest_context, kernel_sp);
    F(vcpu_guest_context, ctrlreg); F(vcpu_guest_context, debugreg);
    F(vcpu_guest_context, event_callback_eip); F(vcpu_guest_context, failsafe_callback_eip);
    F(vcpu_guest_context, syscall_callback_eip); F(vcpu_guest_context, vm_assist);
    F(vcpu_guest_context, fs_base); F(vcpu_guest_context, gs_base_kernel);
    F(vcpu_guest_context, gs_base_user);
    S(vcpu_get_physid); F(vcpu_get_physid, phys_id);
    S(vcpu_register_runstate_memory_area); F(vcpu_register_runstate_memory_area, addr);
    F(vcpu_register_runstate_memory_area, addr.v); F(vcpu_register_runstate_memory_area, addr.p);
    S(vcpu_register_time_memory_area); F(vcpu_register_time_memory_area, addr);
    F(vcpu_register_time_memory_area, addr.v); F(vcpu_register_time_memory_area, addr.p);
    S(vcpu_register_vcpu_info); F(vcpu_register_vcpu_info, mfn); F(vcpu_register_vcpu_info, offset);
    F(vcpu_register_vcpu_info, rsvd);
    S(vcpu_runstate_info); F(vcpu_runstate_info, state); F(vcpu_runstate_info, state_entry_time);
    F(vcpu_runstate_info, time);
    S(vcpu_set_periodic_timer); F(vcpu_set_periodic_timer, period_ns);
    S(vcpu_set_singleshot_timer); F(vcpu_set_singleshot_timer, timeout_abs_ns);
    F(vcpu_set_singleshot_timer, flags);
    S(xen_compile_info); F(xen_compile_info, compiler); F(xen_compile_info, compile_by);
    F(xen_compile_info, compile_domain); F(xen_compile_info, compile_date);
    S(xen_feature_info); F(xen_feature_info, submap_idx); F(xen_feature_info, submap);
    S(xen_platform_parameters); F(xen_platform_parameters, virt_start);
    return 0;
}
