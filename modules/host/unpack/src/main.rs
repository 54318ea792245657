//! `clouder-unpack`: the program that an agent travels behind. `./FILE unpack NEW` unpacks it by way of the file `NEW`;
//! any other word fails, so that nobody takes this for the agent itself.
//!
//! It is bound to nothing, not even to a C library: see `xtask`.

#![no_std]
#![no_main]
// Else the loops below are made calls of the very functions that they are.
#![no_builtins]

use core::arch::{asm, global_asm};
use core::ffi::{CStr, c_char};
use core::panic::PanicInfo;
use core::{ptr, slice};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

#[cfg(target_arch = "x86_64")]
global_asm!(".globl _start", "_start:", "mov rdi, rsp", "and rsp, -16", "call {start}", start = sym start);
#[cfg(target_arch = "aarch64")]
global_asm!(".globl _start", "_start:", "mov x0, sp", "bl {start}", start = sym start);

/// Where the kernel's words for a new process are: their number, then each.
unsafe extern "C" fn start(stack: *const usize) -> ! {
    // SAFETY: the kernel puts that many pointers to texts there.
    let words = unsafe { slice::from_raw_parts(stack.add(1).cast::<*const c_char>(), *stack) };
    exit(match words {
        // SAFETY: as above.
        &[own, word, new] => unsafe { run(CStr::from_ptr(own), CStr::from_ptr(word), CStr::from_ptr(new)) },
        _ => 2,
    })
}

/// The system call `exit_group`.
fn exit(code: i32) -> ! {
    // SAFETY: it does not come back.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("syscall", in("rax") 231, in("rdi") code, options(noreturn))
    }
    // SAFETY: it does not come back.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("svc 0", in("x8") 94, in("x0") code, options(noreturn))
    }
}

fn run(own: &CStr, word: &CStr, new: &CStr) -> i32 {
    if word != c"unpack" {
        return 2;
    }
    let size = clouder_unpack::DICTIONARY;
    // SAFETY: new memory that nothing else knows of.
    let memory = unsafe {
        mmap_anonymous(ptr::null_mut(), size, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
    };
    let Ok(memory) = memory else { return 1 };
    // SAFETY: as above; it is as large, and zero.
    let dictionary = unsafe { slice::from_raw_parts_mut(memory.cast::<u8>(), size) };
    i32::from(clouder_unpack::unpack(own, new, dictionary).is_err())
}

#[panic_handler]
fn ends(_: &PanicInfo<'_>) -> ! {
    exit(1)
}

/// What compiled code expects of every program.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, size: usize) -> *mut u8 {
    for at in 0..size {
        // SAFETY: the caller's.
        unsafe { *to.add(at) = *from.add(at) };
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, size: usize) -> *mut u8 {
    if to.addr() <= from.addr() {
        // SAFETY: the caller's; nothing is overwritten before it is read.
        return unsafe { memcpy(to, from, size) };
    }
    for at in (0..size).rev() {
        // SAFETY: the caller's.
        unsafe { *to.add(at) = *from.add(at) };
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, value: i32, size: usize) -> *mut u8 {
    for at in 0..size {
        // SAFETY: the caller's. Of the value only the lowest byte counts.
        unsafe { *to.add(at) = value.to_le_bytes()[0] };
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, size: usize) -> i32 {
    for at in 0..size {
        // SAFETY: the caller's.
        let (one, other) = unsafe { (*one.add(at), *other.add(at)) };
        if one != other {
            return i32::from(one) - i32::from(other);
        }
    }
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, size: usize) -> i32 {
    // SAFETY: the caller's.
    unsafe { memcmp(one, other, size) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const c_char) -> usize {
    let mut at = 0;
    // SAFETY: the caller's.
    while unsafe { *text.add(at) } != 0 {
        at += 1;
    }
    at
}
