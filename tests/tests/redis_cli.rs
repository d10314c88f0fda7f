//! What redis-cli prints for Lodestore, beside what it prints for a real redis-server: the same
//! commands to both, in every format, and the tools that it brings.

use lodestore_tests::cli::Cli;
use lodestore_tests::server::{Server, skip};
use std::io::{BufRead, BufReader};
use std::process::Child;

/// Both servers, and redis-cli for each.
struct Pair {
    ours: (Server, Cli),
    theirs: (Server, Cli),
}

impl Pair {
    /// None, and it says so, where redis-cli or redis-server is missing.
    fn of(test: &str) -> Option<Pair> {
        Pair::with(test, &[])
    }

    /// The same, started with these settings.
    fn with(test: &str, settings: &[(&str, &str)]) -> Option<Pair> {
        let Some(theirs) = Server::peer(settings) else {
            skip(test, "no redis-server is installed");
            return None;
        };
        let ours = Server::start(settings);
        let (a, b) = (Cli::of(test, &ours)?, Cli::of(test, &theirs)?);
        let pair = Pair { ours: (ours, a), theirs: (theirs, b) };
        pair.same(&["--pipe"], DATA);
        Some(pair)
    }

    fn both(&self) -> [&Cli; 2] {
        [&self.ours.1, &self.theirs.1]
    }

    /// The same command, input, output and status.
    fn same(&self, args: &[&str], input: &[u8]) {
        self.alike(args, input, |text| text);
    }

    /// The same, after `part` has taken out of the output what may be compared.
    fn alike(&self, args: &[&str], input: &[u8], part: impl Fn(String) -> String) {
        let [ours, theirs] = self.both().map(|cli| {
            let (text, well) = cli.status(args, input);
            (part(text), well)
        });
        let input = String::from_utf8_lossy(input);
        assert_eq!(ours, theirs, "redis-cli {} < {input:?} (ours, theirs)", args.join(" "));
    }
}

/// One key of each type that has elements.
const COLLECTIONS: &[u8] = b"RPUSH list a b c\r\nSADD set a b\r\nZADD zset 1 a 2 b\r\nHSET hash f v g w\r\nXADD stream 1-1 f v\r\n";

/// Commands that both servers are given first.
const DATA: &[u8] = b"SET text value\r\nSET number 41\r\nSET empty \"\"\r\nSET bytes \"a\\x00\\xff\\r\\n\\\"b\"\r\n\
    SET utf8 gr\xc3\xb6\xc3\x9fe\r\nMSET first ohmytext second mynewtext\r\nSET long xxxxxxxxxxxxxxxxxxxxxxxx\r\n\
    SETEX dated 1000 v\r\n";

const FORMATS: &[&[&str]] = &[
    &[],
    &["--raw"],
    &["--no-raw"],
    &["--csv"],
    &["-2", "--json"],
    &["--json"],
    &["--quoted-json"],
    &["-3", "--no-raw"],
    &["-3", "--csv"],
    &["-d", ";", "--raw"],
    &["-D", "|", "--raw"],
    &["-e"],
];

#[test]
fn every_kind_of_reply_in_every_format() {
    let Some(pair) = Pair::of("every_kind_of_reply_in_every_format") else { return };
    let commands = [
        "PING",
        "PING hello",
        "ECHO text",
        "GET text",
        "GET empty",
        "GET bytes",
        "GET utf8",
        "GET missing",
        "MGET text missing number bytes",
        "INCR number",
        "INCR text",
        "INCRBYFLOAT number 0.25",
        "DECR missing-number",
        "EXISTS text missing",
        "TYPE text",
        "TTL dated",
        "PERSIST text",
        "OBJECT ENCODING text",
        "LCS first second",
        "LCS first second IDX MINMATCHLEN 4 WITHMATCHLEN",
        "CONFIG GET maxmemory",
        "CONFIG GET nothing-of-this-name",
        "PUBSUB NUMSUB one two",
        "PUBSUB CHANNELS",
        "COMMAND GETKEYS MSET a 1 b 2",
        "CLIENT GETNAME",
        "ROLE",
        "SLOWLOG GET",
        "SELECT 3",
        "SELECT 99",
        "WAIT 0 0",
        "NOSUCH with arguments",
        "GET",
        "EXEC",
        "SET text value NX",
        "SET text value GET",
    ];
    for command in commands {
        for format in FORMATS {
            let words: Vec<&str> = format.iter().copied().chain(command.split(' ')).collect();
            // A number that grows begins where it began, for every format.
            pair.same(&["SET", "number", "41"], b"");
            pair.same(&words, b"");
        }
    }
}

#[test]
fn lines_from_a_pipe() {
    let Some(pair) = Pair::of("lines_from_a_pipe") else { return };
    let inputs: [&[u8]; 6] = [
        b"SET a 1\nINCR a\nGET a\nMULTI\nINCR a\nGET a\nEXEC\n",
        b"3 INCR repeated\nSET quoted \"two words\\x00\"\nGET quoted\nGET 'quoted'\n",
        b"\n  \nPING\n# comment\nPING\n\"unbalanced\nPING\n",
        b"MULTI\nNOSUCH\nEXEC\nWATCH a\nMULTI\nDISCARD\nDISCARD\n",
        b"SELECT 2\nSET only-here 1\nDBSIZE\nSELECT 0\nEXISTS only-here\n",
        b"HELLO 3\nCONFIG GET maxmemory\nHELLO 2\nCONFIG GET maxmemory\nQUIT\nPING\n",
    ];
    for input in inputs {
        for format in [&[][..], &["--no-raw"], &["-3"], &["--json"]] {
            pair.alike(format, input, without_hello);
        }
    }
}

/// HELLO tells the version, and a connection's number.
fn without_hello(text: String) -> String {
    let told = |line: &&str| {
        !["version", "7.", "proto", "id", "modules", "server", "mode", "role"]
            .iter()
            .any(|word| line.contains(word))
    };
    let kept: Vec<&str> = text.lines().filter(told).collect();
    kept.join("\n").replace(char::is_numeric, "#")
}

#[test]
fn options_of_one_shot_commands() {
    let Some(pair) = Pair::of("options_of_one_shot_commands") else { return };
    pair.same(&["-r", "3", "-i", "0.01", "INCR", "repeated"], b"");
    pair.same(&["-x", "SET", "from-input"], b"line 1\nline 2");
    pair.same(&["GET", "from-input"], b"");
    pair.same(&["-X", "TAG", "SET", "TAG", "tagged"], b"by-tag");
    pair.same(&["--quoted-input", "SET", r#""a\x00b""#, r#""\xff""#], b"");
    pair.same(&["--quoted-input", "GET", r#""a\x00b""#], b"");
    pair.same(&["-n", "3", "SET", "text", "third"], b"");
    pair.same(&["-n", "99", "GET", "text"], b"");
    pair.same(&["-c", "GET", "text"], b"");
    pair.same(&["-a", "no-such-password", "PING"], b"");
    pair.same(&["--no-auth-warning", "--user", "nobody", "--pass", "x", "PING"], b"");
    pair.same(&["--no-auth-warning", "--user", "default", "--pass", "x", "PING"], b"");
    for cli in pair.both() {
        cli.run(&["CONFIG", "SET", "requirepass", "secret"]);
    }
    pair.same(&["GET", "text"], b"");
    pair.same(&["--no-auth-warning", "-a", "wrong", "GET", "text"], b"");
    pair.same(&["--no-auth-warning", "-a", "secret", "GET", "text"], b"");
    pair.same(&["--no-auth-warning", "-3", "-a", "secret", "GET", "text"], b"");
}

#[test]
fn a_value_moves_by_dump_and_restore() {
    let Some(pair) = Pair::of("a_value_moves_by_dump_and_restore") else { return };
    let [ours, theirs] = pair.both();
    for (from, to) in [(ours, theirs), (theirs, ours)] {
        // The way that redis-cli's help shows; our snapshots are of a later version than 7.0 reads.
        let mut child = from.start(&["-D", "", "--raw", "DUMP", "bytes"]);
        drop(child.stdin.take());
        let dump = child.wait_with_output().expect("redis-cli ends").stdout;
        let restore = ["-X", "DUMP", "RESTORE", "copy", "0", "DUMP", "REPLACE"];
        let same_server = from.piped(&restore, &dump);
        assert_eq!(same_server, "OK\n");
        if std::ptr::eq(to, ours) {
            assert_eq!(to.piped(&restore, &dump), "OK\n");
        }
        assert_eq!(from.run(&["GET", "copy"]), from.run(&["GET", "bytes"]));
    }
}

#[test]
fn keys_that_are_scanned() {
    let Some(pair) = Pair::of("keys_that_are_scanned") else { return };
    let many: String = (0..3000).map(|i| format!("SET key:{i} x\r\n")).collect();
    pair.same(&["--pipe"], many.as_bytes());
    let sorted = |text: String| {
        let mut keys: Vec<&str> = text.lines().collect();
        keys.sort_unstable();
        keys.join("\n")
    };
    pair.alike(&["--scan"], b"", sorted);
    pair.alike(&["--scan", "--pattern", "key:1*"], b"", sorted);
    pair.alike(&["--scan", "--pattern", "key:[12]?"], b"", sorted);
    pair.alike(&["--scan", "--pattern", "nothing"], b"", sorted);
    pair.alike(&["--scan", "--quoted-pattern", r#""t\x65xt""#], b"", sorted);
    pair.alike(&["-n", "5", "--scan"], b"", sorted);
}

/// What a tool says at its end; before it, the order of a scan shows.
fn summary(text: String) -> String {
    let (_, end) = text.split_once("- summary -").unwrap_or_else(|| panic!("no summary in {text}"));
    end.to_owned()
}

#[test]
fn big_keys_and_keys_of_much_memory() {
    let Some(pair) = Pair::of("big_keys_and_keys_of_much_memory") else { return };
    pair.same(&["--pipe"], COLLECTIONS);
    pair.alike(&["--bigkeys"], b"", summary);
    pair.alike(&["-3", "--bigkeys", "-i", "0.001"], b"", summary);
    // An entry's memory is the server's own affair.
    let unmeasured = |text: String| {
        let text = summary(text);
        let kept = text.lines().filter(|line| !line.starts_with("Biggest"));
        kept.collect::<Vec<_>>().join("\n").replace(|c: char| c.is_numeric() || c == '.', "")
    };
    pair.alike(&["--memkeys"], b"", unmeasured);
    pair.alike(&["--memkeys-samples", "5"], b"", unmeasured);
}

#[test]
fn hot_keys() {
    let Some(pair) = Pair::of("hot_keys") else { return };
    // Without LFU it fails at the first key; which one is first shows only in how far it came.
    pair.alike(&["--hotkeys"], b"", |text| {
        text.lines().filter(|line| line.contains("ERR")).collect::<Vec<_>>().join("\n")
    });
    let lfu = [("maxmemory-policy", "allkeys-lfu")];
    let Some(pair) = Pair::with("hot_keys", &lfu) else { return };
    for cli in pair.both() {
        cli.piped(&[], "GET text\n".repeat(2000).as_bytes());
    }
    // A counter grows by chance.
    pair.alike(&["--hotkeys"], b"", |text| {
        let text = summary(text);
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines.join("\n").replace(char::is_numeric, "").replace('.', "")
    });
    let found = pair.ours.1.run(&["--hotkeys"]);
    let first = summary(found).lines().find(|line| line.contains("hot key")).map(str::to_owned);
    assert!(first.is_some_and(|line| line.ends_with("\"text\"")), "text was read most");
}

/// The first lines that a program prints which never ends; it is ended here.
fn first_lines(mut child: Child, count: usize) -> Vec<String> {
    let output = child.stdout.take().expect("its standard output is a pipe");
    let lines = BufReader::new(output).lines().map_while(Result::ok).take(count).collect();
    let _ = child.kill();
    let _ = child.wait();
    lines
}

#[test]
fn figures_while_time_passes() {
    let Some(pair) = Pair::of("figures_while_time_passes") else { return };
    let [ours, theirs] =
        pair.both().map(|cli| first_lines(cli.start(&["--stat", "-i", "0.02"]), 5));
    assert_eq!(ours[..2], theirs[..2], "the head of --stat");
    for (ours, theirs) in ours.iter().zip(&theirs).skip(2) {
        let columns = |line: &String| line.split_whitespace().count();
        assert_eq!(columns(ours), columns(theirs), "{ours:?}, {theirs:?}");
        // keys, memory, clients, blocked, requests
        let first: Vec<&str> = ours.split_whitespace().collect();
        assert_eq!((first[0], first[3]), ("9", "0"), "{ours}");
    }
    for format in ["--raw", "--csv"] {
        let shape = |text: String| text.replace(char::is_numeric, "").replace('.', "");
        pair.alike(&[format, "-i", "0.2", "--latency"], b"", shape);
    }
}
