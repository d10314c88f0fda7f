//! Snapshots exchanged with real servers, both ways.
//!
//! Uses the servers that the variable REDIS_SERVER names (several, separated by colons), else the
//! `redis-server` of the PATH; says SKIPPED when there is none.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lodestore_server::persist::rdb::check::check;
use lodestore_server::persist::rdb::format::{Access, Family, Version};
use lodestore_server::persist::rdb::load::{self, Checksum, Insert, Loader, Record, Target};
use lodestore_server::persist::rdb::save::{self, Scratch, Writer};
use lodestore_server::value::{Put, PutText, TextRef, ValueRef};

/// What is compared: by database and key the text and the deadline.
type Contents = BTreeMap<(u64, Vec<u8>), (Vec<u8>, Option<i64>)>;

/// A deadline that no test run outlives.
const FAR: i64 = 4_102_444_800_123;

fn servers() -> Vec<PathBuf> {
    let named = std::env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
    let works =
        |path: &PathBuf| Command::new(path).arg("--version").stdout(Stdio::null()).status().is_ok();
    let found: Vec<PathBuf> = named.split(':').map(PathBuf::from).filter(works).collect();
    if found.is_empty() {
        println!("SKIPPED: no redis-server");
    }
    found
}

/// A real server in a directory of its own; ends with the test.
struct Peer {
    process: Child,
    stream: BufReader<UnixStream>,
}

impl Peer {
    /// Starts on the snapshot in `dir`, if there is one. `None` if the server does not come up.
    fn start(server: &Path, dir: &Path, more: &[&str]) -> Option<Peer> {
        let socket = dir.join("socket");
        let mut process = Command::new(server)
            .args(["--port", "0", "--save", "", "--dir"])
            .arg(dir)
            .arg("--unixsocket")
            .arg(&socket)
            .args(more)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until && process.try_wait().unwrap().is_none() {
            // A server that refuses the file may answer LOADING first and then be gone.
            if let Ok(stream) = UnixStream::connect(&socket) {
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                let sent = stream.get_mut().write_all(b"PING\r\n");
                if sent.and_then(|()| stream.read_line(&mut line)).is_ok() && line == "+PONG\r\n" {
                    return Some(Peer { process, stream });
                }
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = process.kill();
        let _ = process.wait();
        None
    }

    fn ask(&mut self, args: &[&[u8]]) -> Option<Vec<u8>> {
        let mut request = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            request.extend(format!("${}\r\n", arg.len()).bytes());
            request.extend_from_slice(arg);
            request.extend(b"\r\n");
        }
        self.stream.get_mut().write_all(&request).unwrap();
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let (kind, rest) = line.trim_end().split_at(1);
        if kind != "$" {
            return Some(rest.as_bytes().to_vec());
        }
        let len = usize::try_from(rest.parse::<i64>().unwrap()).ok()?;
        let mut bulk = vec![0; len + 2];
        self.stream.read_exact(&mut bulk).unwrap();
        bulk.truncate(len);
        Some(bulk)
    }

    fn number(&mut self, args: &[&[u8]]) -> i64 {
        String::from_utf8(self.ask(args).unwrap()).unwrap().parse().unwrap()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Strings of every form that a snapshot has, and of lengths around each border.
fn contents() -> Contents {
    let mut contents = Contents::new();
    let mut put = |db: u64, key: &[u8], text: Vec<u8>, deadline| {
        contents.insert((db, key.to_vec()), (text, deadline));
    };
    for number in [
        0,
        -1,
        127,
        128,
        -128,
        -129,
        32_767,
        -32_769,
        2_147_483_647,
        2_147_483_648,
        -2_147_483_649,
        i64::MAX,
        i64::MIN,
    ] {
        put(0, format!("int:{number}").as_bytes(), number.to_string().into_bytes(), None);
        put(1, number.to_string().as_bytes(), b"an integer for a key".to_vec(), Some(FAR));
    }
    for text in ["", "-0", "007", "+5", " 1", "1.5", "9223372036854775808"] {
        put(2, format!("text:{text}").as_bytes(), text.as_bytes().to_vec(), Some(FAR + 1));
    }
    put(2, b"", b"the empty key".to_vec(), None);
    for len in [
        19_usize,
        20,
        21,
        24,
        63,
        64,
        264,
        300,
        8_192,
        16_383,
        16_384,
        65_535,
        65_536,
        1 << 20,
        3 << 20,
    ] {
        put(3, format!("same:{len}").as_bytes(), vec![b'z'; len], None);
        let words = b"lorem ipsum dolor sit amet, consetetur sadipscing elitr; ".iter().cycle();
        let words = words
            .take(len)
            .enumerate()
            .map(|(at, byte)| if at % 97 == 0 { at as u8 } else { *byte });
        put(3, format!("words:{len}").as_bytes(), words.collect(), Some(FAR));
        let noise =
            (0..len as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 21) as u8 ^ (n >> 7) as u8);
        put(4, format!("noise:{len}").as_bytes(), noise.collect(), None);
    }
    put(15, &[b'k'; 500], b"a long key".to_vec(), None);
    for n in 0..3_000 {
        let text = format!(
            "{{\"id\":{n},\"name\":\"somebody {n}\",\"mail\":\"somebody{n}@example.org\"}}"
        );
        put(9, format!("user:{n}").as_bytes(), text.into_bytes(), (n % 3 == 0).then_some(FAR + n));
    }
    contents
}

#[derive(Default)]
struct Collect {
    contents: Contents,
    idle: usize,
    frequency: usize,
}

impl Target for Collect {
    fn select_db(&mut self, _: u64) -> Result<(), String> {
        Ok(())
    }

    fn entry(&mut self, record: Record<'_>) -> Result<Insert, String> {
        let text = match record.value {
            Put::Text(PutText::Int(number)) => number.to_string().into_bytes(),
            Put::Text(PutText::Bytes(bytes)) => bytes.to_vec(),
            Put::Text(PutText::Blob(blob)) => blob.to_vec(),
            Put::Packed(..) | Put::Large(_) => return Err("no string".into()),
        };
        match record.access {
            Access::Unknown => {}
            Access::Idle(_) => self.idle += 1,
            Access::Frequency(_) => self.frequency += 1,
        }
        let old = self.contents.insert((record.db, record.key.to_vec()), (text, record.deadline));
        Ok(if old.is_some() { Insert::Duplicate } else { Insert::Kept })
    }
}

fn load(file: &[u8], slice: usize) -> Collect {
    let mut collect = Collect::default();
    let mut loader = Loader::new(load::Options::file(file.len() as u64));
    for slice in file.chunks(slice) {
        loader.feed(slice, &mut collect).unwrap();
    }
    let totals = loader.end().unwrap();
    assert!(matches!(totals.checksum, Checksum::Good(_)));
    collect
}

fn save(contents: &Contents, version: Version, access: Access) -> Vec<u8> {
    let mut out = Vec::new();
    let mut scratch = Scratch::new();
    let options = save::Options {
        version,
        now_ms: 1_700_000_000_000,
        used_memory: 1 << 33,
        ..save::Options::default()
    };
    let mut writer = Writer::new(&mut out, &mut scratch, options);
    writer.header().unwrap();
    let mut db = None;
    for ((number, key), (text, deadline)) in contents {
        if db.replace(*number) != Some(*number) {
            let keys = contents.keys().filter(|(db, _)| db == number).count();
            writer.select_db(*number, keys as u64, 0).unwrap();
        }
        writer.entry(key, ValueRef::Text(TextRef::Bytes(text)), *deadline, access).unwrap();
    }
    writer.finish().unwrap();
    out
}

fn fill(peer: &mut Peer, contents: &Contents) {
    for ((db, key), (text, deadline)) in contents {
        peer.ask(&[b"SELECT", db.to_string().as_bytes()]);
        let set = match deadline {
            None => peer.ask(&[b"SET", key, text]),
            Some(at) => peer.ask(&[b"SET", key, text, b"PXAT", at.to_string().as_bytes()]),
        };
        assert_eq!(set.as_deref(), Some(&b"OK"[..]));
    }
}

fn compare(peer: &mut Peer, contents: &Contents) {
    for ((db, key), (text, deadline)) in contents {
        peer.ask(&[b"SELECT", db.to_string().as_bytes()]);
        let shown = key.escape_ascii().to_string();
        assert!(peer.ask(&[b"GET", key]).as_ref() == Some(text), "{shown}");
        assert_eq!(peer.number(&[b"PEXPIRETIME", key]), deadline.unwrap_or(-1), "{shown}");
    }
    for db in 0..16_u64 {
        peer.ask(&[b"SELECT", db.to_string().as_bytes()]);
        let keys = contents.keys().filter(|(number, _)| *number == db).count();
        assert_eq!(peer.number(&[b"DBSIZE"]), keys as i64);
    }
}

/// The version that a server writes itself.
fn own_version(server: &Path) -> Version {
    let dir = tempfile::tempdir().unwrap();
    let mut peer = Peer::start(server, dir.path(), &[]).expect("the server starts");
    peer.ask(&[b"SAVE"]);
    let file = std::fs::read(dir.path().join("dump.rdb")).unwrap();
    Version::from_magic(file.first_chunk().unwrap()).unwrap()
}

#[test]
fn what_a_real_server_saves_we_load() {
    for server in servers() {
        for more in [
            &["--rdbcompression", "yes"][..],
            &["--rdbcompression", "no"],
            &["--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru"],
            &["--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lfu"],
        ] {
            let dir = tempfile::tempdir().unwrap();
            let mut peer = Peer::start(&server, dir.path(), more).expect("the server starts");
            let contents = contents();
            fill(&mut peer, &contents);
            assert_eq!(peer.ask(&[b"SAVE"]).as_deref(), Some(&b"OK"[..]));
            let file = std::fs::read(dir.path().join("dump.rdb")).unwrap();
            for slice in [700, 65_536, usize::MAX] {
                let collect = load(&file, slice);
                assert!(collect.contents == contents, "{} {more:?}", server.display());
                assert_eq!(collect.idle > 0, more.contains(&"allkeys-lru"));
                assert_eq!(collect.frequency > 0, more.contains(&"allkeys-lfu"));
            }
            let report = check(&mut &file[..], file.len() as u64, 0);
            assert!(report.is_sound() && report.keys() == contents.len() as u64, "{report}");
            println!(
                "{} {more:?}: {} bytes, ours {}",
                server.display(),
                file.len(),
                save(&contents, Version::DEFAULT, Access::Unknown).len()
            );
        }
    }
}

#[test]
fn what_we_save_a_real_server_loads() {
    let contents = contents();
    for server in servers() {
        let own = own_version(&server);
        let mut read_by = Vec::new();
        for number in [9, 10, 11, 12, 80] {
            let version = Version::for_saving(number).unwrap();
            for (access, more) in [
                (Access::Unknown, &[][..]),
                (Access::Idle(77), &["--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru"]),
                (
                    Access::Frequency(9),
                    &["--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lfu"],
                ),
            ] {
                let dir = tempfile::tempdir().unwrap();
                std::fs::write(dir.path().join("dump.rdb"), save(&contents, version, access))
                    .unwrap();
                let Some(mut peer) = Peer::start(&server, dir.path(), more) else {
                    let expected = match own.family {
                        Family::Redis => number <= own.number,
                        Family::Valkey => number <= 11 || number == own.number,
                    };
                    assert!(!expected, "{} refuses version {number}", server.display());
                    continue;
                };
                compare(&mut peer, &contents);
                read_by.push(number);
            }
        }
        read_by.dedup();
        println!("{} reads our versions {read_by:?}", server.display());
    }
}

#[test]
fn redis_check_rdb_finds_nothing_to_complain_about() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dump.rdb");
    std::fs::write(&path, save(&contents(), Version::for_saving(10).unwrap(), Access::Idle(5)))
        .unwrap();
    match Command::new("redis-check-rdb").arg(&path).output() {
        Err(_) => println!("SKIPPED: no redis-check-rdb"),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && said.contains("Checksum OK"), "{said}");
            assert!(said.contains(&format!("{} keys read", contents().len())), "{said}");
        }
    }
}

#[test]
fn every_type_of_a_real_server_is_counted() {
    for server in servers() {
        let dir = tempfile::tempdir().unwrap();
        let mut peer = Peer::start(&server, dir.path(), &[]).expect("the server starts");
        let commands: [&[&[u8]]; 6] = [
            &[b"SET", b"text", b"a"],
            &[b"RPUSH", b"list", b"a"],
            &[b"HSET", b"hash", b"a", b"b"],
            &[b"SADD", b"set", b"a"],
            &[b"ZADD", b"zset", b"1", b"b"],
            &[b"XADD", b"stream", b"1", b"a", b"b"],
        ];
        for command in commands {
            peer.ask(command);
        }
        peer.ask(&[b"SAVE"]);
        let file = std::fs::read(dir.path().join("dump.rdb")).unwrap();
        let report = check(&mut &file[..], file.len() as u64, 0);
        assert!(report.is_sound(), "{report}");
        let types: Vec<_> = report.types.into_iter().collect();
        let names = ["hash", "list", "set", "stream", "string", "zset"];
        assert_eq!(types, names.map(|name| (name, 1)));
    }
}
