//! The server under a filter of system calls such as that of Debian's unit for redis-server (`~@privileged
//! @resources`): what it forbids ends the process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]
#![allow(unsafe_code, reason = "a filter is laid on a process between fork and exec")]

use lodestore_tests::client::Client;
use lodestore_tests::fault::{await_info, await_true, info};
use lodestore_tests::launch::Launch;
use lodestore_tests::server::lodestore;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Stdio;

/// What ends the process: the calls of both groups that a server could think of.
const FORBIDDEN: [i64; 14] = [
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_setrlimit,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setattr,
    libc::SYS_mbind,
    libc::SYS_set_mempolicy,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_chroot,
];

/// A program of the kernel's little machine: load the call's number; for each one forbidden, compare and end.
fn filter() -> Vec<libc::sock_filter> {
    const LOAD: u16 = 0x20;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const ALLOW: u32 = 0x7fff_0000;
    const KILL_PROCESS: u32 = 0x8000_0000;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut steps = vec![step(LOAD, 0, 0, 0)];
    for call in FORBIDDEN {
        steps.push(step(JUMP_IF_EQUAL, 0, 1, u32::try_from(call).unwrap()));
        steps.push(step(RETURN, 0, 0, KILL_PROCESS));
    }
    steps.push(step(RETURN, 0, 0, ALLOW));
    steps
}

fn lay_on(filter: &mut [libc::sock_filter]) -> io::Result<()> {
    let len = u16::try_from(filter.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len, filter: filter.as_mut_ptr() };
    // SAFETY: both calls only read what they are given, which lives until they return.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
    };
    if done { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[test]
fn a_filter_of_system_calls_ends_neither_the_server_nor_its_children() {
    const NOBODY: u32 = 65534;
    let launch = Launch::prepare("hz 20\nlogfile server.log\n");
    let folder = launch.path("redis.conf").parent().unwrap().to_owned();
    let is_root = chown(&folder, Some(NOBODY), Some(NOBODY)).is_ok();
    let mut binary = lodestore();
    if is_root {
        // As the unit does, it runs as a user of its own; the file is another's.
        std::fs::set_permissions(launch.path("redis.conf"), PermissionsExt::from_mode(0o666))
            .unwrap();
        let copy = launch.path("server");
        std::fs::copy(binary, &copy).unwrap();
        std::fs::set_permissions(&copy, PermissionsExt::from_mode(0o755)).unwrap();
        binary = copy;
    }
    let mut command = launch.command(&binary);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    if is_root {
        command.uid(NOBODY).gid(NOBODY);
    }
    let mut steps = filter();
    // SAFETY: what runs between fork and exec makes two system calls and allocates nothing.
    unsafe { command.pre_exec(move || lay_on(&mut steps)) };
    let mut process = command.spawn().unwrap();
    await_true("the server answers", || Client::connect(&launch.address()).is_ok());
    let mut client = launch.client();
    assert_eq!(client.call(&["SET", "k", "v"]).line(), "+OK");
    assert_eq!(client.call(&["BGSAVE"]).line(), "+Background saving started");
    await_info(&mut client, "rdb_bgsave_in_progress", "0");
    assert_eq!(info(&mut client, "rdb_last_bgsave_status"), "ok", "{}", launch.text("server.log"));
    assert_eq!(client.call(&["CONFIG", "SET", "hz", "30"]).line(), "+OK");
    assert_eq!(client.call(&["CONFIG", "REWRITE"]).line(), "+OK");
    assert!(launch.text("redis.conf").starts_with("hz 30\n"));
    client.send(&["SHUTDOWN"]);
    let mut ended = None;
    await_true("it ends", || {
        ended = process.try_wait().unwrap();
        ended.is_some()
    });
    assert_eq!(ended.unwrap().code(), Some(0), "{}", launch.text("server.log"));
}
