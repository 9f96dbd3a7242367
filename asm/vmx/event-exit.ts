/**
 * VM exits around the delivery of events (SDM 3C 26.2, 28.2.2 to 28.2.4): exceptions that the exception bitmap catches in place of
 * their delivery, and what was being delivered when another VM exit came (IDT-vectoring information).
 */

import { Debug } from '../cpu/debug';
import { EventKind, Vector } from '../cpu/event';
import { SHADOW_MOV_SS } from '../cpu/shadow';
import {
  EXCEPTION_BITMAP,
  IDT_VECTORING_ERROR_CODE,
  IDT_VECTORING_INFORMATION,
  PAGE_FAULT_ERROR_CODE_MASK,
  PAGE_FAULT_ERROR_CODE_MATCH,
  VM_ENTRY_EXCEPTION_ERROR_CODE,
  VM_ENTRY_INTERRUPTION_INFORMATION,
  VM_EXIT_INSTRUCTION_LENGTH,
  VM_EXIT_INTERRUPTION_ERROR_CODE,
  VM_EXIT_INTERRUPTION_INFORMATION,
} from '../gen/vmx-fields';
import {
  DEBUG_PENDING,
  EVENT_ADDRESS,
  EVENT_ERROR,
  EVENT_HAS_ERROR,
  EVENT_LENGTH,
  NMI_UNBLOCKED,
  SHADOW,
  SOFTWARE_TYPE,
} from '../layout';
import { EventType, HAS_ERROR, Interruption, NMI_UNBLOCKING } from './interruption';
import { Reason, VmExit } from './vm-exit';

/** Entry information: bits that the IDT-vectoring information has too. */
const VECTORING: u32 = 0x80000fff;

/** The event that is being delivered, as interruption information, 0: none; its error code. State of one delivery only. */
let delivering: u32 = 0;
let deliveringError: u32 = 0;
let deliveringLength: u32 = 0;

export class EventExit {
  /** Nothing is being delivered yet; or what is counts no more. */
  static begin(): void {
    delivering = 0;
  }

  /** A VM exit was raised in place of a try to deliver the event in the event block; else the try comes next. */
  static precedes(kind: u32, vector: u32, injected: bool): bool {
    if (!injected && EventExit.catches(kind, vector)) return true;
    EventExit.note(kind, vector, injected);
    return false;
  }

  /** The event in the event block is delivered next. */
  static note(kind: u32, vector: u32, injected: bool): void {
    deliveringLength = load<u32>(EVENT_LENGTH);
    deliveringError = load<u32>(EVENT_ERROR);
    if (injected) {
      delivering = load<u32>(VM_ENTRY_INTERRUPTION_INFORMATION) & VECTORING;
      deliveringError = load<u32>(VM_ENTRY_EXCEPTION_ERROR_CODE);
    } else {
      const type = EventExit.typeOf(kind, vector);
      delivering = Interruption.of(vector, type, load<u32>(EVENT_HAS_ERROR) != 0);
    }
  }

  /** A VM exit was raised: adds what was being delivered. */
  static tell(): void {
    if (delivering == 0) return;
    store<u64>(IDT_VECTORING_INFORMATION, delivering);
    store<u64>(IDT_VECTORING_ERROR_CODE, (delivering & HAS_ERROR) != 0 ? deliveringError : 0);
    if (Interruption.isSoftware(delivering)) {
      store<u64>(VM_EXIT_INSTRUCTION_LENGTH, deliveringLength);
    }
  }

  static typeOf(kind: u32, vector: u32): EventType {
    if (kind == EventKind.Software || kind == EventKind.PrivilegedSoftware) {
      return <EventType>load<u32>(SOFTWARE_TYPE);
    }
    if (kind == EventKind.Fault || vector == Vector.DB) return EventType.Hardware;
    return vector == Vector.NMI ? EventType.Nmi : EventType.External;
  }

  /** The exception bitmap catches the event in the event block: the VM exit was raised. */
  static catches(kind: u32, vector: u32): bool {
    const type = EventExit.typeOf(kind, vector);
    const isException = type >= EventType.Hardware && type != EventType.Software;
    if (!isException || !EventExit.isIn(type, vector)) return false;
    const isFault = type == EventType.Hardware;
    VmExit.event(Reason.ExceptionOrNmi, isFault ? EventExit.qualify(vector) : 0, vector, type);
    if (!isFault) store<u64>(VM_EXIT_INSTRUCTION_LENGTH, load<u32>(EVENT_LENGTH));
    if (load<u32>(EVENT_HAS_ERROR) != 0) EventExit.addError();
    const unblocked = load<u32>(NMI_UNBLOCKED) != 0 && delivering == 0 && vector != Vector.DF;
    if (unblocked) EventExit.addBits(NMI_UNBLOCKING);
    if ((load<u32>(SHADOW) & SHADOW_MOV_SS) == 0) store<u32>(DEBUG_PENDING, 0);
    return true;
  }

  static isIn(type: EventType, vector: u32): bool {
    const isSet = ((load<u32>(EXCEPTION_BITMAP) >> vector) & 1) != 0;
    if (vector != Vector.PF || type != EventType.Hardware) return isSet;
    const masked = load<u32>(EVENT_ERROR) & load<u32>(PAGE_FAULT_ERROR_CODE_MASK);
    return (masked == load<u32>(PAGE_FAULT_ERROR_CODE_MATCH)) == isSet;
  }

  /** What CR2 or DR6 would have told; they stay as they are. */
  static qualify(vector: u32): u64 {
    if (vector == Vector.PF) return load<u64>(EVENT_ADDRESS);
    if (vector != Vector.DB) return 0;
    const pending = Debug.pending();
    store<u32>(DEBUG_PENDING, 0);
    return <u64>pending;
  }

  static addError(): void {
    EventExit.addBits(HAS_ERROR);
    store<u64>(VM_EXIT_INTERRUPTION_ERROR_CODE, load<u32>(EVENT_ERROR));
  }
  @inline static addBits(bits: u32): void {
    const info = load<u32>(VM_EXIT_INTERRUPTION_INFORMATION);
    store<u64>(VM_EXIT_INTERRUPTION_INFORMATION, info | bits);
  }
}
