//! What a compiler does not check, and a reader must be able to trust: floors, ownership, `unsafe`,
//! file heads, sizes, words.
//!
//! Every message says what to do instead.

use lodestore_tests::source::{Source, is_name, root, rust_files};

/// The house of ARCHITECTURE.md: a module uses floors below it and its own folder.
const FLOORS: &[(&str, u8)] = &[
    ("base", 0),
    ("value", 1),
    ("resp", 1),
    ("config", 1),
    ("keyspace", 2),
    ("persist", 3),
    ("session", 3),
    ("pubsub", 3),
    ("acl", 3),
    ("script", 3),
    ("repl", 3),
    ("cluster", 3),
    ("stats", 3),
    ("command", 4),
    ("engine", 5),
    ("io", 6),
    ("boot", 7),
];

/// The floor from which on things may be shared between threads.
const IO: u8 = 6;

/// The files that may hold `unsafe`.
const UNSAFE: &[&str] = &[
    "server/src/base/queue.rs",
    "server/src/base/slab/land.rs",
    "server/src/base/slab/mod.rs",
    "server/src/base/slab/runs.rs",
    "server/src/base/slab/tests.rs",
    "server/src/base/slab/walk.rs",
    "server/src/base/alloc.rs",
    "server/src/base/index/bucket.rs",
    "server/src/base/index/directory.rs",
    "server/src/base/index/ground.rs",
    "server/src/base/index/mod.rs",
    "server/src/base/index/row.rs",
    "server/src/base/process.rs",
    "server/src/base/sys.rs",
    "server/src/keyspace/compact.rs",
    "server/src/keyspace/entry.rs",
    "server/src/keyspace/walk.rs",
    "server/src/value/field.rs",
    "server/src/value/sorted_set/ranked.rs",
];

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 60;

/// Files longer than [`FILE_LINES`], with their length of today. This list only shrinks.
const LONG_FILES: &[(&str, usize)] = &[];

/// Functions longer than [`FUNCTION_LINES`], with their length of today. This list only shrinks.
const LONG_FUNCTIONS: &[(&str, usize)] = &[];

fn verdict(faults: Vec<String>) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// The module of a file of the server: `keyspace` of `server/src/keyspace/table.rs`.
fn module(path: &str) -> Option<&str> {
    path.strip_prefix("server/src/")?.split_once('/').map(|(module, _)| module)
}

fn floor(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

fn server() -> Vec<Source> {
    rust_files("server/src")
}

/// The sources of all packages, their suites of tests left out.
fn packages() -> Vec<Source> {
    ["server/src", "client/src", "benches/src", "tests/src"]
        .into_iter()
        .flat_map(rust_files)
        .collect()
}

/// The words of a line, and where each begins.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    line.split(|c| !is_name(c)).filter_map(move |word| {
        let start = at;
        at += word.len() + 1;
        (!word.is_empty()).then_some((start, word))
    })
}

#[test]
fn every_module_has_a_floor() {
    let homeless = |file: &Source| {
        let module = module(&file.path)?;
        floor(module).is_none().then(|| {
            format!(
                "{}: {module} stands on no floor; give it one in FLOORS and ARCHITECTURE.md",
                file.path
            )
        })
    };
    verdict(server().iter().filter_map(homeless).collect());
}

#[test]
fn modules_use_only_floors_below_them() {
    let mut faults = Vec::new();
    for file in server() {
        let Some(own) = module(&file.path) else { continue };
        let Some(own_floor) = floor(own) else { continue };
        for (line, used) in uses(&file) {
            let fits = used == own || floor(&used).is_none_or(|floor| floor < own_floor);
            if !fits {
                let (path, line) = (&file.path, line + 1);
                faults.push(format!(
                    "{path}:{line}: {own} must not know {used}. Let a floor above pass what is needed, \
                     or move the noun that both need to a floor below both"
                ));
            }
        }
    }
    verdict(faults);
}

/// The modules that a file names: `crate::x`, and each `x` of `crate::{x, y::z}`.
fn uses(file: &Source) -> Vec<(usize, String)> {
    let code = file.code_without_tests();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let line = code[..at].matches('\n').count();
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            found.extend(group_heads(group).into_iter().map(|head| (line, head)));
        } else {
            found.push((line, rest.chars().take_while(|&c| is_name(c)).collect()));
        }
    }
    found
}

/// The first names in `a::b, c::{d, e}}`.
fn group_heads(group: &str) -> Vec<String> {
    let mut heads = vec![String::new()];
    let mut depth = 0;
    let mut is_head = true;
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.push(String::new());
                is_head = true;
            }
            ':' => is_head = false,
            c if is_name(c) && is_head && depth == 0 => {
                heads.last_mut().expect("there is always one").push(c);
            }
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

/// `super::super::` out of a folder is `crate::` in disguise.
#[test]
fn paths_out_of_a_folder_say_crate() {
    let mut faults = Vec::new();
    for file in server() {
        let Some(inside) = file.path.strip_prefix("server/src/") else { continue };
        let depth = inside.matches('/').count() + usize::from(!inside.ends_with("mod.rs"));
        let escape = "super::".repeat(depth);
        for (number, line) in file.code_without_tests().lines().enumerate() {
            if depth > 0 && inside.contains('/') && line.contains(&escape) {
                let (path, number) = (&file.path, number + 1);
                faults.push(format!("{path}:{number}: write crate:: instead of {escape}"));
            }
        }
    }
    verdict(faults);
}

#[test]
fn nothing_is_shared_below_io() {
    let shared = ["Arc", "Rc", "Mutex", "RwLock", "RefCell", "OnceLock", "thread_local"];
    let mut faults = Vec::new();
    for file in server() {
        let Some(floor) = module(&file.path).and_then(floor) else { continue };
        if floor == 0 || floor >= IO {
            continue;
        }
        for (number, line) in file.code_without_tests().lines().enumerate() {
            for (_, word) in words(line) {
                if shared.contains(&word) || word.starts_with("Atomic") {
                    let (path, number) = (&file.path, number + 1);
                    faults.push(format!(
                        "{path}:{number}: {word} below io. State has one owner here: pass `&mut` or a \
                         value, or send it through a queue of base"
                    ));
                }
            }
        }
    }
    verdict(faults);
}

#[test]
fn unsafe_stands_in_few_files_and_gives_its_reason() {
    let mut faults = Vec::new();
    for file in packages() {
        let (code, text) = (file.code(), &file.text);
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in code.lines().enumerate() {
            let Some((at, _)) = words(line).find(|(_, word)| *word == "unsafe") else { continue };
            let place = format!("{}:{}", file.path, number + 1);
            if !UNSAFE.contains(&file.path.as_str()) {
                faults.push(format!("{place}: unsafe; use what base::sys or base::queue offers"));
            }
            let is_contract =
                ["unsafe fn", "unsafe trait"].iter().any(|word| line[at..].starts_with(word));
            let above = lines[number.saturating_sub(12)..=number].iter().rev();
            let reason = if is_contract { "# Safety" } else { "SAFETY:" };
            if !above.take(12).any(|line| line.contains(reason)) {
                faults.push(format!(
                    "{place}: unsafe without a reason; write `// {reason}` above it"
                ));
            }
        }
    }
    verdict(faults);
}

#[test]
fn every_file_begins_with_what_it_is() {
    let mut faults = Vec::new();
    for file in packages() {
        let head: Vec<&str> =
            file.text.lines().take_while(|line| line.starts_with("//!")).collect();
        if !file.text.starts_with("//! ") {
            faults.push(format!("{}: begins without `//! what it is`", file.path));
        }
        let is_long = file.text.lines().count() > 40;
        if file.path.starts_with("server/src/") && is_long && !file.path.ends_with("/tests.rs") {
            for word in ["Owns:", "Uses:", "Never:"] {
                if !head.iter().any(|line| line.contains(word)) {
                    faults.push(format!("{}: its head must say `{word} ...`", file.path));
                }
            }
        }
    }
    verdict(faults);
}

#[test]
fn files_and_functions_stay_short() {
    let mut faults = Vec::new();
    let mut sizes = Vec::new();
    for file in packages() {
        let lines = file.text.lines().count();
        sizes.push((file.path.clone(), lines, FILE_LINES, LONG_FILES));
        for (name, _, lines) in file.functions() {
            sizes.push((format!("{}::{name}", file.path), lines, FUNCTION_LINES, LONG_FUNCTIONS));
        }
    }
    for (name, lines, limit, exceptions) in &sizes {
        let today = exceptions.iter().find(|(listed, _)| listed == name).map(|(_, lines)| *lines);
        match today {
            None if lines > limit => faults.push(format!(
                "{name}: {lines} lines, at most {limit}; split it by noun (a file) or by step (a function)"
            )),
            Some(today) if *lines > today => faults.push(format!(
                "{name}: {lines} lines, {today} when it was listed; the list of exceptions only shrinks"
            )),
            Some(today) if *lines < today => faults.push(format!(
                "{name}: {lines} lines now, lower its {today} in the list (at most {limit}: strike it out)"
            )),
            _ => {}
        }
    }
    for (listed, _) in LONG_FILES.iter().chain(LONG_FUNCTIONS) {
        if !sizes.iter().any(|(name, ..)| name == listed) {
            faults.push(format!("{listed}: is gone; strike it out of the list"));
        }
    }
    verdict(faults);
}

#[test]
fn nothing_is_left_for_later() {
    let macros = ["todo", "unimplemented", "dbg"];
    let notes = ["TODO", "FIXME", "XXX"];
    let mut faults = Vec::new();
    for file in packages() {
        for (number, line) in file.code().lines().enumerate() {
            let called = |word: &str, at: usize| line[at + word.len()..].starts_with('!');
            for (_, word) in
                words(line).filter(|(at, word)| macros.contains(word) && called(word, *at))
            {
                faults.push(format!(
                    "{}:{}: {word}!; finish it or take it out",
                    file.path,
                    number + 1
                ));
            }
        }
        for (number, line) in file.text.lines().enumerate() {
            let is_comment = line.contains("//");
            if let Some((_, word)) =
                words(line).find(|(_, word)| is_comment && notes.contains(word))
            {
                let (path, number) = (&file.path, number + 1);
                faults
                    .push(format!("{path}:{number}: {word}; finish it, or say what the limit is"));
            }
        }
    }
    verdict(faults);
}

#[test]
fn what_cannot_fail_says_why() {
    let mut faults = Vec::new();
    for file in packages() {
        for (number, line) in file.code_without_tests().lines().enumerate() {
            if line.contains(".unwrap()") {
                let place = format!("{}:{}", file.path, number + 1);
                faults.push(format!(
                    "{place}: unwrap; pass the error on, or expect(\"why it cannot fail\")"
                ));
            }
        }
    }
    verdict(faults);
}

#[test]
fn the_example_file_is_what_the_rows_print() {
    let file = std::fs::read_to_string(root().join("redis.conf.example")).unwrap_or_default();
    let same = file == lodestore_server::config::example();
    assert!(same, "redis.conf.example is stale: UPDATE=1 cargo test -p lodestore-server example");
}
