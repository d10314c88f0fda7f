//! What COMMAND and INFO tell, beside what a real redis-server tells: flags, categories, key
//! specifications, names of fields. Every difference stands here with its reason.

use lodestore_tests::client::{Client, Proto};
use lodestore_tests::reply::Reply;
use lodestore_tests::server::{Server, skip};

/// Differences in rows: the command, what differs, and why.
const ROWS: &[(&str, &str, &str)] = &[
    ("blmove", "flags", "noscript before 7.2"),
    ("blpop", "flags", "noscript before 7.2"),
    ("brpop", "flags", "noscript before 7.2"),
    ("brpoplpush", "flags", "noscript before 7.2"),
    ("bzpopmax", "flags", "noscript before 7.2"),
    ("bzpopmin", "flags", "noscript before 7.2"),
    ("client|kill", "arity", "7.2 and later want the filter's value as well"),
    ("command|getkeys", "arity", "7.2 and later take a command without arguments"),
    ("command|getkeysandflags", "arity", "7.2 and later take a command without arguments"),
    ("psubscribe", "flags", "denyoom from 7.2 on"),
    ("sinterstore", "keys", "only overwritten, as 7.2 and later say"),
    ("subscribe", "flags", "denyoom from 7.2 on"),
    ("wait", "flags", "blocking from 7.2 on, where it had been noscript"),
    ("wait", "categories", "blocking from 7.2 on"),
    ("zrank", "arity", "7.2 and later know WITHSCORE"),
    ("zrevrank", "arity", "7.2 and later know WITHSCORE"),
];

/// Fields of Redis's INFO that are left out: how their names begin, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("redis_git", "of Redis's build"),
    ("redis_build_id", "of Redis's build"),
    ("gcc_version", "of Redis's build"),
    ("atomicvar_api", "of Redis's build"),
    ("module", "there are no modules"),
    (
        "io_threaded_total_prefetch",
        "every command is fetched ahead: engine_* says how many at once",
    ),
    ("cmdstat", "as many as commands were sent"),
    ("latency_percentiles", "as many as commands were sent"),
    ("errorstat", "as many as codes were answered"),
    ("db", "as many as databases hold keys"),
];

/// The two servers, or nothing where no redis-server is installed.
fn both(test: &str) -> Option<(Server, Server)> {
    let Some(peer) = Server::peer(&[]) else {
        skip(test, "no redis-server is installed");
        return None;
    };
    Some((Server::start(&[]), peer))
}

/// What COMMAND INFO says of a command: what, and its value in a form that can be compared.
fn facts(client: &mut Client, name: &str) -> Option<Vec<(&'static str, String)>> {
    let row = client.call(&["COMMAND", "INFO", name]).items().first()?.items();
    let range = row.get(3..6)?.iter().map(Reply::to_string).collect::<Vec<_>>().join(" ");
    Some(vec![
        ("arity", row[1].to_string()),
        ("flags", sorted(&row[2])),
        ("range", range),
        ("categories", sorted(&row[6])),
        ("keys", row[8].items().iter().map(specification).collect::<Vec<_>>().join("; ")),
    ])
}

fn sorted(words: &Reply) -> String {
    let mut words: Vec<String> = words.items().iter().map(Reply::text).collect();
    words.sort_unstable();
    words.join(" ")
}

/// A key specification without its notes.
fn specification(spec: &Reply) -> String {
    let items = spec.items();
    let pairs = items.chunks_exact(2).filter(|pair| pair[0].text() != "notes");
    let text = |pair: &[Reply]| match pair[0].text().as_str() {
        "flags" => sorted(&pair[1]),
        _ => pair[1].to_string(),
    };
    pairs.map(text).collect::<Vec<_>>().join(", ")
}

#[test]
fn rows_are_those_of_a_real_server() {
    let Some((ours, theirs)) = both("rows_are_those_of_a_real_server") else { return };
    let (mut ours, mut theirs) = (ours.speaking(Proto::Resp3), theirs.speaking(Proto::Resp3));
    let mut faults = Vec::new();
    for name in ours.call(&["COMMAND", "LIST"]).items().iter().map(Reply::text) {
        // What the installed server does not know yet is compared with the facts only.
        let Some(known) = facts(&mut theirs, &name) else { continue };
        let mine = facts(&mut ours, &name).expect("a command of the list is known");
        for ((what, mine), (_, theirs)) in mine.iter().zip(known) {
            let chosen = ROWS.iter().any(|(row, differs, _)| *row == name && differs == what);
            if *mine != theirs && !chosen {
                faults.push(format!("{name}: {what} {mine:?}, and {theirs:?} on a real server"));
            }
        }
    }
    let advice = "correct the row, or add the difference and its reason to ROWS";
    assert!(faults.is_empty(), "{advice}:\n{}", faults.join("\n"));
}

/// The names of INFO's fields, of all sections.
fn fields(server: &Server) -> Vec<String> {
    let text = server.client().call(&["INFO", "everything"]).text();
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(name, _)| name.to_string()).collect()
}

#[test]
fn info_has_the_fields_of_a_real_server() {
    let Some((ours, theirs)) = both("info_has_the_fields_of_a_real_server") else { return };
    let mine = fields(&ours);
    let left_out = |name: &str| LEFT_OUT.iter().any(|(start, _)| name.starts_with(start));
    let missing: Vec<String> = fields(&theirs)
        .into_iter()
        .filter(|name| !mine.contains(name) && !left_out(name))
        .collect();
    let advice = "add the field to its section, or its name and the reason to LEFT_OUT";
    assert!(missing.is_empty(), "{advice}: {missing:?}");
}

#[test]
fn info_is_parsed_by_its_lines() {
    let server = Server::start(&[]);
    let text = server.client().call(&["INFO", "everything"]).text();
    for line in text.split("\r\n").filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, _) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line:?}"));
        let fits = |c: char| c.is_ascii_alphanumeric() || "_|-".contains(c);
        assert!(!name.is_empty() && name.chars().all(fits), "no name: {line:?}");
    }
}
