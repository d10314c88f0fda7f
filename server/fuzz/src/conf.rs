//! Target: any text is a redis.conf or is refused with a line; what is read is written and read again.

use lodestore_server::config::Config;
use lodestore_server::config::parse::{Source, parse, quote, words};

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    quoting_can_be_undone(&text);
    let lines = text.lines().count();
    // The text includes itself, deeper and deeper, until that is refused.
    let mut includes = 0;
    let mut include = |_: &str| {
        includes += 1;
        Ok(vec![Source { name: "included".into(), text: text.clone() }])
    };
    let read = parse(&[Source { name: "a file".into(), text: text.clone() }], &mut include);
    assert!(includes <= 1001, "{includes} files were read");
    match read {
        Ok((config, ignored)) => {
            assert!(ignored.len() <= lines, "each name is told once");
            config_can_be_told(&config);
        }
        Err(problem) => {
            assert!((1..=lines).contains(&problem.line), "{problem}");
            assert!(!problem.words.is_empty());
        }
    }
}

fn quoting_can_be_undone(text: &str) {
    for line in text.lines() {
        let Some(split) = words(line) else { continue };
        let again: Vec<String> = split.iter().map(|word| quote(word)).collect();
        assert_eq!(words(&again.join(" ")), Some(split), "{line:?}");
    }
}

/// What CONFIG GET answers can be read as a file, and means the same.
fn config_can_be_told(config: &Config) {
    let told = config.matching(&[b"*"], |_, _, _| true);
    let mut text = String::new();
    for (name, value) in &told {
        text.push_str(&format!("{name} {}\n", quote(value)));
    }
    let mut nothing = |_: &str| Ok(Vec::new());
    let read = parse(&[Source { name: "told".into(), text }], &mut nothing);
    if let Ok((again, _)) = read {
        assert_eq!(again.matching(&[b"*"], |_, _, _| true), told);
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    [
        "port 6379\nbind 127.0.0.1 -::1\n# a comment\n\nsave 3600 1 300 100\nsave \"\"\n",
        "maxmemory 100mb\nmaxmemory-policy allkeys-lru\nmaxmemory-samples 10\n",
        "requirepass \"a \\\"word\\\" \\x41\\n\"\nappendonly no\ndir './'\n",
        "include other.conf\n",
        "client-output-buffer-limit pubsub 32mb 8mb 60\nclient-output-buffer-limit normal 0 0 0\n",
        "hz 10\ntimeout 0\ntcp-keepalive 300\nio-threads auto\nunixsocketperm 700\n",
        "notify-keyspace-events KEA\nlogfile \"\"\nloglevel notice\ndatabases 16\n",
        "rename-command CONFIG \"\"\nuser default on\nnosuchsetting 1\n",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .collect()
}
