//! How the server starts and is started: by other names, in the background, under systemd, with existing files, and
//! what it says meanwhile.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use lodestore_tests::client::Client;
use lodestore_tests::fault::{await_true, is_running, run, send_signal};
use lodestore_tests::launch::Launch;
use lodestore_tests::server::{binary, free_port, lodestore, skip};
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The files of other servers' packages, where they are installed.
fn installed_files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        ["/etc/redis/redis.conf", "/etc/valkey/valkey.conf"].map(PathBuf::from).to_vec();
    let home = std::env::var_os("HOME").unwrap_or_default();
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| Path::new(&home).join(".cache"));
    files.push(cache.join("lodestore-peers/sid/root/etc/valkey/valkey.conf"));
    files.retain(|file| file.is_file());
    files
}

#[test]
fn the_files_of_other_servers_packages_start_it() {
    let files = installed_files();
    if files.is_empty() {
        return skip("the_files_of_other_servers_packages_start_it", "none is installed");
    }
    for file in files {
        let checked = run(&["--check-config", file.to_str().unwrap()]);
        assert_eq!(checked.code, Some(0), "{}: {}", file.display(), checked.text);
        assert_eq!(checked.text.matches("have no effect in this server").count(), 1, "one warning");
        let settings = fs::read_to_string(&file).unwrap();
        let launch = Launch::prepare(&settings);
        let (log, pid) = (launch.path("server.log"), launch.path("pid"));
        // As its unit does, but for the folders, which belong to the package.
        let paths = ["--logfile", log.to_str().unwrap(), "--pidfile", pid.to_str().unwrap()];
        let launch = launch.with(&paths).with(&["--daemonize", "no", "--supervised", "systemd"]);
        let launch = launch.start();
        let mut client = launch.client();
        assert_eq!(
            client.call(&["CONFIG", "GET", "tcp-backlog"]).line(),
            r#"["tcp-backlog", "511"]"#
        );
        assert_eq!(client.call(&["CONFIG", "REWRITE"]).line(), "+OK");
        let kept = launch.text("redis.conf");
        let lines = |text: &str| text.lines().count();
        assert!(
            lines(&kept) < lines(&settings) + 10,
            "what is not ours stays, and little is added"
        );
        await_true("it is ready", || launch.text("server.log").contains("Ready to accept"));
    }
}

#[test]
fn a_daemon_is_there_when_its_starter_ends_and_leaves_nothing_behind() {
    let launch = Launch::prepare("daemonize yes\npidfile pid\nlogfile server.log\nsave 900 1\n");
    let output = launch.command(&lodestore()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let pid: u32 = launch.text("pid").trim().parse().unwrap();
    let mut client = launch.client();
    assert_eq!(client.call(&["SET", "k", "v"]).line(), "+OK");
    let info = client.call(&["INFO", "server"]).text();
    assert!(info.contains(&format!("process_id:{pid}\r\n")), "{info}");
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(3).unwrap().to_owned();
    assert_eq!(session, pid.to_string(), "it leads a session of its own");
    for stream in 0..3 {
        let leads = fs::read_link(format!("/proc/{pid}/fd/{stream}")).unwrap();
        assert_eq!(leads, Path::new("/dev/null"));
    }
    let title = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    let title = title.trim_end_matches('\0');
    assert_eq!(title, format!("lodestore-server {}", launch.address()));
    // A second one: its starter says by its exit code that it could not have what it needs.
    let second = launch.command(&lodestore()).args(["--pidfile", "pid2"]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second).contains("another server works in the directory"), "{}", text(&second));
    assert!(!launch.path("pid2").exists());
    assert!(send_signal(pid, "TERM"));
    await_true("it ends", || !is_running(pid));
    assert!(!launch.path("pid").exists(), "the pid file goes with it");
    assert!(launch.path("dump.rdb").exists());
    assert!(launch.text("server.log").contains("bye bye"));
}

#[test]
fn systemd_is_told_when_it_is_ready_and_when_it_ends() {
    let launch = Launch::prepare("supervised auto\ndaemonize yes\n");
    let socket = launch.path("notify");
    let heard = UnixDatagram::bind(&socket).unwrap();
    heard.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut launch = launch.variable("NOTIFY_SOCKET", socket.to_str().unwrap()).start();
    let mut buffer = [0; 500];
    let mut next = || {
        let length = heard.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert_eq!(next(), "STATUS=Lodestore is starting...\n");
    let loading = next();
    assert!(loading.contains("STATUS=Loading") && loading.contains("EXTEND_TIMEOUT_USEC="));
    let pid = launch.pid().unwrap();
    let ready = next();
    assert!(ready.contains("READY=1\n") && ready.contains(&format!("MAINPID={pid}\n")), "{ready}");
    launch.stop();
    assert!(next().contains("STOPPING=1\n"));
}

#[test]
fn the_lines_that_tools_wait_for_come_in_their_order() {
    let launch = Launch::prepare("").start();
    await_true("it is ready", || launch.text("output").contains("Ready to accept connections tcp"));
    let log = launch.text("output");
    let pid = launch.pid().unwrap();
    let mut rest = log.as_str();
    for line in [
        "is starting",
        "version=",
        "Running mode=standalone, port=",
        "Server initialized",
        "Ready to accept connections tcp\n",
    ] {
        let (before, after) = rest.split_once(line).unwrap_or_else(|| panic!("{line}: {log}"));
        assert!(before.contains(&format!("{pid}:M ")), "{before}");
        rest = after;
    }
    assert!(!log.contains("PID: "), "the picture is for terminals: {log}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let launch = Launch::prepare("always-show-logo yes\n").with(&["--port", &port]);
    let refused = text(&launch.command(&lodestore()).output().unwrap());
    let line = format!(" # Failed listening on port {port} (tcp), aborting.\n");
    assert!(refused.contains(&line), "{refused}");
    assert!(refused.contains(&format!("127.0.0.1:{port}: Address already in use")), "{refused}");
    let launch = Launch::prepare("always-show-logo yes\n").start();
    assert!(launch.text("output").contains(&format!("PID: {}\n", launch.pid().unwrap())));
}

#[test]
fn the_log_follows_its_file_and_has_three_forms() {
    let launch = Launch::prepare("logfile server.log\nlog-format json\nloglevel verbose\n").start();
    await_true("it is ready", || launch.text("server.log").contains("Ready to accept"));
    fs::rename(launch.path("server.log"), launch.path("server.log.1")).unwrap();
    assert_eq!(launch.client().call(&["SAVE"]).line(), "+OK");
    await_true("a new file is begun", || launch.text("server.log").contains("DB saved on disk"));
    assert!(!launch.text("server.log.1").contains("DB saved on disk"));
    for line in launch.text("server.log.1").lines() {
        assert!(line.starts_with("{\"pid\":") && line.ends_with("\"}"), "{line}");
    }
    let launch = Launch::prepare("log-format logfmt\nlog-timestamp-format milliseconds\n").start();
    let first = launch.text("output").lines().next().unwrap().to_owned();
    assert!(
        first.starts_with(&format!("pid={} role=master time=1", launch.pid().unwrap())),
        "{first}"
    );
    let launch = Launch::prepare("loglevel nothing\n").start();
    assert_eq!(launch.client().call(&["PING"]).line(), "+PONG");
    assert_eq!(launch.text("output"), "");
}

#[test]
fn it_is_also_known_by_the_names_of_redis() {
    let launch = Launch::prepare("save \"\"\n");
    let named = |name: &str, program: &Path| {
        let link = launch.path(name);
        symlink(program, &link).unwrap();
        link
    };
    let check = named("redis-check-rdb", &lodestore());
    let missing = Command::new(&check).arg(launch.path("dump.rdb")).output().unwrap();
    assert!(!missing.status.success() && text(&missing).contains("dump.rdb: No such file"));
    for name in ["redis-sentinel", "redis-check-aof"] {
        let refused = Command::new(named(name, &lodestore())).arg("x").output().unwrap();
        assert!(!refused.status.success() && text(&refused).contains("not implemented"));
    }
    let server = named("redis-server", &lodestore());
    let version = text(&Command::new(&server).arg("--version").output().unwrap());
    // The first number, and the one behind `v=`, is the version that clients find in INFO.
    let behind = version.split("v=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    assert!(version.starts_with("Redis server v=") && version.contains("Lodestore "), "{version}");
    let mut process = launch.command(&server).stdout(Stdio::null()).spawn().unwrap();
    await_true("the server answers", || Client::connect(&launch.address()).is_ok());
    let info = launch.client().call(&["INFO", "server"]).text();
    let title = fs::read_to_string(format!("/proc/{}/cmdline", process.id())).unwrap();
    let cli = named("redis-cli", &binary("LODESTORE_CLI", "lodestore", "lodestore-cli"));
    let asked = Command::new(cli).args(["-p", &launch.port().to_string(), "PING"]).output();
    let _ = process.kill();
    let _ = process.wait();
    assert!(info.contains(&format!("redis_version:{behind}\r\n")), "{behind}");
    assert!(title.starts_with("redis-server 127.0.0.1:"), "{title}");
    assert_eq!(text(&asked.unwrap()), "PONG\n");
}

/// Starts `binary` with these arguments and this input, and asks for some settings.
fn asked(binary: &Path, arguments: &[&str], input: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("redis.conf");
    fs::write(&file, "hz 33\nsave 5 5\nloglevel notice\n").unwrap();
    let port = free_port().to_string();
    let mut command = Command::new(binary);
    let replaced = |word: &&str| match *word {
        "FILE" => file.to_str().unwrap().to_owned(),
        "PORT" => port.clone(),
        word => word.replace("PORT", &port),
    };
    command.args(arguments.iter().map(replaced)).current_dir(dir.path());
    let mut process =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // One that does not read it closes it.
    let _ = process.stdin.take().unwrap().write_all(input.replace("PORT", &port).as_bytes());
    let address = format!("127.0.0.1:{port}");
    let mut answer = String::from("refused");
    await_true("it answers or ends", || {
        if matches!(process.try_wait(), Ok(Some(_))) {
            return true;
        }
        let Ok(mut client) = Client::connect(&address) else { return false };
        client.call(&["AUTH", "--secret"]);
        let names = ["save", "hz", "loglevel", "timeout", "requirepass", "maxmemory"];
        answer = names.map(|name| client.call(&["CONFIG", "GET", name]).line()).join(" ");
        true
    });
    let _ = process.kill();
    let _ = process.wait();
    answer
}

#[test]
fn arguments_mean_what_they_mean_to_a_real_server() {
    let Some(real) = lodestore_tests::server::peer_binary() else {
        return skip(
            "arguments_mean_what_they_mean_to_a_real_server",
            "no redis-server is installed",
        );
    };
    let input = "maxmemory 3mb\nsave 7 7\n";
    for arguments in [
        &["--port", "PORT"][..],
        &["FILE", "--port", "PORT"],
        &["--save", "--port", "PORT"],
        &["--port", "PORT", "--save"],
        &["--port", "PORT", "--save", ""],
        &["FILE", "--port", "PORT", "--save", "900", "1", "--save", "60 10"],
        &["--port PORT", "--hz 5", "--loglevel", "verbose"],
        &["--port", "PORT", "--requirepass", "--secret", "--timeout", "9"],
        &["FILE", "--port", "PORT", "--loglevel", "verbose", "-"],
        &["--port", "PORT", "-"],
        &["--PORT", "PORT", "--MaxMemory", "100MB"],
        &["--port", "PORT", "--maxmemory", "1g"],
        &["--port", "PORT", "--maxmemory", "1x"],
        &["--port", "PORT", "--hz"],
        &["--port", "PORT", "--hz", "5", "6"],
        &["--port", "PORT", "--nonsense", "1"],
        &["--port", "--hz", "5"],
        &["--port", "PORT", "--requirepass", "a\"b c"],
        &["missing.conf", "--port", "PORT"],
        &["--port", "PORT", "--include", "redis.conf"],
        &["--port", "PORT", "--include", "*.conf"],
        &["--port", "PORT", "--include", "none*.conf"],
    ] {
        assert_eq!(
            asked(&lodestore(), arguments, input),
            asked(&real, arguments, input),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_wrong_file_is_refused_with_the_place_and_the_nearest_name() {
    let launch = Launch::prepare("# ok\nmax-memory 1gb\n");
    let refused = launch.command(&lodestore()).output().unwrap();
    let words = text(&refused);
    assert_eq!(refused.status.code(), Some(1));
    assert!(words.contains("*** FATAL CONFIG FILE ERROR"), "{words}");
    assert!(words.contains("redis.conf, line 2: unknown setting 'max-memory'"), "{words}");
    assert!(words.contains("did you mean 'maxmemory'?"), "{words}");
    assert!(!words.contains("is starting"), "nothing has begun");
}

#[test]
fn the_machine_is_judged_on_request() {
    let judged = run(&["--check-system", "--tcp-backlog", "2000000000"]);
    assert_eq!(judged.code, Some(1), "{}", judged.text);
    assert!(judged.text.contains("[backlog]...WARNING:\n"), "{}", judged.text);
    assert!(judged.text.contains("'sysctl net.core.somaxconn=2000000000'"), "{}", judged.text);
    assert!(judged.text.contains("[memory]..."), "{}", judged.text);
}
